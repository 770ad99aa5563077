import Domain
import Foundation

/// What `stet policy explain` tells.
struct PolicyExplanationDocument: Encodable {
  struct Rule: Encodable {
    var name: String
    var result: PolicyDecision.Result
    var actions: [String]
    var missing: [String]
    var conditions: [Condition]
  }

  struct Condition: Encodable {
    var condition: String
    var truth: PolicyTruth
    var reason: String
  }

  var pullRequest: String
  var event: PolicyEvent
  var rules: [Rule]
  var wouldDo: [String]
  var notes: [String]
  /// Everything that stands in the way of a merge.
  var blockers: [MergeGate.Blocker]

  enum CodingKeys: String, CodingKey {
    case pullRequest = "pull_request"
    case event, rules
    case wouldDo = "would_do"
    case notes, blockers
  }

  init(_ policy: ShepherdPolicy, _ facts: PolicyFacts) {
    let decision = policy.decision(facts)
    pullRequest = "\(facts.repository)#\(facts.number)"
    event = facts.event
    rules = decision.outcomes.map { outcome in
      Rule(
        name: outcome.rule.name, result: outcome.result,
        actions: outcome.rule.actions.map(\.summary), missing: outcome.missing,
        conditions: outcome.explanation.leaves.map {
          Condition(condition: $0.condition, truth: $0.truth, reason: $0.reason)
        })
    }
    wouldDo = decision.actions.map { "\($0.action.summary) (\($0.rule): \($0.reason))" }
    if let act = policy.staleAct(facts) {
      wouldDo.append("\(act.action) (\(act.rule): \(act.reason))")
    }
    notes = decision.notes
    blockers = MergeGate(policy).blockers(facts, expectedHead: facts.headCommit)
  }

  var text: String {
    func plain(_ text: String) -> String { Defanged.forTerminal(text, oneLine: true, limit: 400) }
    var lines = ["\(pullRequest) on \(event.rawValue)"]
    for rule in rules {
      lines.append("")
      lines.append("\(plain(rule.name)): \(rule.result.rawValue.replacing("_", with: " "))")
      for condition in rule.conditions {
        let mark =
          switch condition.truth {
          case .yes: "+"
          case .no: "-"
          case .unknown: "?"
          }
        lines.append("  \(mark) \(plain(condition.condition)): \(plain(condition.reason))")
      }
      if rule.result != .fired {
        for item in rule.missing { lines.append("  missing: \(plain(item))") }
      }
    }
    lines.append("")
    lines += wouldDo.isEmpty ? ["Would do nothing."] : wouldDo.map { "Would \(plain($0))" }
    lines += notes.map { "Note: \(plain($0))" }
    lines.append(
      blockers.isEmpty
        ? "Nothing stands in the way of a merge."
        : "Not to be merged: \(plain(blockers.map(\.detail).joined(separator: "; "))).")
    return lines.joined(separator: "\n") + "\n"
  }
}

enum PolicyReplayText {
  static func of(_ replay: PolicyReplay) -> String {
    func plain(_ text: String) -> String { Defanged.forTerminal(text, oneLine: true, limit: 400) }
    var lines: [String] = []
    for line in replay.lines
    where !(line.wouldDo.isEmpty && line.held.isEmpty && line.differences.isEmpty) {
      lines.append("#\(line.pullRequest) on \(line.event.rawValue)")
      lines += line.wouldDo.map { "  \(plain($0.action)) (\(plain($0.rule)): \(plain($0.reason)))" }
      lines += line.held.map { "  not merged: \(plain($0))" }
      lines += line.differences.map { "  differs: \(plain($0))" }
    }
    if !lines.isEmpty { lines.append("") }
    lines.append(
      "\(replay.lines.count) records: \(replay.labelled) labels, \(replay.approved) approvals, "
        + "\(replay.merged) merges, \(replay.stale) reminders of what is stale; people did otherwise in \(replay.differing)."
    )
    for (rule, count) in replay.fired.sorted(by: { $0.key < $1.key }) {
      lines.append("  \(plain(rule)) fired \(count) times")
    }
    return lines.joined(separator: "\n") + "\n"
  }
}
