import Domain
import Testing
import UseCases

@Suite struct PolicyRulesReaderTests {
  private func read(_ text: String) throws -> PolicyFile {
    try PolicyReader.read(Array(text.utf8))
  }

  private func problems(_ text: String) -> [String] {
    do {
      _ = try read(text)
      return []
    } catch {
      return (error as? PolicyError)?.problems.map(\.description) ?? ["\(error)"]
    }
  }

  private static let whole = """
    rules:
      - name: docs
        when: [opened, pushed]
        if:
          files: {only: ["docs/**", "*.md"]}
          not: {labels: needs-work}
        then:
          - label: documentation
          - request_reviewers: {from: [ann, "@o/core"], choice: round_robin, count: 2}
          - comment: "Thanks, {author}."
      - name: ready
        if:
          - approvals: {count: 2, by: ["@o/core"], of_head: true}
          - checks: {build: success, "test (*)": [success, skipped]}
          - checks: lint
          - any: [{draft: false}, {size: "< 400"}]
          - {age: "> 30d", idle: 2h, coverage: ">= 80%", behind: "1..5"}
          - {time: {days: [mon-wed, sat], hours: "22:00-06:00", zone: Europe/Berlin}}
          - {changes_requested: {by: ann}, findings: {severity: error, category: bug, count: 0}}
        then: {merge: {method: squash, title: "{title} (#{number})"}}
      - if: {state: merged}
        then: [update_branch, reopen, queue, {queue: high}, approve, {close: "Bye."}, {lock: spam}]
        shadow: true
      - name: more
        then:
          - {dismiss: stale, status: {name: gate, state: pending}}
          - {notify: {channel: team, text: "{reason}"}}
          - {dispatch: {workflow: deploy.yml, inputs: {n: "{number}"}}}
          - {assign: "@ann", learn: [bob], unlabel: [x], request_changes: No., enrich: true}
    merge: {method: squash, approvals: 2, checks: [build], block_on: warning}
    roles: {maintainer: [ann], reviewer: ["*"]}
    commands: {queue: reviewer}
    queue: {batch: 3, speculation: 1, timeout: 1h}
    freeze:
      - {reason: release, base: "release/*", except: hotfix}
    """

