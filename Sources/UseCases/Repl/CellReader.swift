public import Domain
import Foundation

/// Tells where the cells of a text end, by Python's own rules, in an interpreter that the cells
/// themselves never reach.
public actor CellReader {
  private let sandbox: any CodeSandbox
  private var session: (any SandboxSession)?

  public init(sandbox: any CodeSandbox) { self.sandbox = sandbox }

  /// Whether a text that was typed so far needs further lines.
  public func needsMore(_ text: String) async throws(SandboxError) -> Bool {
    try await ask("line", text) == .bool(true)
  }

  /// The statements of a script, each with the lines and comments before it.
  public func cells(of text: String) async throws(SandboxError) -> [String] {
    guard let cells = try await ask("script", text)?.array else { return [text] }
    return cells.compactMap(\.string)
  }

  public func close() async {
    await session?.close()
    session = nil
  }

  private func ask(_ kind: String, _ text: String) async throws(SandboxError) -> JSONValue? {
    let session = try await reader()
    let coded = Data(text.utf8).base64EncodedString()
    let result = try await session.run(
      "stet_tell(\"\(kind)\", \"\(coded)\")", limit: .seconds(20), onOutput: { _ in })
    return try? JSONDecoder().decode(JSONValue.self, from: Data(result.stdout.utf8))
  }

  private func reader() async throws(SandboxError) -> any SandboxSession {
    if let session { return session }
    let made = try await sandbox.session(
      SessionPlan(limits: SandboxLimits(processorTime: .seconds(3_600), output: .mebibytes(8))))
    _ = try await made.run(
      String(decoding: PackageResources.repl_cells_py, as: UTF8.self), limit: .seconds(20),
      onOutput: { _ in })
    session = made
    return made
  }
}
