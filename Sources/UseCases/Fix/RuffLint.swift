import Domain

/// Asks ruff about Python texts, in the sandbox, by our rules alone: no configuration of the code's,
/// and no comment in it that would silence one.
struct RuffLint: Sendable {
  /// What was said of one text.
  struct Complaint: Sendable, Hashable {
    /// Such as `F821`.
    var rule: String
    var line: Int
    var message: String
  }

  enum Outcome: Sendable, Equatable {
    /// - Parameter fewer: how many complaints are gone.
    case notWorse(fewer: Int)
    /// Complaints of rules that complain more often than before.
    case worse([Complaint])
    /// The end of a sentence that begins "Linters were not run: ".
    case notRun(String)
  }

  struct Fixed: Sendable, Equatable {
    var text: [UInt8]
    /// The rules whose fixes were made.
    var rules: [String]
  }

  /// What breaks at run time, what is likely a bug, and what can be attacked. Asserts are no fault
  /// in code that carries its own tests.
  static let rules = "E4,E7,E9,F,W6,B,PLE,S"
  static let ignored = "S101"
  /// Fixes of these that ruff calls safe do not change what the code does.
  static let fixable = "E4,E7,F,W6,B,PLE,C4,PIE"

  let sandbox: any CodeSandbox

  /// Holds a text against the one before it, rule by rule: lines may have moved.
  func compare(
    _ before: [UInt8], _ after: [UInt8], path: SourcePath, time: Duration
  ) async throws(SandboxError) -> Outcome {
    let name = Self.fileName(path)
    let task = SandboxTask(
      .command([
        "ruff", "check", "--isolated", "--no-cache", "--no-fix", "--exit-zero", "--ignore-noqa",
        "--output-format", "concise", "--select", Self.rules, "--ignore", Self.ignored, "before",
        "after",
      ]), image: .test,
      files: [SandboxFile("before/\(name)", before), SandboxFile("after/\(name)", after)],
      limits: Self.limits(time))
    guard let result = try await run(task) else { return .notRun(Self.missing) }
    guard result.end == .exited(0), result.lostOutput == 0 else {
      return .notRun("ruff did not come to an end")
    }
    var counts: [String: Int] = [:]
    var complaints: [Complaint] = []
    for line in result.outputText.split(separator: "\n") {
      if let old = Self.complaint(line, in: "before/\(name)") { counts[old.rule, default: 0] += 1 }
      if let new = Self.complaint(line, in: "after/\(name)") { complaints.append(new) }
    }
    let total = counts.values.reduce(0, +)
    let more = Dictionary(grouping: complaints, by: \.rule)
      .filter { $0.value.count > counts[$0.key, default: 0] }
    guard more.isEmpty else {
      return .worse(more.values.flatMap { $0 }.sorted { ($0.line, $0.rule) < ($1.line, $1.rule) })
    }
    return .notWorse(fewer: total - complaints.count)
  }

  /// - Returns: `nil` where ruff is not prepared, or did not come to an end.
  func fixed(
    _ text: [UInt8], path: SourcePath, time: Duration
  ) async throws(SandboxError) -> Fixed? {
    let name = Self.fileName(path)
    let task = SandboxTask(
      .command([
        "ruff", "check", "--isolated", "--no-cache", "--fix", "--show-fixes", "--exit-zero",
        "--output-format", "concise", "--select", Self.fixable, name,
      ]), image: .test, files: [SandboxFile(name, text)], limits: Self.limits(time),
      collects: [name])
    guard let result = try await run(task), result.end == .exited(0),
      let file = result.files.first(where: { $0.path == name })
    else { return nil }
    guard file.bytes != text else { return Fixed(text: text, rules: []) }
    return Fixed(text: file.bytes, rules: Self.fixes(in: result.outputText))
  }

  /// Why there is no word of ruff's.
  static let missing =
    "the image `test`, which holds ruff, is not prepared (`stet sandbox prepare test`)"

  private func run(_ task: SandboxTask) async throws(SandboxError) -> SandboxResult? {
    do {
      return try await sandbox.run(task)
    } catch {
      if error.code == .imageMissing { return nil }
      throw error
    }
  }

  private static func limits(_ time: Duration) -> SandboxLimits {
    let time = min(max(time, .milliseconds(100)), .seconds(20))
    return SandboxLimits(
      time: time, processorTime: time, memory: .mebibytes(1_024), output: .mebibytes(4))
  }

  /// Ruff judges an `__init__.py` and a stub otherwise; no other part of the name matters.
  private static func fileName(_ path: SourcePath) -> String {
    if path.name == "__init__.py" { return path.name }
    return path.fileExtension == "pyi" ? "code.pyi" : "code.py"
  }

  /// `before/code.py:3:9: B006 words`.
  private static func complaint(_ line: Substring, in file: String) -> Complaint? {
    guard line.hasPrefix(file + ":") else { return nil }
    let parts = line.dropFirst(file.count + 1).split(
      separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
    guard parts.count == 3, let number = Int(parts[0]) else { return nil }
    let words = parts[2].drop { $0 == " " }
    let rule = words.prefix { !$0.isWhitespace && $0 != ":" }
    return Complaint(
      rule: String(rule), line: number, message: String(words.dropFirst(rule.count).prefix(200)))
  }

  /// Lines such as `    1 × F401 (unused-import)`.
  private static func fixes(in output: String) -> [String] {
    output.split(separator: "\n").compactMap { line in
      let words = line.split(separator: " ")
      guard words.count >= 3, Int(words[0]) != nil, words[1] == "\u{D7}" else { return nil }
      return String(words[2])
    }
  }
}
