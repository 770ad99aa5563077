import Dispatch
import Domain
import Foundation
import Synchronization
import UseCases

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// A person, or a pipe, in front of one interpreter of the sandbox.
struct ReplPrompt {
  /// What a line that begins with a colon asks for.
  enum Order: Equatable {
    case reset, quit, help
    case image(SandboxImage)
    case unknown(String)

    /// - Returns: `nil` where the line is Python's.
    init?(_ line: some StringProtocol) {
      guard line.hasPrefix(":") else { return nil }
      let words = line.dropFirst().split(whereSeparator: \.isWhitespace)
      switch (words.first, words.count) {
      case ("reset", 1): self = .reset
      case ("quit", 1), ("q", 1), ("exit", 1): self = .quit
      case ("help", 1), ("?", 1): self = .help
      case ("image", 2):
        self =
          SandboxImage(rawValue: String(words[1])).map { .image($0) } ?? .unknown(String(line))
      default: self = .unknown(String(line))
      }
    }
  }

  let sandbox: any CodeSandbox
  let image: SandboxImage
  let limit: Duration
  let printsJSON: Bool

  static let help = """
    :reset          a new interpreter, without any name
    :image NAME     the same with python, data or test installed
    :quit           the end, as Control-D
    Control-C interrupts a cell; a second time kills the interpreter.
    """

  func run() async throws {
    let cells = ReplCells(
      sandbox: sandbox, image: image, limit: limit, printsJSON: printsJSON,
      isShown: isatty(STDOUT_FILENO) == 1)
    let reader = CellReader(sandbox: sandbox)
    let signals = ReplSignals()
    let watch = SignalWatch(signals)
    defer { watch.stop() }
    do {
      try await cells.start()
      if isatty(STDIN_FILENO) == 1 {
        try await typed(cells, reader, signals)
      } else {
        try await piped(cells, reader, signals)
      }
    } catch let error as SandboxError {
      await cells.close()
      await reader.close()
      throw CommandFailure.failed(SecretMask.masked(error.detail).text)
    } catch {
      await cells.close()
      await reader.close()
      throw error
    }
    await cells.close()
    await reader.close()
  }

  // MARK: - A person

  private func typed(_ cells: ReplCells, _ reader: CellReader, _ signals: ReplSignals) async throws
  {
    Output.notes.tell(
      "Python in the sandbox, image \(image.rawValue). `:help` tells what else there is.")
    let lines = StandardInput.lines()
    var iterator = lines.makeAsyncIterator()
    var pending = ""
    while true {
      Self.prompt(pending.isEmpty ? ">>> " : "... ")
      signals.whenIdle { Self.prompt("\nKeyboardInterrupt\n>>> ") }
      guard let line = await iterator.next() else { break }
      if signals.takeIdle() { pending = "" }
      if signals.isEnding { break }
      if pending.isEmpty, let order = Order(line) {
        guard try await follow(order, cells) else { break }
        continue
      }
      pending += line + "\n"
      if pending.allSatisfy(\.isWhitespace) {
        pending = ""
        continue
      }
      // Python's own rule: without a further line break, an open block waits for an empty line.
      if try await reader.needsMore(String(pending.dropLast())) { continue }
      let cell = pending
      pending = ""
      _ = try await cells.run(cell, signals)
    }
    Self.prompt("\n")
  }

  private static func prompt(_ text: String) { try? Output.notes.write(text) }

  /// - Returns: false at the end.
  private func follow(_ order: Order, _ cells: ReplCells) async throws -> Bool {
    switch order {
    case .quit: return false
    case .reset: try await cells.reset(nil)
    case .image(let image):
      do {
        try await cells.reset(image)
      } catch let error as SandboxError where error.code == .imageMissing {
        Output.notes.tell("stet: \(error.detail)")
      }
    case .help: Output.notes.tell(Self.help)
    case .unknown(let line):
      Output.notes.tell(
        "stet: \(Defanged.forTerminal(line, oneLine: true, limit: 80)) is no order; `:help` lists them."
      )
    }
    return true
  }

  // MARK: - A pipe

  private func piped(_ cells: ReplCells, _ reader: CellReader, _ signals: ReplSignals) async throws
  {
    var script = ""
    for await line in StandardInput.lines() {
      if signals.isEnding { return }
      guard let order = Order(line) else {
        script += line + "\n"
        continue
      }
      try await run(script: &script, cells, reader, signals)
      if case .unknown = order {
        throw CommandFailure.misuse(
          "\(Defanged.forTerminal(line, oneLine: true, limit: 80)) is no order: there are :reset, "
            + ":image NAME and :quit.")
      }
      guard try await follow(order, cells) else { return }
    }
    try await run(script: &script, cells, reader, signals)
  }

  private func run(
    script: inout String, _ cells: ReplCells, _ reader: CellReader, _ signals: ReplSignals
  ) async throws {
    let text = script
    script = ""
    guard !text.allSatisfy(\.isWhitespace) else { return }
    for cell in try await reader.cells(of: text) {
      guard try await cells.run(cell, signals), !signals.isEnding else {
        throw CommandFailure.quiet(.failed)
      }
    }
  }
}

/// The lines of standard input, read by a thread of their own, for such a read blocks.
enum StandardInput {
  static func lines() -> AsyncStream<String> {
    let (stream, continuation) = AsyncStream.makeStream(of: String.self)
    let thread = Thread {
      while let line = readLine(strippingNewline: true) { continuation.yield(line) }
      continuation.finish()
    }
    thread.start()
    return stream
  }
}
