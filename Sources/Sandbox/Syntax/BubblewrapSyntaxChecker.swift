public import Domain

/// Parses Python with the system's interpreter and Swift with the toolchain's front end, each in a
/// one-shot bubblewrap. The text is never run, and where there is no isolation nothing is started.
///
/// Texts that wait while a parser is at work go to the next one together.
public struct BubblewrapSyntaxChecker: SyntaxChecker {
  /// Larger texts are `.unknown`.
  public static let largestText = ByteCount.mebibytes(1)

  private let lanes: [Language: SyntaxLane]
  private let programs: [Language: String]

  /// - Parameter environment: its `PATH` says where bubblewrap and `swiftc` are looked for.
  public init(environment: [String: String]) {
    let isolation = Isolation(environment: environment)
    var lanes: [Language: SyntaxLane] = [:]
    var programs: [Language: String] = [:]
    if let parser = PythonParser(isolation) {
      lanes[.python] = SyntaxLane(parser, batch: 64)
      programs[.python] = parser.interpreter
    }
    if let parser = SwiftParser(isolation, environment: environment) {
      lanes[.swift] = SyntaxLane(parser, batch: 1)
      programs[.swift] = parser.frontend
    }
    self.lanes = lanes
    self.programs = programs
  }

  /// The parser's program for each language that has one here, for `stet doctor`.
  public var parsers: [Language: String] { programs }

  public func check(
    _ text: [UInt8], language: Language, path: SourcePath
  ) async -> SyntaxVerdict {
    guard text.count <= Self.largestText.value, let lane = lanes[language] else { return .unknown }
    return await lane.check(text)
  }
}

/// A parser that takes several texts in one process.
protocol SyntaxParser: Sendable {
  /// - Returns: as many verdicts as texts, or `nil` where the process as a whole gave no answer.
  func parse(_ texts: [[UInt8]]) async -> [SyntaxVerdict]?
}

/// Runs one parser process at a time and hands it all that has gathered meanwhile.
actor SyntaxLane {
  private struct Request {
    var text: [UInt8]
    var reply: CheckedContinuation<SyntaxVerdict, Never>
  }

  private let parser: any SyntaxParser
  private let batch: Int
  /// Bytes that one process may be given.
  private static let batchBytes = 4 << 20
  private var waiting: [Request] = []
  private var isBusy = false

  init(_ parser: any SyntaxParser, batch: Int) {
    self.parser = parser
    self.batch = batch
  }

  func check(_ text: [UInt8]) async -> SyntaxVerdict {
    await withCheckedContinuation { reply in
      waiting.append(Request(text: text, reply: reply))
      guard !isBusy else { return }
      isBusy = true
      Task { await self.drain() }
    }
  }

  private func drain() async {
    while !waiting.isEmpty {
      let requests = takeBatch()
      let verdicts = await parser.parse(requests.map(\.text))
      if let verdicts, verdicts.count == requests.count {
        for (request, verdict) in zip(requests, verdicts) {
          request.reply.resume(returning: verdict)
        }
      } else if requests.count == 1 {
        requests[0].reply.resume(returning: .unknown)
      } else {
        // One text must not cost its neighbours their verdicts.
        for request in requests {
          let alone = await parser.parse([request.text])
          request.reply.resume(returning: alone?.first ?? .unknown)
        }
      }
    }
    isBusy = false
  }

  private func takeBatch() -> [Request] {
    var bytes = 0
    var count = 0
    for request in waiting.prefix(batch) {
      bytes += request.text.count
      if count > 0, bytes > Self.batchBytes { break }
      count += 1
    }
    defer { waiting.removeFirst(count) }
    return Array(waiting.prefix(count))
  }
}
