import Domain
import Foundation
import Logging

/// The log of a server on standard error: one line an entry, as text for people or as JSON for
/// programs. Secrets are masked whoever logged them; control characters never reach a terminal.
struct ServiceLogHandler: LogHandler {
  var metadata: Logger.Metadata = [:]
  var logLevel: Logger.Level
  let label: String
  let format: ServiceSettings.LogFormat
  let output: Output
  /// Settings that must never be seen, whatever they look like.
  var secrets: [String] = []
  var now: @Sendable () -> Date = { Date() }

  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  func log(event: LogEvent) { output.tell(line(event)) }

  func line(_ event: LogEvent) -> String {
    let facts = metadata.merging(event.metadata ?? [:]) { $1 }
      .map { (name: $0.key, value: "\($0.value)") }.sorted { $0.name < $1.name }
    switch format {
    case .json: return json(event, facts)
    case .text: return text(event, facts)
    }
  }

  private func text(_ event: LogEvent, _ facts: [(name: String, value: String)]) -> String {
    var line = "\(time) \(event.level.rawValue) \(event.message)"
    if !facts.isEmpty {
      line += " (" + facts.map { "\($0.name) \($0.value)" }.joined(separator: ", ") + ")"
    }
    return Defanged.forTerminal(masked(line), oneLine: true)
  }

  private func json(_ event: LogEvent, _ facts: [(name: String, value: String)]) -> String {
    var members: [String: JSONValue] = [:]
    // First, so that nothing that was logged can take the place of what follows.
    for fact in facts { members[fact.name] = .string(shown(fact.value)) }
    members["time"] = .string(time)
    members["level"] = .string(event.level.rawValue)
    members["logger"] = .string(label)
    members["message"] = .string(shown("\(event.message)"))
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return (try? encoder.encode(members)).map { String(decoding: $0, as: UTF8.self) } ?? "{}"
  }

  private func shown(_ text: String) -> String { Defanged.forPlainJSON(masked(text)) }

  private func masked(_ text: String) -> String {
    var text = text
    for secret in secrets where text.contains(secret) {
      text = text.replacingOccurrences(of: secret, with: "[masked:setting]")
    }
    return SecretMask.masked(text).text
  }

  private var time: String {
    now().formatted(.iso8601.year().month().day().time(includingFractionalSeconds: true)) + "Z"
  }
}

extension Logger {
  /// The log that `stet serve` writes.
  static func service(_ label: String, _ settings: Settings) -> Logger {
    Logger(label: label) { label in
      ServiceLogHandler(
        logLevel: Logger.Level(rawValue: settings.service.logLevel) ?? .info, label: label,
        format: settings.service.logFormat, output: .notes, secrets: settings.secrets)
    }
  }
}