  @Test func everything() throws {
    let file = try read(Self.whole)
    // `learn` waits for learned reviewers.
    #expect(file.warnings.map(\.keyPath) == ["rules[3].then"])
    let policy = file.shepherd
    #expect(policy.rules.map(\.name) == ["docs", "ready", "rule 3", "more"])
    #expect(policy.rules[0].when == [.opened, .pushed])
    #expect(
      policy.rules[0].actions == [
        .label(["documentation"]),
        .requestReviewers(.init(choice: .roundRobin, from: ["ann", "@o/core"], count: 2)),
        .comment(try PolicyTemplate("Thanks, {author}.")),
      ])
    #expect(policy.rules[0].line == 2)
    guard case .all(let parts) = policy.rules[1].condition else {
      Issue.record("\(policy.rules[1].condition)")
      return
    }
    #expect(
      parts[0]
        == .approvals(
          .init(count: .init(least: 2), by: PolicyPeople(["@o/core"]), ofHead: true)))
    #expect(
      parts[1]
        == .all([
          .check(name: NameGlob("build"), conclusions: [.success]),
          .check(name: NameGlob("test (*)"), conclusions: [.success, .skipped]),
        ]))
    #expect(
      parts[4]
        == .all([
          .age(.init(least: 2_592_001)), .idle(.init(least: 7_200)), .coverage(.init(least: 80)),
          .behind(.init(least: 1, most: 5)),
        ]))
    #expect(
      parts[5]
        == .time(
          .init(
            days: [.monday, .tuesday, .wednesday, .saturday], from: 1_320, until: 360,
            zone: "Europe/Berlin")))
    #expect(
      policy.rules[2].actions == [
        .updateBranch, .reopen, .queue(.normal), .queue(.high), .approve(nil),
        .close(try PolicyTemplate("Bye.")), .lock(.spam),
      ])
    #expect(policy.rules[2].isShadow)
    #expect(policy.rules[3].actions.count == 9)
    #expect(policy.merge.approvals == 2)
    #expect(policy.merge.blocksOn == .warning)
    #expect(policy.queue == QueuePolicy(batch: 3, speculation: 1, timeout: 3_600))
    #expect(policy.roles.commands == ["queue": .reviewer])
    #expect(policy.freezes.first?.reason == "release")
  }

  @Test func allMistakesTogetherWithTheNearestWord() {
    let found = problems(
      """
      rules:
        - name: a
          when: opend
          if: {autor: ann, size: many, title: "(", draft: perhaps}
          then: {lable: x, comment: "{titel}"}
        - name: a
          then: mrge
        - if: {time: {hours: "9-5", zone: Europe/Berln}}
      merge: {aprovals: 1, method: sqash}
      """)
    #expect(
      found == [
        ".stet.yml:3:11: rules[0].when: expected opened, reopened, edited, pushed, ready, draft, labeled, unlabeled, assigned, closed, review_requested, reviewed, review_dismissed, commented, checks, threads, base_changed, base_pushed, command, scheduled, found 'opend'; did you mean 'opened'?",
        ".stet.yml:4:10: rules[0].if.autor: unknown key; did you mean 'author'?",
        ".stet.yml:4:28: rules[0].if.size: expected a number or bounds such as '>= 2', '< 400' or '1..5', found 'many'",
        ".stet.yml:4:41: rules[0].if.title: the pattern has a '(' without its ')'",
        ".stet.yml:4:53: rules[0].if.draft: expected true or false, found 'perhaps'",
        ".stet.yml:5:12: rules[0].then.lable: unknown key; did you mean 'label'?",
        ".stet.yml:5:31: rules[0].then.comment: names '{titel}', which is not known; known are {number}, {title}, {body}, {author}, {actor}, {base}, {head}, {commit}, {repository}, {rule}, {reason}; did you mean '{title}'?",
        ".stet.yml:7:11: rules[1].then: unknown action 'mrge'; did you mean 'merge'?",
        ".stet.yml:6:5: rules[1].name: 'a' is the name of the rule in line 2 too",
        ".stet.yml:8:24: rules[2].if.time.hours: expected hours such as '09:00-17:30', found '9-5'",
        ".stet.yml:8:37: rules[2].if.time.zone: expected a time zone such as 'Europe/Berlin', found 'Europe/Berln'; did you mean 'Europe/Berlin'?",
        ".stet.yml:8:5: rules[2]: 'then' is missing: the rule does nothing",
        ".stet.yml:9:9: merge.aprovals: unknown key; did you mean 'approvals'?",
        ".stet.yml:9:30: merge.method: expected merge, squash, rebase, found 'sqash'; did you mean 'squash'?",
      ])
  }

  @Test(arguments: [
    ("rules: 3", "expected a list of rules"), ("rules: [3]", "expected keys"),
    ("rules: [{then: {}, if: {}}]", "no condition"), ("rules: [{then: []}]", "empty"),
    ("rules: [{then: comment}]", "needs a value"),
    ("rules: [{then: {review: x}}]", "takes nothing"),
    ("rules: [{then: {request_reviewers: {count: 1}}}]", "'from' is missing"),
    ("rules: [{then: {status: {name: x}}}]", "'state' is missing"),
    ("rules: [{if: {team: core}, then: review}]", "expected a team"),
    ("rules: [{if: {age: 3}, then: review}]", "'> 30d'"),
    ("rules: [{if: {size: '5..1'}, then: review}]", "bounds"),
    ("rules: [{if: {body: '(?<x>a)'}, then: review}]", "'(?'"),
    ("rules: [{if: {time: , draft: false}, then: merge}]", "no value"),
    ("rules: [{if: {changes_requested: ~}, then: merge}]", "no value"),
    ("rules: [{if: {checks: {}}, then: merge}]", "no value"),
    ("rules: [{if: {files: 'a['}, then: review}]", "']'"), ("roles: {boss: [x]}", "allowed are"),
    ("commands: {mrge: admin}", "did you mean 'merge'"), ("queue: {batch: 99}", "from 1 to 20"),
    ("queue: {timeout: 1s}", "'24h'"), ("freeze: {until: x}", "allowed are"),
    ("merge: {checks: [a], ignore_checks: [a]}", "both asked for and ignored"),
  ]) func refuses(_ text: String, _ words: String) {
    let found = problems(text)
    #expect(found.contains { $0.contains(words) }, "\(found)")
    #expect(found.allSatisfy { $0.hasPrefix(".stet.yml:1:") }, "\(found)")
  }

  @Test func rolesOfCommandsThatNobodyCanGiveAreWarnedOf() throws {
    let file = try read("commands: {merge: admin, freeze: admin, ignore: maintainer, help: reader}")
    #expect(file.shepherd.roles.commands["ignore"] == .maintainer)
    let warnings = file.warnings.map(\.description)
    #expect(warnings.count == 3, "\(warnings)")
    for word in ["'merge'", "'freeze'", "help"] {
      #expect(warnings.contains { $0.contains(word) }, "\(warnings)")
    }
  }

  @Test func hostilePoliciesAreBounded() {
    let many = "rules:\n" + String(repeating: "- then: review\n", count: 101)
    #expect(problems(many).contains { $0.contains("more than the 100 allowed") })
    let long = String(repeating: "a", count: 400)
    let patterns =
      "rules:\n"
      + (0..<30).map { "- name: n\($0)\n  if: {files: '\(long)\($0)'}\n  then: review\n" }
      .joined()
    #expect(problems(patterns).count { $0.contains("8192 bytes") } == 1)
    let deep =
      "rules: [{then: review, if: " + String(repeating: "{not: ", count: 70) + "{draft: true}"
    #expect(problems(deep).contains { $0.contains("nested too deeply") })
    #expect(problems("a: &a [1]\nrules: *a").contains { $0.contains("anchors") })
  }

  @Test func circlesAreWarnings() throws {
    let file = try read("rules: [{name: a, when: labeled, then: {label: x}}]")
    #expect(file.warnings.map(\.line) == [1])
    #expect(file.warnings.first?.message.contains("its own actions") == true)
  }

  @Test func theSchemaNamesWhatTheReaderReads() {
    let schema = PolicySchema.document
    func members(_ value: JSONValue?) -> Set<String> {
      guard case .object(let members)? = value else { return [] }
      return Set(members.keys)
    }
    let forms = schema["definitions"]?["condition"]?["anyOf"]?.array ?? []
    #expect(members(forms.first?["properties"]) == Set(PolicyReader.conditionKeys))
    let then = schema["properties"]?["rules"]?["items"]?["properties"]?["then"]
    let actions = then?["anyOf"]?.array?.first?["anyOf"]?.array?.last
    #expect(members(actions?["properties"]) == Set(PolicyAction.names))
  }
}
