import Domain
import Foundation
import TestKit
import Testing

/// `stet policy` and `stet report` as people meet them, with input that is as it should not be.
@Suite struct PolicyCommandTests {
  private static let repository = RepositoryName(owner: "octo-org", name: "orders")
  private static let policy = """
    rules:
      - {name: code, if: {files: {any: "**/*.py"}}, then: {label: python}}
      - {name: ready, if: [{approvals: 1}, {findings: 0}], then: merge}
    """

  private func service(_ policy: String? = Self.policy) async throws -> ServiceRunning {
    let service = try await ServiceRunning(.token)
    var base = FakeGitHub.demoBase
    base[".stet.yml"] = policy.map { Array($0.utf8) }
    service.hub.addPullRequest(
      in: Self.repository, title: "A \u{1B}[31mred title", base: base,
      head: FakeGitHub.demoHead.mapValues { Optional($0) })
    service.hub.setPermission(.write, of: "stet-account", in: Self.repository)
    return service
  }

  // MARK: check

  struct Bad: Sendable, CustomTestStringConvertible {
    var name: String
    var text: String
    var parts: [String]
    var testDescription: String { name }
  }

  static let bad: [Bad] = [
    Bad(
      name: "slips of the pen",
      text:
        "rules:\n- name: x\n  when: opend\n  if: {autor: ann, size: many}\n  then: {lable: x}\n",
      parts: [":3:", "did you mean 'opened'", "did you mean 'author'", "did you mean 'label'"]),
    Bad(name: "anchors", text: "a: &a [1]\nb: *a\n", parts: [":1:", "anchors"]),
    Bad(
      name: "a bomb",
      text: "a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\n"
        + "c: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]\n",
      parts: ["anchors"]),
    Bad(name: "a circle of anchors", text: "rules: &r\n- *r\n", parts: ["anchors"]),
    Bad(
      name: "depth", text: "rules: " + String(repeating: "[", count: 5_000),
      parts: ["too deep"]),
    Bad(
      name: "too long", text: "# " + String(repeating: "x", count: 70_000), parts: ["KiB"]),
    Bad(
      name: "patterns that would backtrack",
      text: "rules: [{if: {title: '(?=a)b'}, then: review}, {if: {body: '(a)\\1'}, then: review}]",
      parts: ["(?", "rules[1]"]),
    Bad(name: "a key twice", text: "rules: []\nrules: []\n", parts: [":2:"]),
    Bad(name: "tabs", text: "rules:\n\t- x\n", parts: [":2:"]),
    Bad(name: "another version", text: "version: 2\n", parts: ["version"]),
    Bad(
      name: "what would move the cursor", text: "rules: [{then: \"a\u{1B}[2Jb\"}]\n",
      parts: [".yml"]),
  ]

  @Test(arguments: bad) func aBadPolicyIsToldWithItsPlaces(_ given: Bad) async throws {
    let service = try await ServiceRunning(.none)
    try service.folder.write(given.text, to: "policy.yml")
    let outcome = try await service.stet(["policy", "check", "policy.yml"])
    #expect(outcome.status == 2, "\(outcome.output)\(outcome.error)")
    for part in given.parts {
      #expect(outcome.error.contains(part), "\(part) is not in \(outcome.error)")
    }
    #expect(!outcome.error.contains("\u{1B}"))
    #expect(outcome.error.utf8.count < 10_000)
    #expect(service.hub.log.isEmpty)
  }

  @Test func aGoodPolicyIsToldToBe() async throws {
    let service = try await ServiceRunning(.none)
    try service.folder.write(Self.policy, to: ".stet.yml")
    let good = try await service.stet(["policy", "check"])
    #expect(good.status == 0, "\(good.error)")
    #expect(good.output == ".stet.yml: no mistakes; 2 rules\n")
    try service.folder.write("rules: [{name: a, then: {learn: ann}}]\nrulez: 1\n", to: "other.yml")
    let warned = try await service.stet(["policy", "check", "other.yml"])
    #expect(warned.status == 0, "\(warned.error)")
    #expect(warned.error.contains("no learned reviewers"), "\(warned.error)")
    #expect(warned.error.contains("rulez"), "\(warned.error)")
    let schema = try await service.stet(["policy", "schema"])
    #expect(schema.status == 0)
    #expect(try schema.json()["properties"]?["rules"] != nil)
  }

  // MARK: Misuse

  struct Misuse: Sendable, CustomTestStringConvertible {
    var arguments: [String]
    var status: Int32 = 2
    var part: String
    var testDescription: String { arguments.joined(separator: " ") }
  }

