import Domain
import Foundation
import Synchronization
import UseCases

/// One interpreter, its cells, and what they print.
actor ReplCells {
  private let sandbox: any CodeSandbox
  private let limit: Duration
  private let printsJSON: Bool
  /// Output goes to a person's terminal, which must not be led by what a cell prints.
  private let isShown: Bool
  private var image: SandboxImage
  private var session: (any SandboxSession)?

  init(
    sandbox: any CodeSandbox, image: SandboxImage, limit: Duration, printsJSON: Bool, isShown: Bool
  ) {
    self.sandbox = sandbox
    self.image = image
    self.limit = limit
    self.printsJSON = printsJSON
    self.isShown = isShown
  }

  func start() async throws(SandboxError) {
    session = try await sandbox.session(
      SessionPlan(
        image: image,
        limits: SandboxLimits(
          time: limit, processorTime: .seconds(86_400), memory: .mebibytes(1_024),
          output: .mebibytes(16))))
  }

  /// - Parameter image: another than before; the old interpreter stays where that is not prepared.
  func reset(_ image: SandboxImage?) async throws(SandboxError) {
    let old = session
    let before = self.image
    self.image = image ?? before
    do throws(SandboxError) {
      try await start()
    } catch {
      self.image = before
      throw error
    }
    await old?.close()
  }

  func close() async {
    await session?.close()
    session = nil
  }

  /// - Returns: whether the cell ended well.
  func run(_ code: String, _ signals: ReplSignals) async throws -> Bool {
    guard let session else { throw SandboxError(code: .ended, detail: "It was closed.") }
    let printer = CellPrinter(isShown: isShown, isQuiet: printsJSON)
    let kill = signals.whileRunning(interrupt: { await session.interrupt() }) {
      await session.close()
    }
    defer { kill.end() }
    let result: CellResult
    do throws(SandboxError) {
      result = try await session.run(code, limit: limit) { printer.print($0) }
    } catch {
      guard error.code == .ended || error.code == .lost else { throw error }
      printer.finish()
      Output.notes.tell("stet: \(error.detail)")
      try await start()
      return false
    }
    printer.finish()
    try tell(result, of: code)
    return result.error == nil
  }

  private func tell(_ result: CellResult, of code: String) throws {
    if printsJSON {
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
      let data = try encoder.encode(Told(code: code, result: result))
      return try Output.results.line(String(decoding: data, as: UTF8.self))
    }
    if let value = result.value { try Output.results.line(shown(value)) }
    if let error = result.error {
      // A cell that was ended from outside ends in whatever that was for it, not in its reason.
      let isTold = !error.traceback.isEmpty && error.traceback.contains(error.name)
      let text = isTold ? error.traceback : error.traceback + "\(error.name): \(error.message)"
      Output.notes.tell(shown(text.hasSuffix("\n") ? String(text.dropLast()) : text))
    }
  }

  private func shown(_ text: String) -> String {
    isShown ? Defanged.forTerminal(text, limit: 1 << 20) : text
  }

  private struct Told: Encodable {
    var code: String
    var result: CellResult

    enum CodingKeys: String, CodingKey { case code }

    func encode(to encoder: any Encoder) throws {
      try result.encode(to: encoder)
      var container = encoder.container(keyedBy: CodingKeys.self)
      try container.encode(code, forKey: .code)
    }
  }
}

/// Writes the output of one cell as it comes.
final class CellPrinter: Sendable {
  private let isShown: Bool
  private let isQuiet: Bool
  private let pieces = Mutex((output: TextPieces(), error: TextPieces()))

  init(isShown: Bool, isQuiet: Bool) {
    self.isShown = isShown
    self.isQuiet = isQuiet
  }

  func print(_ output: SandboxOutput) {
    guard !isQuiet else { return }
    pieces.withLock { pieces in
      switch output {
      case .output(let bytes): write(pieces.output.text(bytes), to: .results)
      case .error(let bytes): write(pieces.error.text(bytes), to: .notes)
      }
    }
  }

  func finish() {
    guard !isQuiet else { return }
    pieces.withLock { pieces in
      write(pieces.output.rest(), to: .results)
      write(pieces.error.rest(), to: .notes)
    }
  }

  private func write(_ text: String, to place: Output) {
    guard !text.isEmpty else { return }
    try? place.write(isShown ? Defanged.forTerminal(text, limit: text.unicodeScalars.count) : text)
  }
}
