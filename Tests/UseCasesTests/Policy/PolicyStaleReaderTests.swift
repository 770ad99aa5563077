import Domain
import Testing
import UseCases

@Suite struct PolicyStaleReaderTests {
  private func read(_ text: String) throws -> [StalePolicy] {
    try PolicyReader.read(Array(text.utf8)).shepherd.stale
  }

  private func problems(_ text: String) -> [String] {
    do {
      _ = try PolicyReader.read(Array(text.utf8))
      return []
    } catch {
      return error.problems.map(\.description)
    }
  }

  @Test func everything() throws {
    let stale = try read(
      """
      stale:
        - on: issues
          remind: 90d
          close: never
          label: quiet
          exempt: {labels: [security, "keep-*"], milestones: true, assigned: true}
          message: "Still so, {author}? {reason}."
        - on: [pull_requests]
          remind: 4w
          close: 7d
          exempt: {drafts: true, milestones: ["v2*"]}
          close_message: Bye.
          shadow: true
      """)
    #expect(stale.map(\.kinds) == [[.issues], [.pullRequests]])
    #expect(stale.map(\.remind) == [90 * 86_400, 28 * 86_400])
    #expect(stale.map(\.close) == [nil, 7 * 86_400])
    #expect(stale.map(\.label) == ["quiet", "stale"])
    #expect(stale[0].exemptLabels.map(\.text) == ["security", "keep-*"])
    #expect(stale[0].exemptMilestones == .all)
    #expect(stale[1].exemptMilestones == .named([NameGlob("v2*", ignoresCase: true)]))
    #expect(stale[0].exemptAssigned && !stale[0].exemptDrafts && stale[1].exemptDrafts)
    #expect(stale[0].message?.text == "Still so, {author}? {reason}.")
    #expect(stale[1].closeMessage?.text == "Bye.")
    #expect(stale.map(\.isShadow) == [false, true])
    #expect(try read("stale: {remind: 30d}").first?.kinds == [.issues, .pullRequests])
    #expect(try read("stale:").isEmpty)
  }

  @Test(arguments: [
    ("stale: 3", "expected keys"), ("stale: {remind: soon}", "such as '60d'"),
    ("stale: {remind: 5s}", "such as '60d'"), ("stale: {clse: 3d}", "did you mean 'close'"),
    ("stale: {on: pulls}", "pull_requests"), ("stale: {message: '{titel}'}", "'{title}'"),
    ("stale: [{}, {on: issues}]", "another section already"),
    ("stale: {exempt: {labels: 'st*'}}", "the label that shows that it is stale"),
    ("stale: {exempt: {draft: true}}", "did you mean 'drafts'"),
    ("stale: {shadow: perhaps}", "true or false"), ("stale: {label: ''}", "expected text"),
  ]) func refuses(_ text: String, _ words: String) {
    let found = problems(text)
    #expect(found.contains { $0.contains(words) }, "\(found)")
  }

  @Test func theSchemaNamesWhatTheReaderReads() {
    let forms = PolicySchema.document["properties"]?["stale"]?["anyOf"]?.array ?? []
    guard case .object(let members)? = forms.first?["properties"] else {
      Issue.record("no schema")
      return
    }
    for name in members.keys {
      #expect(
        problems("stale: {\(name): {zz: 1}}").allSatisfy {
          !$0.contains("unknown key; allowed are on")
        })
    }
    #expect(
      Set(members.keys)
        == ["on", "remind", "close", "label", "exempt", "message", "close_message", "shadow"])
  }

  /// A rule that names no event waits for time only where it asks for one.
  @Test(arguments: [
    ("[{then: review}]", false, true), ("[{when: scheduled, then: review}]", true, false),
    ("[{if: {not: {any: [{idle: 2d}]}}, then: review}]", true, true),
    ("[{when: opened, if: {age: 2d}, then: review}]", false, false),
    ("[{when: base_pushed, then: update_branch}]", false, true),
  ]) func whatIsLookedAtOnTime(_ rules: String, _ scheduled: Bool, _ pushed: Bool) throws {
    let policy = try PolicyReader.read(Array("rules: \(rules)".utf8)).shepherd
    #expect(policy.hears(.scheduled) == scheduled)
    #expect(policy.hears(.basePushed) == pushed)
  }
}
