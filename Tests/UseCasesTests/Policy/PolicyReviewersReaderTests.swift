import Domain
import Testing
import UseCases

@Suite struct PolicyReviewersReaderTests {
  private func read(_ text: String) throws -> ReviewerPolicy {
    try PolicyReader.read(Array(text.utf8)).reviewers
  }

  @Test func everything() throws {
    let policy = try read(
      """
      reviewers:
        learn: [grace, "@acme/Leads"]
        asked_by: "@acme/devs"
      """)
    #expect(policy.learned == .only(PolicyPeople(["grace", "@acme/Leads"])))
    #expect(policy.askedBy == PolicyPeople(["@acme/devs"]))
    #expect(policy.teams == ["acme/leads", "acme/devs"])
    #expect(try read("reviewers: {learn: no}").learned == .nobody)
    #expect(try read("reviewers: {learn: true}").learned == .everybody)
    #expect(try read("review: {}") == ReviewerPolicy())
  }

  @Test(arguments: [
    ("reviewers: 3", "expected keys"), ("reviewers: {lern: [a]}", "did you mean 'learn'"),
    ("reviewers: {learn: []}", "the list is empty"),
    ("reviewers: {asked_by: {a: b}}", "expected text"),
  ]) func refuses(_ text: String, _ words: String) {
    let error = #expect(throws: PolicyError.self) { try read(text) }
    #expect(error?.description.contains(words) == true, "\(error?.description ?? "")")
  }

  @Test func theSchemaKnowsThem() {
    let keys = PolicySchema.document["properties"]?["reviewers"]?["properties"]
    #expect(keys?["learn"] != nil && keys?["asked_by"] != nil)
  }

  /// What a membership that cannot be learned is worth.
  @Test func teams() {
    let policy = ReviewerPolicy(
      learned: .only(PolicyPeople(["@acme/leads"])), askedBy: PolicyPeople(["@acme/devs"]))
    func person(_ login: String, _ teams: [String]?) -> PolicyFacts.Person {
      PolicyFacts.Person(login: login, teams: teams, permission: .write)
    }
    let (lead, dev) = (person("lin", ["acme/leads"]), person("ada", ["acme/devs"]))
    #expect(policy.refusal(of: dev, for: lead, isOwn: false) == nil)
    #expect(policy.refusal(of: lead, for: lead, isOwn: true) == nil)
    #expect(policy.refusal(of: lead, for: lead, isOwn: false)?.contains("asked_by") == true)
    #expect(policy.refusal(of: dev, for: dev, isOwn: true)?.contains("learn") == true)
    #expect(policy.refusal(of: dev, for: person("x", nil), isOwn: false) != nil)
    #expect(policy.refusal(of: person("x", nil), for: lead, isOwn: false) != nil)
    var reader = dev
    reader.permission = .triage
    #expect(policy.refusal(of: reader, for: lead, isOwn: false)?.contains("write") == true)
  }
}
