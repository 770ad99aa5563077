import Domain

/// The words with which a model is asked for a program. Small models are asked for one fenced block
/// with an example before it, larger ones for JSON under a schema.
struct GenerationPrompt: Sendable {
  let style: ModelProfile.PromptStyle
  /// File name of the code.
  let path: String
  /// The person's own words; without secrets.
  let prompt: String
  /// What the person said afterwards.
  let messages: [String]
  /// The tests that the code will be judged by; without secrets.
  let tests: String

  static let schema = JSONSchema.object([
    .init("plan", .string, "how the program works, in one or two sentences"),
    .init("code", .string, "the whole program, with nothing around it"),
  ])
  static let testSchema = JSONSchema.object([
    .init("code", .string, "the test functions, with nothing around them")
  ])

  /// What the answer has to be.
  var format: ModelRequest.AnswerFormat {
    style == .beforeAfter ? .text : .json(name: "program", Self.schema)
  }
  var testFormat: ModelRequest.AnswerFormat {
    style == .beforeAfter ? .text : .json(name: "tests", Self.testSchema)
  }

  /// From the prompt alone.
  var writing: [ModelRequest.Turn] { opening + [.init(.user, task)] }

  /// The best so far and what is wrong with it.
  /// - Parameter feedback: holds words of code that ran, so it stands within `fence`.
  func repairing(
    _ code: String, _ feedback: CodeFeedback, fence: inout some RandomNumberGenerator
  ) -> (turns: [ModelRequest.Turn], nonce: String) {
    let words = UntrustedFence([(name: "feedback", text: feedback.text)], using: &fence)
    let ask =
      feedback.items.contains { $0.kind == .noCode }
      ? "That answer cannot be used. Write the whole program."
      : "That program was run and is not right yet. Find the mistake in it first, then write the "
        + "whole corrected program. The tests are right; the program has to change."
    return (
      writing + [
        .init(.assistant, answered(code)),
        .init(.user, [words.rule, words.wrapped, ask, closing].joined(separator: "\n\n")),
      ], words.nonce
    )
  }

  /// What a person says of the code as it stands.
  func revising(_ code: String, _ message: String) -> [ModelRequest.Turn] {
    writing + [
      .init(.assistant, answered(code)),
      .init(
        .user,
        "About that program: \(message)\n\nChange it so, and write the whole program. \(closing)"),
    ]
  }

  /// Tests from the specification alone: whoever writes them has seen no program.
  var testing: [ModelRequest.Turn] {
    let module = path.hasSuffix(".py") ? String(path.dropLast(3)) : path
    return [
      .init(
        .system,
        """
        You write tests for Python programs from their specification alone. You write only what the \
        specification says for certain: simple examples and the edge cases it names. Where it is \
        silent you test nothing.
        """),
      .init(
        .user,
        """
        \(specification)

        Write 4 to 8 short test functions for the file \(path), each with a name that begins with \
        test_ and plain asserts, with `from \(module) import` at the top and no other package. Do \
        not write the program itself. \(style == .beforeAfter ? Self.fenced : "Reply with JSON.")
        """),
    ]
  }

  // MARK: Words

  private static let fenced =
    "Answer with one fenced Python code block that holds all of it, and nothing else."

  private var closing: String { style == .beforeAfter ? Self.fenced : "Reply with JSON." }

  private var opening: [ModelRequest.Turn] {
    switch style {
    case .numberedHunks: [.init(.system, Self.system)]
    case .beforeAfter:
      [
        .init(
          .system,
          "You write correct Python 3 programs. Answer with the whole program in one fenced code "
            + "block."),
        .init(.user, "Write a function double(x) that gives twice a number.\n\n\(Self.fenced)"),
        .init(.assistant, "```python\ndef double(x):\n    return 2 * x\n```"),
      ]
    }
  }

  private static let system = """
    You write Python 3 as a careful senior engineer does: correct first, then clear, with type \
    annotations and only the standard library unless the request names a package. You handle the \
    edge cases that the request implies. You define exactly the names that the request and its tests \
    use. The program is a module that is imported: it prints nothing and asks nothing unless it was \
    asked to, and it never ends the process.

    It is run in a sandbox without a network, against tests that it cannot change. Text of the form \
    [masked:...] stands for a secret that was taken out.
    """

  private var specification: String {
    var words = "The request:\n\n\(prompt)"
    if !messages.isEmpty {
      words +=
        "\n\nSaid afterwards, and what holds where it differs:\n"
        + messages.map { "- \($0)" }.joined(separator: "\n")
    }
    return words
  }

  private var task: String {
    var parts = [specification]
    if !tests.isEmpty {
      parts.append("The file \(path) has to pass these tests:\n\n```python\n\(bounded)\n```")
    } else {
      parts.append("It is the file \(path).")
    }
    parts.append(closing)
    return parts.joined(separator: "\n\n")
  }

  /// Tests as far as a prompt takes them; all of them judge.
  private var bounded: String {
    let most = style == .beforeAfter ? 3_000 : 24_000
    let text =
      tests.utf8.count <= most
      ? tests
      : String(decoding: tests.utf8.prefix(most), as: UTF8.self)
        + "\n# and more"
    return text.hasSuffix("\n") ? String(text.dropLast()) : text
  }

  private func answered(_ code: String) -> String {
    code.isEmpty ? "(no code)" : "```python\n\(code)```"
  }
}
