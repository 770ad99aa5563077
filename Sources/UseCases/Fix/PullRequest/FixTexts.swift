import Domain

/// What a fix says on the forge, and in its commit.
struct FixTexts: Sendable {
  let document: FixDocument
  let pull: PullRequest
  /// By login; `nil` where a command asked.
  let askedBy: String?
  let notes: [String]

  /// By which a later try knows what it has pushed.
  static func trailer(_ run: String) -> String { "Stet-Run: \(run)" }

  // MARK: The commit

  var commitMessage: String {
    let first = document.files.first.map { Self.inert($0.reason) } ?? "mend"
    let sentence = first.prefix { $0 != "." }
    let subject =
      document.files.count == 1 && sentence.count <= 64
      ? "Fix: \(sentence)"
      : "Fix \(document.files.prefix(2).map { Self.inert($0.path) }.joined(separator: " and "))"
        + (document.files.count > 2 ? " and \(document.files.count - 2) more" : "")
    var lines = [String(subject.prefix(100)), ""]
    for file in document.files {
      lines.append("- \(Self.inert(file.path)): \(Self.inert(file.reason))")
    }
    lines.append("")
    lines.append("Proved: \(proved(document.files)).")
    if let tests = document.tests, let after = tests.after {
      lines.append(
        "Tests: \(Self.inert(tests.command)): \(tests.before) before, \(after) with this.")
    }
    lines.append(
      "Asked for \(askedBy.map { "by \(Self.inert($0)) " } ?? "")on pull request "
        + "\(pull.reference.number).")
    lines += ["", Self.trailer(document.run)]
    return lines.joined(separator: "\n") + "\n"
  }

  /// One line in which nothing closes an issue, pings a person or tells a build to stand aside.
  private static func inert(_ text: String) -> String {
    var line = Defanged.oneLine(text, limit: 300)
    for (active, plain) in [("[", "("), ("]", ")"), ("***", "*"), ("@", "@ "), ("#", "# ")] {
      line = line.replacing(active, with: plain)
    }
    return line.lowercased().contains("skip-checks") ? "(left out)" : line
  }

  private func proved(_ files: [FixDocument.File]) -> String {
    let all = Proof.allCases.filter { proof in
      files.allSatisfy { $0.verified.contains(proof.rawValue) }
    }
    return all.isEmpty ? "nothing" : all.map(\.rawValue).joined(separator: ", ")
  }

  // MARK: The answer

  var answer: String {
    var parts = [HiddenMarker.fix(run: document.run).text, document.summary]
    if !document.files.isEmpty {
      parts.append(
        document.files.map { file in
          let proofs = file.verified.compactMap { Proof(rawValue: $0)?.wordsOfFix }
          return "- \(Defanged.codeSpan(file.path)): "
            + Defanged.forMarkdown(file.reason, oneLine: true, limit: 500)
            + " (+\(file.additions) −\(file.deletions); \(proofs.joined(separator: ", ")))"
        }.joined(separator: "\n"))
    }
    if let tests { parts.append(tests) }
    if !document.left.isEmpty {
      let shown = document.left.prefix(30).map {
        "- \(Defanged.codeSpan($0.path)): "
          + Defanged.forMarkdown($0.reason, oneLine: true, limit: 400) + "."
      }
      let more = document.left.count - shown.count
      parts.append(
        "Tried or left:\n\n" + shown.joined(separator: "\n")
          + (more > 0 ? "\n- and \(more) more." : ""))
    }
    if !notes.isEmpty { parts.append(notes.joined(separator: " ")) }
    parts.append("<sub>Run \(Defanged.codeSpan(document.run))</sub>")
    return parts.joined(separator: "\n\n")
  }

  private var tests: String? {
    guard let tests = document.tests else {
      return document.files.isEmpty
        ? nil
        : "No test command is set (`fix.test_command` in `.stet.yml` of the default branch), so "
          + "nothing was run that shows what the change does."
    }
    let count = tests.count.map { ", \($0) tests" } ?? ""
    let after = tests.after.map { "; with the change: \($0)\(count)" } ?? ""
    return "The tests (\(Defanged.codeSpan(tests.command))) before: \(tests.before)\(after)."
  }
}

extension Proof {
  /// As a word of a list about one file.
  fileprivate var wordsOfFix: String {
    switch self {
    case .anchor, .quote: rawValue
    case .applies: "applies"
    case .parses: "parses"
    case .lints: "linters find no more than before"
    case .tests: "tests pass"
    }
  }
}
