import Domain
import Yams

extension PolicyReader {
  static let ruleKeys = ["name", "when", "if", "then", "shadow"]
  private static let mostRules = 100

  mutating func rules(_ node: Node, into policy: inout ShepherdPolicy) {
    if isNull(node) { return }
    guard let items = node.sequence else {
      report(node, "rules", "expected a list of rules, found \(kind(node)); write '- name: …'")
      return
    }
    if items.count > Self.mostRules {
      report(
        node, "rules", "there are \(items.count) rules, more than the \(Self.mostRules) allowed")
      return
    }
    var lines: [String: Int] = [:]
    for (index, item) in items.enumerated() {
      guard let rule = rule(item, "rules[\(index)]", number: index + 1) else { continue }
      if let before = lines.updateValue(rule.line ?? 0, forKey: rule.name) {
        report(
          item, "rules[\(index)].name",
          "'\(rule.name)' is the name of the rule in line \(before) too")
      }
      if rule.actions.contains(where: { if case .learn = $0 { true } else { false } }) {
        warn(
          item, "rules[\(index)].then",
          "'learn' does nothing in this version, which knows no learned reviewers; it is recorded as refused"
        )
      }
      policy.rules.append(rule)
    }
    for circle in policy.circles {
      let rule = policy.rules.first { $0.name == circle.first }
      guard let index = policy.rules.firstIndex(where: { $0.name == rule?.name }) else { continue }
      warn(
        items[index], "rules[\(index)]",
        circle.count == 1
          ? "'\(circle[0])' waits for what its own actions cause; Stet does not hear itself, and cuts it off where another bot answers"
          : "'\(circle[0])' and '\(circle[1])' each wait for what the other causes; Stet does not hear itself, and cuts them off where another bot answers"
      )
    }
  }

  private mutating func rule(_ node: Node, _ path: String, number: Int) -> PolicyRule? {
    guard let mapping = keys(node, path, such: "if") else {
      if isNull(node) { report(node, path, "the rule is empty") }
      return nil
    }
    var rule = PolicyRule(name: "rule \(number)", actions: [], line: node.mark?.line)
    for (key, value) in mapping {
      let name = key.string ?? ""
      let place = "\(path).\(name)"
      switch name {
      case "name": if let text = text(value, place, longest: 100) { rule.name = text }
      case "when": rule.when = choices(value, place, PolicyEvent.self)
      case "if": rule.condition = condition(value, place)
      case "then": rule.actions = actions(value, place)
      case "shadow": rule.isShadow = flag(value, place) ?? false
      default: unknown(key, name, in: path, allowed: Self.ruleKeys)
      }
    }
    if mapping["then"] == nil { report(node, path, "'then' is missing: the rule does nothing") }
    return rule
  }

  // MARK: Actions

  /// A name, a mapping of names, or a list of both.
  private mutating func actions(_ node: Node, _ path: String) -> [PolicyAction] {
    if let items = node.sequence {
      if items.isEmpty { report(node, path, "the list is empty; name at least one action") }
      var found: [PolicyAction] = []
      for (index, item) in items.enumerated() { found += actions(item, "\(path)[\(index)]") }
      return found
    }
    if let mapping = node.mapping {
      var found: [PolicyAction] = []
      for (key, value) in mapping {
        let name = key.string ?? ""
        guard PolicyAction.names.contains(name) else {
          unknown(key, name, in: path, allowed: PolicyAction.names)
          continue
        }
        if let action = action(name, value, at: key, "\(path).\(name)") { found.append(action) }
      }
      return found
    }
    guard let name = text(node, path, longest: 40) else { return [] }
    guard PolicyAction.names.contains(name) else {
      let near = nearest(name, PolicyAction.names).map { "did you mean '\($0)'?" }
      report(
        node, path,
        "unknown action '\(name)'; "
          + (near ?? "allowed are \(PolicyAction.names.joined(separator: ", "))"))
      return []
    }
    return action(name, nil, at: node, path).map { [$0] } ?? []
  }

