import Domain
import Yams

extension PolicyReader {
  /// Every key that may stand under `if:`.
  public static let conditionKeys = [
    "all", "any", "not", "author", "actor", "bot", "association", "team", "base", "head", "fork",
    "draft", "state", "title", "body", "labels", "files", "size", "review_state", "approvals",
    "changes_requested", "unresolved_threads", "checks", "findings", "coverage", "age", "idle",
    "mergeable", "behind", "time", "depends_on", "locked", "assignees", "review_requests",
  ]

  /// A mapping holds where all its keys do, a list where all its items do.
  mutating func condition(_ node: Node, _ path: String) -> PolicyCondition {
    .all(conditions(node, path))
  }

  private mutating func conditions(_ node: Node, _ path: String) -> [PolicyCondition] {
    if isNull(node) {
      report(node, path, "has no condition; leave the key out for a rule that always holds")
      return []
    }
    if let items = node.sequence {
      var found: [PolicyCondition] = []
      for (index, item) in items.enumerated() {
        let parts = conditions(item, "\(path)[\(index)]")
        found.append(parts.count == 1 ? parts[0] : .all(parts))
      }
      if items.isEmpty { report(node, path, "the list is empty; name at least one condition") }
      return found
    }
    guard let mapping = keys(node, path, such: "author") else { return [] }
    if mapping.isEmpty { report(node, path, "has no condition") }
    var found: [PolicyCondition] = []
    for (key, value) in mapping {
      let name = key.string ?? ""
      guard Self.conditionKeys.contains(name) else {
        unknown(key, name, in: path, allowed: Self.conditionKeys)
        continue
      }
      // Nothing, or an empty mapping, would hold always, or be left aside.
      let isEmpty =
        isNull(value)
        ? ["time", "changes_requested"].contains(name)
        : value.mapping?.isEmpty == true && !["all", "any", "not"].contains(name)
      if isEmpty {
        report(key, "\(path).\(name)", "has no value; say what is asked for, or leave the key out")
        continue
      }
      if let condition = condition(name, value, "\(path).\(name)") { found.append(condition) }
    }
    return found
  }

  private mutating func condition(
    _ name: String, _ value: Node, _ path: String
  ) -> PolicyCondition? {
    switch name {
    case "all": .all(conditions(value, path))
    case "any": .any(conditions(value, path))
    case "not": .not(condition(value, path))
    case "author": .author(people(value, path))
    case "actor": .actor(people(value, path))
    case "bot": flag(value, path).map { .bot($0) }
    case "association":
      .association(choices(value, path, PolicyFacts.Association.self))
    case "team": team(value, path)
    case "base": .base(names(value, path, isBranch: true))
    case "head": .head(names(value, path, isBranch: true))
    case "fork": flag(value, path).map { .fork($0) }
    case "draft": flag(value, path).map { .draft($0) }
    case "state": states(value, path)
    case "title": pattern(value, path).map { .title($0) }
    case "body": pattern(value, path).map { .body($0) }
    case "labels": labels(value, path)
    case "files": files(value, path)
    case "size": range(value, path).map { .size($0) }
    case "review_state":
      choice(value, path, PolicyCondition.ReviewState.self).map { .reviewState($0) }
    case "approvals": approvals(value, path)
    case "changes_requested": changesRequested(value, path)
    case "unresolved_threads": range(value, path).map { .unresolvedThreads($0) }
    case "checks": checks(value, path)
    case "findings": findings(value, path)
    case "coverage": percent(value, path).map { .coverage($0) }
    case "age": span(value, path).map { .age($0) }
    case "idle": span(value, path).map { .idle($0) }
    case "mergeable": flag(value, path).map { .mergeable($0) }
    case "behind": range(value, path).map { .behind($0) }
    case "time": time(value, path).map { .time($0) }
    case "depends_on":
      choice(value, path, PolicyCondition.Dependencies.self).map { .dependencies($0) }
    case "locked": flag(value, path).map { .locked($0) }
    case "assignees": range(value, path).map { .assignees($0) }
    case "review_requests": range(value, path).map { .reviewRequests($0) }
    default: nil
    }
  }

  private mutating func team(_ node: Node, _ path: String) -> PolicyCondition {
    let teams = words(node, path).map { $0.hasPrefix("@") ? String($0.dropFirst()) : $0 }
    for team in teams where team.split(separator: "/").count != 2 {
      report(node, path, "expected a team such as '@org/team', found '\(team.prefix(60))'")
    }
    return .team(teams)
  }

  private enum StateWord: String, CaseIterable { case open, closed, merged }

  private mutating func states(_ node: Node, _ path: String) -> PolicyCondition {
    .state(choices(node, path, StateWord.self).compactMap { .init(rawValue: $0.rawValue) })
  }

