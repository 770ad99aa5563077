import Logging

/// Writes what a part of Stet logs as the notes that a user reads: one line without a date.
struct NoteLogHandler: LogHandler {
  var metadata: Logger.Metadata = [:]
  var logLevel = Logger.Level.notice

  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  func log(event: LogEvent) { Output.notes.tell(line(event)) }

  /// The sentence, then what is known beside it, in the order of the names.
  func line(_ event: LogEvent) -> String {
    let all = metadata.merging(event.metadata ?? [:]) { $1 }
    let facts = all.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }
    return "stet: " + (event.level >= .warning ? "warning: " : "") + "\(event.message)"
      + (facts.isEmpty ? "" : " (\(facts.joined(separator: ", ")))")
  }
}

extension Logger {
  static func notes(label: String) -> Logger {
    Logger(label: label) { _ in NoteLogHandler() }
  }
}