  /// - Parameter value: `nil` or nothing for an action that is only named.
  private mutating func action(
    _ name: String, _ given: Node?, at key: Node, _ path: String
  ) -> PolicyAction? {
    let value = given.flatMap { isNull($0) ? nil : $0 }
    switch name {
    case "review", "update_branch", "reopen", "enrich":
      if let value, value.bool != true {
        report(value, path, "'\(name)' takes nothing; write '- \(name)'")
        return nil
      }
      return switch name {
      case "review": .review
      case "update_branch": .updateBranch
      case "reopen": .reopen
      default: .enrich
      }
    case "approve": return optionalText(value, path) { .approve($0) }
    case "close": return optionalText(value, path) { .close($0) }
    case "merge":
      guard let value else { return .merge(.init()) }
      return mergeAction(value, path)
    case "queue":
      guard let value else { return .queue(.normal) }
      return choice(value, path, MergePriority.self).map { .queue($0) }
    case "lock":
      guard let value else { return .lock(nil) }
      return choice(value, path, PolicyAction.LockReason.self).map { .lock($0) }
    case "request_reviewers":
      return reviewers(value, at: key, path)
    default: break
    }
    guard let value else {
      report(given ?? key, path, "'\(name)' needs a value; see docs/policy.md")
      return nil
    }
    switch name {
    case "label": return labels(value, path).map { .label($0) }
    case "unlabel": return labels(value, path).map { .unlabel($0) }
    case "comment": return template(value, path).map { .comment($0) }
    case "request_changes": return template(value, path).map { .requestChanges($0) }
    case "assign": return .assign(logins(value, path))
    case "learn": return .learn(logins(value, path))
    case "dismiss": return dismissal(value, path)
    case "status": return status(value, path)
    case "notify": return notification(value, path)
    case "dispatch": return dispatch(value, path)
    default: return nil
    }
  }

  private mutating func optionalText(
    _ value: Node?, _ path: String, _ make: (PolicyTemplate?) -> PolicyAction
  ) -> PolicyAction? {
    guard let value, value.bool != true else { return make(nil) }
    return template(value, path).map { make($0) }
  }

  private mutating func labels(_ node: Node, _ path: String) -> [String]? {
    let labels = words(node, path, longest: 50)
    return labels.isEmpty ? nil : labels
  }

  private mutating func logins(_ node: Node, _ path: String) -> [String] {
    words(node, path, longest: 100).map { $0.hasPrefix("@") ? String($0.dropFirst()) : $0 }
  }

  private mutating func mergeAction(_ node: Node, _ path: String) -> PolicyAction? {
    var merge = PolicyAction.Merge()
    if node.scalar != nil {
      if node.bool == true { return .merge(merge) }
      merge.method = choice(node, path, MergeMethod.self)
      return merge.method.map { _ in .merge(merge) }
    }
    guard let mapping = keys(node, path, such: "method") else { return nil }
    for (key, value) in mapping {
      let name = key.string ?? ""
      let place = "\(path).\(name)"
      switch name {
      case "method": merge.method = choice(value, place, MergeMethod.self)
      case "title": merge.title = template(value, place, longest: 300)
      case "message": merge.message = template(value, place)
      default: unknown(key, name, in: path, allowed: ["method", "title", "message"])
      }
    }
    return .merge(merge)
  }

  private mutating func reviewers(_ node: Node?, at key: Node, _ path: String) -> PolicyAction? {
    var reviewers = PolicyAction.Reviewers()
    guard let node, node.scalar?.string != "code_owners" else {
      reviewers.choice = .codeOwners
      return .requestReviewers(reviewers)
    }
    guard node.mapping != nil else {
      reviewers.from = words(node, path, longest: 100)
      return .requestReviewers(reviewers)
    }
    guard let mapping = keys(node, path, such: "from") else { return nil }
    for (key, value) in mapping {
      let name = key.string ?? ""
      let place = "\(path).\(name)"
      switch name {
      case "from": reviewers.from = words(value, place, longest: 100)
      case "choice":
        if let choice = choice(value, place, PolicyAction.Reviewers.Choice.self) {
          reviewers.choice = choice
        }
      case "count": if let count = whole(value, place, 1...15) { reviewers.count = count }
      default: unknown(key, name, in: path, allowed: ["from", "choice", "count"])
      }
    }
    if reviewers.choice != .codeOwners, reviewers.from.isEmpty {
      report(node, path, "'from' is missing: who may be asked")
    }
    return .requestReviewers(reviewers)
  }

