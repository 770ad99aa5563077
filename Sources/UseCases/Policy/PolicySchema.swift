public import Domain

/// The JSON Schema of `.stet.yml`, for editors. What the reader refuses beyond it (a pattern that is
/// none, two rules of one name), `stet policy check` tells.
public enum PolicySchema {
  /// Source: json-schema.org, draft 7, which editors' YAML servers read.
  public static var document: JSONValue {
    object(
      [
        "version": .object(["const": .integer(1)]), "review": review, "fix": fix,
        "issues": issues, "notify": notify,
        "rules": list(rule, "What is done by itself."), "merge": merge, "roles": roles,
        "commands": commands, "queue": queue,
        "freeze": either([freeze, list(freeze, "When nothing is merged.")]),
        "stale": either([stale, list(stale, "What nobody touches, each for other items.")]),
        "reviewers": object([
          "learn": either([flag("Everybody who agrees, or nobody."), texts("Who may be learned.")]),
          "asked_by": texts("Who may ask for another; without it, whoever may write."),
        ]),
      ],
      isOpen: true,
      more: [
        "$schema": .string("http://json-schema.org/draft-07/schema#"),
        "title": .string(".stet.yml"),
        "definitions": .object(["condition": condition]),
      ])
  }

  private static var rule: JSONValue {
    object(
      [
        "name": text("What reasons and reports call it."),
        "when": words(PolicyEvent.self, "Events that it waits for; without it, every one."),
        "if": reference, "then": actions,
        "shadow": flag("Recorded only, not carried out."),
      ], required: ["then"])
  }

  private static let reference = JSONValue.object(["$ref": .string("#/definitions/condition")])

  // MARK: Conditions

  static var conditions: [String: JSONValue] {
    [
      "all": reference, "any": reference, "not": reference,
      "author": texts("Logins, globs of them, or teams as @ORG/TEAM."),
      "actor": texts("Who caused the event."), "bot": flag("Whether the author is a program."),
      "association": words(PolicyFacts.Association.self, "How the author stands to it."),
      "team": texts("The author's team, as @ORG/TEAM."), "base": texts("Base branches."),
      "head": texts("Head branches."), "fork": flag("Whether it comes from a fork."),
      "draft": flag("Whether it is a draft."),
      "state": either([
        word(["open", "closed", "merged"], ""), list(word(["open", "closed", "merged"], ""), ""),
      ]),
      "title": text("A regular expression without back references."),
      "body": text("A regular expression without back references."),
      "labels": either([
        texts("All of these."),
        object(["all": texts(""), "any": texts(""), "none": texts("")]),
      ]),
      "files": either([
        texts("Globs of which a file matches one."),
        object([
          "any": texts(""), "all": texts(""), "only": texts(""), "none": texts(""),
          "count": number(""),
        ]),
      ]),
      "size": number("Lines added and removed."),
      "review_state": word(PolicyCondition.ReviewState.self, "What all reviews together say."),
      "approvals": either([
        number("At least so many."),
        object([
          "count": number(""), "by": texts(""), "code_owners": flag(""), "of_head": flag(""),
        ]),
      ]),
      "changes_requested": either([flag(""), object(["by": texts("")])]),
      "unresolved_threads": number("Conversations at lines."),
      "checks": either([
        texts("Checks that must be green."),
        .object([
          "type": .string("object"),
          "additionalProperties": either([
            word(["green"], ""), words(PolicyFacts.Check.Conclusion.self, ""),
          ]),
        ]),
      ]),
      "findings": either([
        number("Open findings."),
        object([
          "severity": word(Severity.self, "And above."), "category": texts(""),
          "count": number(""),
        ]),
      ]),
      "coverage": number("Percent of the change that was reviewed."),
      "age": number("Since it was opened, such as '> 30d'."),
      "idle": number("Since anything happened to it."),
      "mergeable": flag("Whether it merges without conflicts."),
      "behind": number("Commits of the base that it lacks."), "time": time,
      "depends_on": word(PolicyCondition.Dependencies.self, "What it says it needs."),
      "locked": flag("Whether its conversation is locked."),
      "assignees": number("How many."), "review_requests": number("How many."),
    ]
  }

