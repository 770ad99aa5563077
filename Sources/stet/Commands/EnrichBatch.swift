import Domain
import Foundation
import UseCases

/// `stet enrich --batch`: one issue of each line, as JSON, and one line of JSON for each.
struct EnrichBatch {
  let file: String
  let line: ProgressLine

  private static let largest = ByteCount.mebibytes(64)
  /// Issues that are asked about at the same time, of a model that takes as many.
  private static let mostTogether = 4

  /// A line of the batch that is not blank.
  private struct Entry: Sendable {
    var number: Int
    var issue: Result<IssueLine, IssueLineError>
  }

  /// - Returns: `.misuse` where a line is no issue, else `.failed` where a model failed.
  func run(_ wiring: Wiring) async throws -> ProgramStatus {
    let bytes = try InputFile.read(
      file, in: nil, limit: Self.largest, what: "the batch", standardInput: true)
    let lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
    var entries: [Entry] = []
    for (place, line) in lines.enumerated() {
      guard line.contains(where: { ![0x20, 0x09, 0x0D].contains($0) }) else { continue }
      entries.append(
        Entry(
          number: place + 1,
          issue: Result { () throws(IssueLineError) in
            try IssueLine(parsing: Array(line))
          }))
    }
    guard !entries.isEmpty else {
      throw CommandFailure.misuse("the batch \(file) holds no line; each has to be an issue.")
    }
    let model = try wiring.model()
    let enrich = wiring.enrichText(model: model)
    let together = model.map { max(1, min(Self.mostTogether, $0.profile.concurrency)) } ?? 1
    var status = ProgramStatus.done
    var done = 0
    while done < entries.count {
      try Task.checkCancellation()
      line.show("issue \(done + 1) of \(entries.count)")
      let piece = entries[done..<min(done + together, entries.count)]
      for (text, outcome) in try await answers(to: piece, enrich) {
        try Output.results.line(text)
        if outcome == .misuse || status == .done { status = outcome == .done ? status : outcome }
      }
      done += piece.count
    }
    return status
  }

  private func answers(
    to entries: ArraySlice<Entry>, _ enrich: EnrichText
  ) async throws -> [(text: String, outcome: ProgramStatus)] {
    let name = file == "-" ? "standard input" : file
    let answers = try await withThrowingTaskGroup(
      of: (Int, JSONValue, ProgramStatus).self
    ) { group in
      for entry in entries {
        group.addTask {
          switch entry.issue {
          case .failure(let error):
            return (
              entry.number,
              .object(["line": .integer(entry.number), "error": .string(error.detail)]), .misuse
            )
          case .success(let issue):
            let run = try await enrich.run(
              title: issue.title, description: issue.description,
              subject: "\(name), line \(entry.number)", askedBy: "cli")
            return (entry.number, Self.document(run, entry.number, issue), Self.outcome(run))
          }
        }
      }
      var all: [(Int, JSONValue, ProgramStatus)] = []
      for try await answer in group { all.append(answer) }
      return all.sorted { $0.0 < $1.0 }
    }
    return try answers.map { number, document, outcome in
      if let error = document["error"]?.string {
        line.end()
        Output.notes.tell(
          "stet: line \(number): "
            + Defanged.forTerminal(SecretMask.masked(error).text, oneLine: true, limit: 500))
      }
      return (try Self.text(document), outcome)
    }
  }

  private static func document(_ run: Run, _ number: Int, _ issue: IssueLine) -> JSONValue {
    var members: [String: JSONValue] = ["line": .integer(number), "run": .string(run.id)]
    if case .object(let result)? = run.result { members.merge(result) { first, _ in first } }
    if let id = issue.id { members["id"] = id }
    return .object(members)
  }

  private static func outcome(_ run: Run) -> ProgramStatus {
    run.result?["model_failure"]?.string == nil ? .done : .failed
  }

  /// On one line.
  private static func text(_ document: JSONValue) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return String(decoding: try encoder.encode(document), as: UTF8.self)
  }
}