  static let misuses: [Misuse] = [
    Misuse(arguments: ["policy", "check", "none.yml"], part: "no such file"),
    Misuse(arguments: ["policy", "check", "."], part: "folder"),
    Misuse(arguments: ["policy", "chek"], part: "chek"),
    Misuse(arguments: ["policy", "explain"], part: "--facts"),
    Misuse(arguments: ["policy", "explain", "nonsense words"], part: "OWNER/REPO#N"),
    Misuse(arguments: ["policy", "explain", "octo-org/orders#99"], part: "#99"),
    Misuse(arguments: ["policy", "explain", "octo-org/nope#1"], part: "octo-org/nope"),
    Misuse(
      arguments: ["policy", "explain", "octo-org/orders#1", "--event", "opend"], part: "opened"),
    Misuse(
      arguments: ["policy", "explain", "octo-org/orders#1", "--policy", "none.yml"],
      part: "no such file"),
    Misuse(arguments: ["policy", "replay", "octo-org/nope"], part: "octo-org/nope"),
    Misuse(arguments: ["policy", "replay", "octo-org/orders", "--limit", "0"], part: "1 to 1000"),
    Misuse(arguments: ["policy", "replay", "bad.jsonl"], part: "bad.jsonl:2"),
    Misuse(arguments: ["report", "no repository"], part: "OWNER/NAME"),
    Misuse(arguments: ["report", "--days", "0"], part: "1 to 366"),
    Misuse(arguments: ["report", "--ask-forge"], part: "OWNER/NAME"),
    Misuse(arguments: ["report", "octo-org/orders", "--format", "pdf"], part: "pdf"),
    Misuse(arguments: ["report", "--output", "none/report.html"], part: "none"),
  ]

  @Test(arguments: misuses) func misuseIsASentence(_ given: Misuse) async throws {
    let service = try await service()
    try service.folder.write(Self.policy, to: ".stet.yml")
    try service.folder.write("\n{\"facts\": 1}\n", to: "bad.jsonl")
    let outcome = try await service.stet(given.arguments)
    let told = outcome.error + outcome.output
    #expect(outcome.status == given.status, "\(outcome.status): \(told)")
    #expect(told.contains(given.part), "\(told)")
    #expect(!told.contains("CodingKeys") && !told.contains("Error("), "\(told)")
    #expect(!told.contains(service.token))
  }

  // MARK: explain and replay

  @Test func explainSeesWhatTheReviewFound() async throws {
    let service = try await service()
    let before = try await service.stet(["policy", "explain", "octo-org/orders#1"])
    #expect(before.status == 0, "\(before.error)")
    #expect(before.output.contains("? "), "\(before.output)")
    let review = try await service.stet(["review", "octo-org/orders#1", "--post"])
    #expect([0, 1].contains(review.status), "\(review.error)")
    let after = try await service.stet(["policy", "explain", "octo-org/orders#1", "--json"])
    #expect(after.status == 0, "\(after.error)")
    let document = try after.json()
    let ready = try #require(document["rules"]?.array?.last)
    #expect(ready["result"]?.string == "not_met")
    let missing = (ready["missing"]?.array ?? []).compactMap(\.string)
    #expect(missing.contains { $0.contains("finding") }, "\(missing)")
    #expect(
      service.hub.log.filter { $0.method != "GET" }.allSatisfy { !$0.path.hasSuffix("/labels") })
  }

  @Test func replayTellsWherePeopleDidOtherwise() async throws {
    let service = try await service("rules: [{name: all, then: {label: python}}]")
    let reference = PullRequestReference(Self.repository, 1)
    service.hub.merge(reference)
    let calls = service.hub.log.count
    let outcome = try await service.stet(["policy", "replay", "octo-org/orders"])
    #expect(outcome.status == 0, "\(outcome.error)")
    #expect(outcome.output.contains("would have labelled 'python', people did not"))
    #expect(outcome.output.contains("people merged, the policy would not have"))
    #expect(service.hub.log.dropFirst(calls).allSatisfy { $0.method == "GET" })
    // A hundred times as much of what was recorded is read in a moment.
    let facts = try JSONEncoder.iso8601.encode(
      PolicyRecord(facts: PolicyFacts.sample(Self.repository)))
    let line = String(decoding: facts, as: UTF8.self)
    try service.folder.write(
      String(repeating: line + "\n", count: 10_000), to: "history.jsonl")
    try service.folder.write(Self.policy, to: ".stet.yml")
    let started = ContinuousClock.now
    let many = try await service.stet(["policy", "replay", "history.jsonl"])
    #expect(many.status == 0, "\(many.error)")
    #expect(many.output.contains("10000 records"), "\(many.output.suffix(300))")
    #expect(ContinuousClock.now - started < .seconds(30))
  }

  @Test func aReportOfNothingAndOfAForgeThatIsNotThere() async throws {
    let service = try await service()
    let empty = try await service.stet(["report", "octo-org/orders"])
    #expect(empty.status == 0, "\(empty.error)")
    #expect(!empty.output.isEmpty)
    let gone = try await service.stet(["report", "octo-org/nope", "--ask-forge"])
    #expect(gone.status == 0, "\(gone.error)")
    #expect(gone.output.contains("The forge was not heard"), "\(gone.output)")
  }
}

extension JSONEncoder {
  fileprivate static var iso8601: JSONEncoder {
    let encoder = JSONEncoder()
    encoder.dateEncodingStrategy = .iso8601
    return encoder
  }
}

extension PolicyFacts {
  fileprivate static func sample(_ repository: RepositoryName) -> PolicyFacts {
    let moment = Date(timeIntervalSince1970: 1_700_000_000)
    var facts = PolicyFacts(
      event: .opened, repository: "\(repository)", number: 1, title: "t",
      author: .init(login: "ada"), base: "main", head: "change",
      baseCommit: String(repeating: "a", count: 40), headCommit: String(repeating: "b", count: 40),
      createdAt: moment, updatedAt: moment, now: moment)
    facts.files = [.init(path: "a.py", additions: 1)]
    return facts
  }
}