  private static var condition: JSONValue {
    either([object(conditions), list(reference, "All of these.")])
  }

  private static var time: JSONValue {
    object([
      "days": texts("Such as mon-fri."), "hours": text("Such as 09:00-17:00."),
      "zone": text("Such as Europe/Berlin."),
    ])
  }

  // MARK: Actions

  private static var actions: JSONValue {
    let one = either([word(PolicyAction.names, ""), object(actionKeys)])
    return either([one, list(one, "In their order.")])
  }

  static var actionKeys: [String: JSONValue] {
    let nothing = JSONValue.object(["enum": .array([.null, .bool(true)])])
    let perhaps = either([nothing, text("A text with {title}, {author}, … in it.")])
    let people = texts("Logins.")
    return [
      "label": texts("Labels to add."), "unlabel": texts("Labels to remove."),
      "comment": text("Markdown."), "assign": people,
      "request_reviewers": either([
        nothing, texts("Logins, teams as @ORG/TEAM, or code_owners."),
        object([
          "from": texts(""), "choice": word(PolicyAction.Reviewers.Choice.self, ""),
          "count": whole(1, 15),
        ]),
      ]),
      "review": nothing, "request_changes": text("Markdown."), "approve": perhaps,
      "dismiss": either([
        word(PolicyAction.Dismissal.Which.self, ""),
        object([
          "which": word(PolicyAction.Dismissal.Which.self, ""), "by": texts(""),
          "message": text(""),
        ]),
      ]),
      "status": object(
        [
          "name": text(""), "state": word(PolicyAction.Status.State.self, ""),
          "description": text(""),
        ], required: ["name", "state"]),
      "update_branch": nothing,
      "merge": either([
        nothing, word(MergeMethod.self, ""),
        object(["method": word(MergeMethod.self, ""), "title": text(""), "message": text("")]),
      ]),
      "queue": either([nothing, word(MergePriority.self, "")]), "close": perhaps,
      "reopen": nothing, "lock": either([nothing, word(PolicyAction.LockReason.self, "")]),
      "notify": either([
        text(""), object(["channel": text(""), "text": text("")], required: ["text"]),
      ]),
      "dispatch": either([
        text("The workflow's file."),
        object(
          [
            "workflow": text(""), "ref": text(""),
            "inputs": .object(["type": .string("object")]),
          ], required: ["workflow"]),
      ]),
      "enrich": nothing, "learn": people,
    ]
  }

  // MARK: Sections

  private static var merge: JSONValue {
    object([
      "method": word(MergeMethod.self, ""), "approvals": whole(0, 20), "approvals_by": texts(""),
      "code_owners": flag(""), "stale_approvals": flag("Whether those of earlier commits count."),
      "checks": texts("There and green."), "ignore_checks": texts("Need not be green."),
      "threads_resolved": flag(""), "up_to_date": flag(""),
      "block_on": word(MergePolicy.Block.self, "Open findings of this severity and above block."),
    ])
  }

  private static var roles: JSONValue {
    object(
      Dictionary(
        uniqueKeysWithValues: PolicyRole.allCases.dropFirst().map { ($0.rawValue, texts("")) }))
  }

  private static var commands: JSONValue {
    object(
      Dictionary(
        uniqueKeysWithValues: PolicyRoles.commandNames.map { ($0, word(PolicyRole.self, "")) }))
  }

  private static var queue: JSONValue {
    object([
      "batch": whole(1, 20), "speculation": whole(1, 5), "method": word(MergeMethod.self, ""),
      "timeout": text("Such as 2h."),
    ])
  }

  private static var freeze: JSONValue {
    object([
      "reason": text(""), "base": texts(""), "time": time,
      "except": texts("Labels that pass all the same."),
    ])
  }

  private static var stale: JSONValue {
    object([
      "on": words(StalePolicy.Kind.self, "Without it, both."),
      "remind": text("After so long without anything happening, such as 60d."),
      "close": either([
        text("After so long more without an answer, or never."), .object(["const": .bool(false)]),
      ]),
      "label": text("Shows that people were reminded."),
      "exempt": object([
        "labels": texts(""), "milestones": either([flag("Any of them."), texts("")]),
        "drafts": flag(""), "assigned": flag("What somebody is assigned to."),
      ]),
      "message": text("Markdown with {title}, {author}, {reason}, … in it."),
      "close_message": text("Said when it is closed."),
      "shadow": flag("Recorded only, not carried out."),
    ])
  }