  private mutating func dismissal(_ node: Node, _ path: String) -> PolicyAction? {
    typealias Which = PolicyAction.Dismissal.Which
    guard let usual = try? PolicyTemplate("Dismissed by the rule '{rule}': {reason}.") else {
      return nil
    }
    guard node.mapping != nil else {
      return choice(node, path, Which.self).map { .dismiss(.init(which: $0, message: usual)) }
    }
    guard let mapping = keys(node, path, such: "which") else { return nil }
    var dismissal = PolicyAction.Dismissal(which: .stale, message: usual)
    for (key, value) in mapping {
      let name = key.string ?? ""
      let place = "\(path).\(name)"
      switch name {
      case "which": if let which = choice(value, place, Which.self) { dismissal.which = which }
      case "by": dismissal.by = people(value, place)
      case "message": if let text = template(value, place) { dismissal.message = text }
      default: unknown(key, name, in: path, allowed: ["which", "by", "message"])
      }
    }
    return .dismiss(dismissal)
  }

  private mutating func status(_ node: Node, _ path: String) -> PolicyAction? {
    guard let mapping = keys(node, path, such: "name") else { return nil }
    var title: String?
    var state: PolicyAction.Status.State?
    var words = try? PolicyTemplate("{rule}")
    for (key, value) in mapping {
      let name = key.string ?? ""
      let place = "\(path).\(name)"
      switch name {
      case "name": title = text(value, place, longest: 100)
      case "state": state = choice(value, place, PolicyAction.Status.State.self)
      case "description": words = template(value, place, longest: 140)
      default: unknown(key, name, in: path, allowed: ["name", "state", "description"])
      }
    }
    for name in ["name", "state"] where mapping[Node(name)] == nil {
      report(node, path, "'\(name)' is missing")
    }
    guard let title, let state, let words else { return nil }
    return .status(.init(name: title, state: state, description: words))
  }

  private mutating func notification(_ node: Node, _ path: String) -> PolicyAction? {
    guard node.mapping != nil else {
      return template(node, path).map { .notify(channel: nil, $0) }
    }
    guard let mapping = keys(node, path, such: "text") else { return nil }
    var channel: String?
    var words: PolicyTemplate?
    for (key, value) in mapping {
      let name = key.string ?? ""
      switch name {
      case "channel": channel = text(value, "\(path).channel", longest: 100)
      case "text": words = template(value, "\(path).text")
      default: unknown(key, name, in: path, allowed: ["channel", "text"])
      }
    }
    if mapping["text"] == nil { report(node, path, "'text' is missing") }
    return words.map { .notify(channel: channel, $0) }
  }

  private mutating func dispatch(_ node: Node, _ path: String) -> PolicyAction? {
    guard node.mapping != nil else {
      return text(node, path, longest: 200).map { .dispatch(.init(workflow: $0)) }
    }
    guard let mapping = keys(node, path, such: "workflow") else { return nil }
    var dispatch = PolicyAction.Dispatch(workflow: "")
    for (key, value) in mapping {
      let name = key.string ?? ""
      let place = "\(path).\(name)"
      switch name {
      case "workflow": dispatch.workflow = text(value, place, longest: 200) ?? ""
      case "ref": dispatch.ref = text(value, place, longest: 200)
      case "inputs":
        guard let inputs = keys(value, place, such: "name") else { continue }
        if inputs.count > 10 { report(value, place, "a workflow takes at most 10 inputs") }
        for (input, given) in inputs {
          let word = input.string ?? ""
          dispatch.inputs[word] = template(given, "\(place).\(word)", longest: 1_000)
        }
      default: unknown(key, name, in: path, allowed: ["workflow", "ref", "inputs"])
      }
    }
    if mapping["workflow"] == nil { report(node, path, "'workflow' is missing") }
    return dispatch.workflow.isEmpty ? nil : .dispatch(dispatch)
  }
}
