import Domain
import Foundation
import Testing
import Yams

@testable import UseCases

@Suite struct AnsweredProgramTests {
  private static func reply(
    _ text: String, finish: ModelReply.Finish = .complete
  ) -> ModelReply {
    ModelReply(
      text: text, json: nil, model: "m", finish: finish, inputTokens: 1, outputTokens: 1,
      costUSD: nil, seconds: 0, requests: 1)
  }

  @Test(arguments: [
    ("```python\ndef f():\n    return 1\n```", "def f():\n    return 1\n"),
    (
      "Here it is:\n\n```py\ndef f():\n    return 1\n```\nI hope it helps.",
      "def f():\n    return 1\n"
    ),
    ("def f():\n    return 1", "def f():\n    return 1\n"),
    ("Sure.\n\ndef f():\n    return 1\n\nThat gives one.", "def f():\n    return 1\n"),
    // A text over lines of which the second could begin a program too.
    (
      "TEXT = \"\"\"\nwords\n\"\"\"\n\ndef f():\n    return TEXT",
      "TEXT = \"\"\"\nwords\n\"\"\"\n\ndef f():\n    return TEXT\n"
    ),
    (
      "Note: this one = that.\n\nX: dict[str, int] = {}\n\ndef f():\n    return X",
      "X: dict[str, int] = {}\n\ndef f():\n    return X\n"
    ),
    // Several blocks: what defines, not what uses.
    (
      "```python\ndef f():\n    return 1\n```\nUse it so:\n```python\nprint(f())\n```",
      "def f():\n    return 1\n"
    ),
    (
      "```sh\npip install x\n```\n```python\ndef f():\n    return 1\n```",
      "def f():\n    return 1\n"
    ),
    // Cut off before the closing fence.
    ("```python\ndef f():\n    return 1", "def f():\n    return 1\n"),
    // A fence within the program.
    ("````python\nX = '''\n```\n'''\n````", "X = '''\n```\n'''\n"),
    ("~~~python\nx = 1\n~~~", "x = 1\n"),
    ("```python\r\nx = 1\r\ny = 2\r\n```\r\n", "x = 1\ny = 2\n"),
  ])
  func theProgramAloneIsTaken(_ text: String, _ expected: String) throws {
    #expect(try AnsweredProgram.code(in: Self.reply(text)) == expected)
  }

  @Test func ofSeveralTheOneWithTheWantedNames() throws {
    let text = "```python\ndef helper():\n    return 123456789\n```\n```python\ndef g(): pass\n```"
    #expect(try AnsweredProgram.code(in: Self.reply(text), wanted: ["g"]) == "def g(): pass\n")
  }

  @Test(arguments: [
    "", "I cannot do that.", "```python\n```", "```sh\nls\n```", "   \n\n",
    "It is a question of style, which nobody answers for you.",
  ])
  func noCodeIsNoCode(_ text: String) {
    #expect(throws: CodeFault.self) { try AnsweredProgram.code(in: Self.reply(text)) }
  }

