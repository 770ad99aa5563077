import Domain

/// How a pipeline runs the tests that a program was judged by: pytest what it collects, the rest by
/// a small program that goes with the pipeline.
enum PipelineTests {
  static let program = "stet_tests.py"
  private static let pytest = "python -m pytest -q -p no:cacheprovider"

  static func commands(_ tests: [SandboxFile], code: String) -> [String] {
    let collected = tests.filter { isCollected($0, code: code) }.map(\.path)
    let others = tests.filter { !isCollected($0, code: code) }.map {
      "python \(program) \(code) \($0.path)"
    }
    if collected.isEmpty, !others.isEmpty { return others }
    return [([pytest] + collected).joined(separator: " ")] + others
  }

  static func files(_ tests: [SandboxFile], code: String) -> [SandboxFile] {
    guard tests.contains(where: { !isCollected($0, code: code) }) else { return [] }
    return [
      SandboxFile(
        program, text: String(decoding: PackageResources.pipeline_tests_py, as: UTF8.self))
    ]
  }

  /// Tests that import nothing know the code's names here, and would not there.
  static func isCollected(_ file: SandboxFile, code: String) -> Bool {
    guard file.path.hasSuffix(".py") else { return false }
    let module = code.hasSuffix(".py") ? String(code.dropLast(3)) : code
    let lines = String(decoding: file.bytes, as: UTF8.self).split(whereSeparator: \.isNewline)
    func begins(_ words: [String]) -> Bool {
      lines.contains { line in words.contains { line.hasPrefix($0) } }
    }
    let tools = ["pytest", "unittest", "hypothesis"].flatMap { ["import \($0)", "from \($0)"] }
    if begins(tools) { return true }
    return begins(["def test", "async def test", "class Test"])
      && begins(["import \(module)", "from \(module) "])
  }
}
