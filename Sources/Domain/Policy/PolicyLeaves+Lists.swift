extension PolicyCondition {
  static func explained(_ wanted: Labels, _ labels: [String]) -> PolicyExplanation {
    func has(_ glob: NameGlob) -> Bool { labels.contains { glob.matches($0) } }
    let lacking = wanted.all.filter { !has($0) }.map(\.text)
    let unwanted = labels.filter { label in wanted.none.contains { $0.matches(label) } }
    let hasAny = wanted.any.isEmpty || wanted.any.contains { has($0) }
    var parts: [String] = []
    if !wanted.all.isEmpty { parts.append("labels \(Wording.list(wanted.all.map(\.text)))") }
    if !wanted.any.isEmpty {
      parts.append("one of the labels \(Wording.list(wanted.any.map(\.text)))")
    }
    if !wanted.none.isEmpty { parts.append("no label \(Wording.list(wanted.none.map(\.text)))") }
    var needs: [String] = []
    if !lacking.isEmpty { needs.append("add the label \(Wording.list(lacking))") }
    if !hasAny { needs.append("add one of the labels \(Wording.list(wanted.any.map(\.text)))") }
    if !unwanted.isEmpty { needs.append("remove the label \(Wording.list(unwanted))") }
    return .leaf(
      parts.joined(separator: ", "),
      PolicyTruth(lacking.isEmpty && unwanted.isEmpty && hasAny), "labels: \(Wording.list(labels))",
      toHold: needs.joined(separator: ", "))
  }

  static func explained(_ wanted: Files, _ files: [PolicyFacts.File]?) -> PolicyExplanation {
    var parts: [String] = []
    func texts(_ patterns: [PathPattern]) -> String { Wording.list(patterns.map(\.text)) }
    if !wanted.any.isEmpty { parts.append("a file of \(texts(wanted.any))") }
    if !wanted.all.isEmpty { parts.append("a file of each of \(texts(wanted.all))") }
    if !wanted.only.isEmpty { parts.append("only files of \(texts(wanted.only))") }
    if !wanted.none.isEmpty { parts.append("no file of \(texts(wanted.none))") }
    if let count = wanted.count { parts.append("\(count.described()) files") }
    let condition = parts.joined(separator: ", ")
    guard let files else { return .leaf(condition, .unknown, "the files are not all known") }
    let paths = files.map { ($0.path, SourcePath($0.path)) }
    func matching(_ patterns: [PathPattern]) -> [String] {
      paths.filter { path in patterns.contains { $0.matches(path.1) } }.map(\.0)
    }
    var reasons: [String] = []
    var holds = true
    let any = matching(wanted.any)
    if !wanted.any.isEmpty {
      if any.isEmpty, wanted.count == nil { holds = false }
      reasons.append("\(any.count) of \(files.count) files match (\(Wording.list(any, limit: 3)))")
    }
    let absent = wanted.all.filter { pattern in !paths.contains { pattern.matches($0.1) } }
    if !absent.isEmpty {
      holds = false
      reasons.append("no file of \(texts(absent))")
    }
    if !wanted.only.isEmpty {
      let inside = Set(matching(wanted.only))
      let outside = files.map(\.path).filter { !inside.contains($0) }
      if !outside.isEmpty || files.isEmpty { holds = false }
      reasons.append(outside.isEmpty ? "no other files" : "also \(Wording.list(outside, limit: 3))")
    }
    let unwanted = matching(wanted.none)
    if !unwanted.isEmpty {
      holds = false
      reasons.append("it changes \(Wording.list(unwanted, limit: 3))")
    }
    if let count = wanted.count {
      let number = wanted.any.isEmpty ? files.count : any.count
      if !count.contains(number) { holds = false }
      if wanted.any.isEmpty { reasons.append("\(number) files") }
    }
    return .leaf(
      condition, PolicyTruth(holds),
      reasons.isEmpty ? "\(files.count) files" : reasons.joined(separator: ", "))
  }

  static func explained(_ wanted: Approvals, _ facts: PolicyFacts) -> PolicyExplanation {
    var condition = "\(wanted.count.described()) approvals"
    if !wanted.by.isEmpty { condition += " by \(wanted.by.description)" }
    if wanted.byCodeOwners { condition += " by code owners" }
    if wanted.ofHead { condition += " of this commit" }
    guard let approvals = facts.approvals else {
      return .leaf(condition, .unknown, "the reviews are not known")
    }
    let owners = facts.codeOwners.map {
      PolicyPeople($0)
    }
    if wanted.byCodeOwners, owners == nil {
      return .leaf(condition, .unknown, "the code owners are not known")
    }
    var counted: [String] = []
    var open = 0
    for review in approvals where !wanted.ofHead || review.commit == facts.headCommit {
      var truth = wanted.by.isEmpty ? .yes : wanted.by.truth(of: review.author)
      if wanted.byCodeOwners, truth != .no {
        let own = owners?.truth(of: review.author) ?? .unknown
        if own != .yes { truth = own }
      }
      if truth == .yes { counted.append(review.author.login) }
      if truth == .unknown { open += 1 }
    }
    let least = wanted.count.contains(counted.count)
    let most = wanted.count.contains(counted.count + open)
    let truth: PolicyTruth = open > 0 && (least != most) ? .unknown : PolicyTruth(least)
    let reason = "\(counted.count) approvals (\(Wording.list(counted)))"
    let lacking = max(0, (wanted.count.least ?? 0) - counted.count)
    return .leaf(
      condition, truth, reason,
      toHold: lacking > 0
        ? "\(lacking) more approval\(lacking == 1 ? "" : "s")"
          + (wanted.by.isEmpty ? "" : " by \(wanted.by.description)")
          + (wanted.byCodeOwners ? " by code owners" : "") : nil)
  }

  static func explained(
    _ wanted: Bool, _ by: PolicyPeople, _ requests: [PolicyFacts.Review]?
  ) -> PolicyExplanation {
    let whose = by.isEmpty ? "" : " by \(by.description)"
    let condition = wanted ? "changes requested\(whose)" : "no changes requested\(whose)"
    guard let requests else { return .leaf(condition, .unknown, "the reviews are not known") }
    let truths = requests.map { by.isEmpty ? PolicyTruth.yes : by.truth(of: $0.author) }
    let theirs = zip(requests, truths).filter { $0.1 != .no }.map(\.0.author.login)
    let known: PolicyTruth =
      truths.contains(.yes) ? .yes : truths.contains(.unknown) ? .unknown : .no
    return .leaf(
      condition, wanted ? known : known.opposite,
      theirs.isEmpty ? "nobody requests changes" : "changes requested by \(Wording.list(theirs))",
      toHold: wanted ? nil : "a new review of \(Wording.list(theirs)), who requested changes",
      toFail: wanted ? "a new review of \(Wording.list(theirs)), who requested changes" : nil)
  }

  static func explained(
    _ name: NameGlob, _ conclusions: [PolicyFacts.Check.Conclusion], _ facts: PolicyFacts
  ) -> PolicyExplanation {
    let condition = "the check \(name.text) is \(Wording.choice(conclusions))"
    guard let checks = facts.checks else {
      return .leaf(condition, .unknown, "the checks are not known")
    }
    // A check of an earlier commit says nothing of this one.
    let named = checks.filter { $0.commit == facts.headCommit && name.matches($0.name) }
    if named.isEmpty {
      return .leaf(condition, .no, "there is no check \(name.text) on this commit")
    }
    let others = named.filter { !conclusions.contains($0.conclusion) }
    let shown = (others.isEmpty ? named : others).map {
      "\($0.name) is \($0.conclusion.rawValue.replacing("_", with: " "))"
    }
    return .leaf(condition, PolicyTruth(others.isEmpty), Wording.list(shown, limit: 3))
  }

  static func explained(
    _ wanted: Findings, _ findings: [PolicyFacts.Finding]?
  ) -> PolicyExplanation {
    let kinds = wanted.categories.isEmpty ? "" : " of \(Wording.list(wanted.categories))"
    let condition =
      "\(wanted.count.described()) findings of severity \(wanted.severity.rawValue) or above\(kinds)"
    guard let findings else {
      return .leaf(condition, .unknown, "this commit was not reviewed")
    }
    let count = findings.count { finding in
      finding.severity >= wanted.severity
        && (wanted.categories.isEmpty || wanted.categories.contains(finding.category))
    }
    return .leaf(
      condition, PolicyTruth(wanted.count.contains(count)),
      "\(count) such finding\(count == 1 ? "" : "s")")
  }

  static func explained(
    _ wanted: Dependencies, _ dependencies: [PolicyFacts.Dependency]?
  ) -> PolicyExplanation {
    let condition =
      switch wanted {
      case .merged: "all that it depends on is merged"
      case .open: "something that it depends on is not merged"
      case .none: "it depends on nothing"
      }
    guard let dependencies else {
      return .leaf(condition, .unknown, "its dependencies are not known")
    }
    let open = dependencies.filter { $0.state != .merged }
    let isUnseen = !open.isEmpty && open.allSatisfy { $0.state == nil }
    let truth: PolicyTruth =
      switch wanted {
      case .merged: isUnseen ? .unknown : PolicyTruth(open.isEmpty)
      case .open: isUnseen ? .unknown : PolicyTruth(!open.isEmpty)
      case .none: PolicyTruth(dependencies.isEmpty)
      }
    return .leaf(
      condition, truth,
      dependencies.isEmpty
        ? "it depends on nothing"
        : open.isEmpty
          ? "all \(dependencies.count) are merged"
          : "waits for \(Wording.list(open.map(\.reference)))",
      toHold: wanted == .merged ? "merge \(Wording.list(open.map(\.reference)))" : nil)
  }
}