  @Test func halfAProgramIsNotTaken() {
    #expect(throws: CodeFault.self) {
      try AnsweredProgram.code(in: Self.reply("```python\ndef f():\n", finish: .length))
    }
  }

  @Test func ourMarkersAreNoCode() {
    #expect(throws: CodeFault.self) {
      try AnsweredProgram.code(in: Self.reply("x = 1 # abc123"), nonce: "abc123")
    }
  }

  // MARK: Examples in a prompt

  @Test func examplesOfAPromptAreTests() throws {
    let prompt = """
      Write add(a, b).
          >>> add(1, 2)
          3
          >>> add('a',
          ...     'b')
          'ab'

      Nothing more. >>> is how Python prompts.
      """
    let found = try #require(TestWriting.examples(in: prompt))
    #expect(found.isUsers)
    #expect(found.text == ">>> add(1, 2)\n3\n>>> add('a',\n...     'b')\n'ab'\n")
    #expect(TestWriting.examples(in: "Write add(a, b).\n>>> import this") == nil)
  }

  // MARK: Ranks

  private static func candidate(
    _ share: Double?, fails axes: [EvaluationAxis.Name] = [], outputs: [String]? = nil,
    code: String = "x = 1\n"
  ) -> Candidate {
    var candidate = Candidate(code: code)
    var all = axes.map {
      EvaluationAxis(
        name: $0, verdict: .fail, evidence: [.init(message: "wrong")])
    }
    if let share {
      all.append(
        EvaluationAxis(
          name: .correctness, verdict: share == 1 ? .pass : .fail, value: share,
          evidence: share == 1 ? [] : [.init(message: "no", source: .user, kind: .assertion)]))
    }
    let fails = all.contains { $0.verdict == .fail }
    let evaluation = Evaluation(
      verdict: fails ? .fail : .pass, seconds: 0, axes: all, stdout: "", stderr: "", run: "")
    candidate.evaluation = evaluation
    candidate.feedback = CodeFeedback(evaluation, criteria: EvaluationCriteria())
    candidate.outputs = outputs
    candidate.isJudgedWhole = true
    return candidate
  }

  private static func rank(
    _ candidate: Candidate, _ agreement: Double = 0, users: Bool = true
  ) -> CandidateRank {
    CandidateRank(
      candidate, agreement: agreement, criteria: EvaluationCriteria(), hasUserTests: users)
  }

  @Test func testsWeighMostThenAgreementThenTheAxes() {
    let none = Candidate(noCode: CodeFault(forModel: "empty", forPeople: "empty"))
    let order = [
      Self.rank(none), Self.rank(Self.candidate(0)), Self.rank(Self.candidate(0.5)),
      Self.rank(Self.candidate(1, fails: [.practice, .security])),
      Self.rank(Self.candidate(1, fails: [.practice])),
      Self.rank(Self.candidate(1, fails: [.practice]), 0.9), Self.rank(Self.candidate(1)),
      Self.rank(Self.candidate(1), 0.5),
    ]
    for (low, high) in zip(order, order.dropFirst()) { #expect(low < high) }
    // Without a user's tests what most candidates do weighs more than a linter.
    #expect(
      Self.rank(Self.candidate(1), 0.2, users: false)
        < Self.rank(Self.candidate(1, fails: [.practice]), 0.8, users: false))
  }

  @Test func agreementCountsWhoGivesTheSame() {
    var agreement = Agreement()
    agreement.begin([.null, .null])
    let many = ["int:1", "int:2"]
    for outputs in [many, many, ["int:1", "int:9"], ["raises X", "late"]] {
      agreement.add(outputs)
    }
    #expect(agreement.share(many) == 0.5)
    #expect(agreement.share(["int:1", "int:9"]) == 2.0 / 6)
    #expect(agreement.share(["raises X", "late"]) == 0)
    #expect(agreement.share(nil) == 0)
  }

  // MARK: Pipelines

  @Test(arguments: [Pipeline.github, .gitlab])
  func aPipelineIsYAMLWithEveryStep(_ pipeline: Pipeline) throws {
    let files = pipeline.files("money.py")
    let text = String(decoding: try #require(files.first).bytes, as: UTF8.self)
    let document = try #require(try Yams.load(yaml: text) as? [AnyHashable: Any])
    for part in ["pytest", "bandit -q -ll money.py", "pip-licenses", "release.zip"] {
      #expect(text.contains(part), "\(part)")
    }
    switch pipeline {
    case .github:
      let jobs = try #require(document["jobs"] as? [String: Any])
      #expect(Set(jobs.keys) == ["prove", "release"])
      let release = try #require(jobs["release"] as? [String: Any])
      #expect(
        release["if"] as? String == "github.event_name == 'workflow_dispatch' && inputs.release")
      #expect(document["permissions"] as? [String: String] == ["contents": "read"])
    case .gitlab, .jenkins:
      let release = try #require(document["release"] as? [String: Any])
      let rules = try #require(release["rules"] as? [[String: Any]])
      let when = rules.map { $0["when"] as? String }
      #expect(when == ["manual"])
      #expect(release["needs"] as? [String] == ["tests", "security", "licences"])
    }
    let pins = String(decoding: try #require(files.last).bytes, as: UTF8.self)
    let packages = pins.split(separator: "\n").filter { !$0.hasPrefix("#") }
    let pinned = packages.filter { $0.contains("==") }
    #expect(packages.count == 3 && pinned == packages)
  }

  @Test(arguments: Pipeline.allCases)
  func aPipelineRunsEveryFormOfTests(_ pipeline: Pipeline) throws {
    let files = pipeline.files(
      "money.py",
      tests: [
        SandboxFile("test_a.py", text: "from money import add\n\ndef test_a():\n  assert add\n"),
        SandboxFile("bare.py", text: "assert add(1, 2) == 3\n"),
        SandboxFile("examples.txt", text: ">>> add(1, 2)\n3\n"),
      ])
    let text = String(decoding: try #require(files.first).bytes, as: UTF8.self)
    if pipeline != .jenkins { _ = try #require(try Yams.load(yaml: text)) }
    #expect(text.contains("-m pytest -q -p no:cacheprovider test_a.py"))
    #expect(text.contains("python stet_tests.py money.py bare.py"))
    #expect(text.contains("python stet_tests.py money.py examples.txt"))
    #expect(files.map(\.path).contains("stet_tests.py"))
  }

  @Test func jenkinsReleasesOnlyWhereAPersonAgrees() throws {
    let text = String(
      decoding: try #require(Pipeline.jenkins.files("a.py").first).bytes, as: UTF8.self)
    #expect(text.filter { $0 == "{" }.count == text.filter { $0 == "}" }.count)
    let release = try #require(text.range(of: "stage('Release')"))
    let gate = try #require(text.range(of: "params.RELEASE"))
    let agreed = try #require(text.range(of: "input { message"))
    #expect(release.lowerBound < gate.lowerBound && gate.lowerBound < agreed.lowerBound)
    for part in ["pytest", "bandit", "pip-licenses"] { #expect(text.contains(part)) }
  }
}