  /// A text or a list means all of them.
  private mutating func labels(_ node: Node, _ path: String) -> PolicyCondition? {
    guard node.mapping != nil else {
      return .labels(.init(all: names(node, path, ignoresCase: true)))
    }
    guard let mapping = keys(node, path, such: "any") else { return nil }
    var labels = PolicyCondition.Labels()
    for (key, value) in mapping {
      let name = key.string ?? ""
      let place = "\(path).\(name)"
      switch name {
      case "all": labels.all = names(value, place, ignoresCase: true)
      case "any": labels.any = names(value, place, ignoresCase: true)
      case "none": labels.none = names(value, place, ignoresCase: true)
      default: unknown(key, name, in: path, allowed: ["all", "any", "none"])
      }
    }
    return .labels(labels)
  }

  /// A glob or a list of them means that one file at least matches one.
  private mutating func files(_ node: Node, _ path: String) -> PolicyCondition? {
    guard node.mapping != nil else { return .files(.init(any: paths(node, path))) }
    guard let mapping = keys(node, path, such: "only") else { return nil }
    var files = PolicyCondition.Files()
    for (key, value) in mapping {
      let name = key.string ?? ""
      let place = "\(path).\(name)"
      switch name {
      case "any": files.any = paths(value, place)
      case "all": files.all = paths(value, place)
      case "only": files.only = paths(value, place)
      case "none": files.none = paths(value, place)
      case "count": files.count = range(value, place)
      default: unknown(key, name, in: path, allowed: ["any", "all", "only", "none", "count"])
      }
    }
    return .files(files)
  }

  private mutating func approvals(_ node: Node, _ path: String) -> PolicyCondition? {
    guard node.mapping != nil else {
      return range(node, path, bare: .atLeast).map { .approvals(.init(count: $0)) }
    }
    guard let mapping = keys(node, path, such: "count") else { return nil }
    var approvals = PolicyCondition.Approvals(count: PolicyRange(least: 1))
    for (key, value) in mapping {
      let name = key.string ?? ""
      let place = "\(path).\(name)"
      switch name {
      case "count":
        if let count = range(value, place, bare: .atLeast) { approvals.count = count }
      case "by": approvals.by = people(value, place)
      case "code_owners": approvals.byCodeOwners = flag(value, place) ?? false
      case "of_head": approvals.ofHead = flag(value, place) ?? false
      default: unknown(key, name, in: path, allowed: ["count", "by", "code_owners", "of_head"])
      }
    }
    return .approvals(approvals)
  }

  /// True or false, or by whom.
  private mutating func changesRequested(_ node: Node, _ path: String) -> PolicyCondition? {
    if let flag = node.bool { return .changesRequested(flag, by: PolicyPeople()) }
    guard let mapping = keys(node, path, such: "by") else { return nil }
    var people = PolicyPeople()
    for (key, value) in mapping {
      switch key.string ?? "" {
      case "by": people = self.people(value, "\(path).by")
      case let name: unknown(key, name, in: path, allowed: ["by"])
      }
    }
    return .changesRequested(true, by: people)
  }

  /// `NAME: CONCLUSION`, or a list of names that must be green.
  private mutating func checks(_ node: Node, _ path: String) -> PolicyCondition? {
    let green: [PolicyFacts.Check.Conclusion] = [.success, .neutral, .skipped]
    guard let mapping = node.mapping else {
      return .all(names(node, path).map { .check(name: $0, conclusions: green) })
    }
    var found: [PolicyCondition] = []
    for (key, value) in mapping {
      let name = key.string ?? ""
      if name.isEmpty { report(key, path, "expected the name of a check, found \(kind(key))") }
      guard let glob = names(key, path).first else { continue }
      let isGreen = value.scalar?.string.lowercased() == "green"
      let conclusions =
        isGreen
        ? green : choices(value, "\(path).\(name)", PolicyFacts.Check.Conclusion.self)
      found.append(.check(name: glob, conclusions: conclusions))
    }
    return .all(found)
  }

  private mutating func findings(_ node: Node, _ path: String) -> PolicyCondition? {
    guard node.mapping != nil else {
      return range(node, path).map { .findings(.init(count: $0)) }
    }
    guard let mapping = keys(node, path, such: "severity") else { return nil }
    var findings = PolicyCondition.Findings(count: PolicyRange(least: 1))
    for (key, value) in mapping {
      let name = key.string ?? ""
      let place = "\(path).\(name)"
      switch name {
      case "severity":
        if let severity = choice(value, place, Severity.self) { findings.severity = severity }
      case "category": findings.categories = words(value, place)
      case "count": if let count = range(value, place) { findings.count = count }
      default: unknown(key, name, in: path, allowed: ["severity", "category", "count"])
      }
    }
    return .findings(findings)
  }
}
