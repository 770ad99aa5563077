import Domain

/// Tests where the person gave none: the examples in the prompt, which are the person's own words,
/// else such as the model writes from the specification.
///
/// The model's are validated twice: they parse, and of each at least one candidate passes it while a
/// program with nothing in it fails.
struct TestWriting: Sendable {
  let probe: CodeProbe
  /// File name of the code.
  let path: String

  var module: String { path.hasSuffix(".py") ? String(path.dropLast(3)) : path }

  /// `>>>` examples of a prompt, as a doctest; `nil` where it has none with an expected value.
  static func examples(in prompt: String) -> TestSource? {
    var found: [String] = []
    let lines = prompt.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
      .map { $0.drop(while: \.isWhitespace) }
    for (index, line) in lines.enumerated() where line.hasPrefix(">>> ") {
      var example = [String(line)]
      for next in lines[(index + 1)...] {
        let ends =
          next.isEmpty || next.hasPrefix(">>>") || next.hasPrefix("\"\"\"")
          || next.hasPrefix("'''") || next.hasPrefix("```")
        if ends { break }
        example.append(String(next))
      }
      if example.count > 1 { found.append(example.joined(separator: "\n")) }
    }
    guard !found.isEmpty else { return nil }
    return TestSource(
      path: "examples.txt", text: found.joined(separator: "\n") + "\n", isUsers: true)
  }

  /// What the model wrote, in one form; `nil` where it is no test that parses.
  func draft(from reply: ModelReply) async throws(SandboxError) -> String? {
    let text: String
    do throws(CodeFault) { text = try AnsweredProgram.code(in: reply) } catch { return nil }
    let joined = try await probe.joined(text)
    return joined.error == nil && !joined.names.isEmpty ? joined.text : nil
  }

  struct Validated: Sendable {
    /// `nil` where no test was left.
    var test: TestSource?
    var dropped: Int
  }

  /// - Parameter candidates: programs that parse.
  func validated(
    _ draft: String, by candidates: [String]
  ) async throws(SandboxError) -> Validated {
    let names = try await probe.joined(draft).names
    var stubs: [[String: String]] = []
    var trials: [[String: String]] = []
    for code in candidates {
      if probe.isLate { break }
      trials.append(try await probe.attempt(code, module: module, tests: draft))
      let stub = try await probe.look(code).stub
      stubs.append(try await probe.attempt(stub, module: module, tests: draft))
    }
    let kept = names.filter { name in
      trials.contains { $0[name] == "pass" } && !stubs.contains { $0[name] == "pass" }
    }
    guard !kept.isEmpty else { return Validated(test: nil, dropped: names.count) }
    let text = try await probe.joined(draft, keep: kept).text
    let heading = "# Written by a model, validated twice; not the user's.\n"
    return Validated(
      test: TestSource(path: "test_generated.py", text: heading + text, isUsers: false),
      dropped: names.count - kept.count)
  }
}