  private static var review: JSONValue {
    object([
      "include": texts(""), "exclude": texts(""), "language": text(""),
      "min_confidence": .object(["type": .string("number")]), "max_findings": whole(1, 1_000),
      "max_input_tokens": whole(0, 100_000_000), "approve_when_clean": flag(""),
      "severity": .object(["type": .string("object")]),
      "instructions": list(
        object(["path": text(""), "text": text("")], required: ["path", "text"]), ""),
    ])
  }

  private static var fix: JSONValue {
    object([
      "test_command": texts(""), "image": word(SandboxImage.self, ""),
      "protected_paths": texts(""), "timeout": whole(1, 1_800),
    ])
  }

  private static var issues: JSONValue {
    object([
      "mode": word(IssuePolicy.Mode.self, "What may follow from an issue."),
      "labels": described(["type": .string("array"), "items": text("")], "Those that may be set."),
      "instructions": text("How to choose and to describe."), "max_labels": whole(1, 5),
      "comment": flag(""), "duplicates": flag(""), "learn": flag(""),
    ])
  }

  private static var notify: JSONValue {
    object([
      "time_zone": text("Such as Europe/Berlin."), "quiet_hours": texts("Such as 22:00-07:00."),
      "routes": list(
        object(
          [
            "events": words(Notice.Event.self, "Without it, every one."),
            "severity": word(Severity.self, "The least that is told."),
            "repositories": texts(""), "to": texts("Such as slack, or mail:ADDRESS."),
            "digest": text("Such as daily 09:00."), "quiet": word(NotifyPolicy.AtNight.self, ""),
            "template": text(""),
          ], required: ["to"]), ""),
    ])
  }

  // MARK: Forms

  private static func described(_ members: [String: JSONValue], _ words: String) -> JSONValue {
    var members = members
    if !words.isEmpty { members["description"] = .string(words) }
    return .object(members)
  }

  private static func text(_ words: String) -> JSONValue {
    described(["type": .string("string")], words)
  }

  private static func flag(_ words: String) -> JSONValue {
    described(["type": .string("boolean")], words)
  }

  /// A number, or bounds in words.
  private static func number(_ words: String) -> JSONValue {
    described(["type": .array([.string("integer"), .string("string")])], words)
  }

  private static func whole(_ least: Int, _ most: Int) -> JSONValue {
    .object([
      "type": .string("integer"), "minimum": .integer(least), "maximum": .integer(most),
    ])
  }

  private static func list(_ item: JSONValue, _ words: String) -> JSONValue {
    described(["type": .string("array"), "items": item, "minItems": .integer(1)], words)
  }

  private static func texts(_ words: String) -> JSONValue {
    described(["anyOf": .array([text(""), list(text(""), "")])], words)
  }

  private static func word(_ words: [String], _ told: String) -> JSONValue {
    described(["enum": .array(words.map { .string($0) })], told)
  }

  private static func word<Word: RawRepresentable<String> & CaseIterable>(
    _ type: Word.Type, _ told: String
  ) -> JSONValue { word(Word.allCases.map(\.rawValue), told) }

  private static func words<Word: RawRepresentable<String> & CaseIterable>(
    _ type: Word.Type, _ told: String
  ) -> JSONValue { either([word(type, told), list(word(type, ""), "")]) }

  private static func either(_ forms: [JSONValue]) -> JSONValue {
    .object(["anyOf": .array(forms)])
  }

  private static func object(
    _ members: [String: JSONValue], required: [String] = [], isOpen: Bool = false,
    more: [String: JSONValue] = [:]
  ) -> JSONValue {
    var object = more
    object["type"] = .string("object")
    object["properties"] = .object(members)
    if !isOpen { object["additionalProperties"] = .bool(false) }
    if !required.isEmpty { object["required"] = .array(required.map { .string($0) }) }
    return .object(object)
  }
}
