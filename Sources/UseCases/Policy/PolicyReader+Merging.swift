import Domain
import Yams

extension PolicyReader {
  static let mergeKeys = [
    "method", "approvals", "approvals_by", "code_owners", "stale_approvals", "checks",
    "ignore_checks", "threads_resolved", "up_to_date", "block_on",
  ]

  mutating func merge(_ node: Node, into policy: inout MergePolicy) {
    guard let mapping = keys(node, "merge", such: "method") else { return }
    for (key, value) in mapping {
      let name = key.string ?? ""
      let path = "merge.\(name)"
      switch name {
      case "method": if let one = choice(value, path, MergeMethod.self) { policy.method = one }
      case "approvals": if let count = whole(value, path, 0...20) { policy.approvals = count }
      case "approvals_by": policy.approvalsBy = people(value, path)
      case "code_owners": policy.needsCodeOwners = flag(value, path) ?? false
      case "stale_approvals": policy.countsStaleApprovals = flag(value, path) ?? false
      case "checks": policy.checks = names(value, path)
      case "ignore_checks": policy.ignoredChecks = names(value, path)
      case "threads_resolved": policy.needsResolvedThreads = flag(value, path) ?? false
      case "up_to_date": policy.needsUpToDate = flag(value, path) ?? false
      case "block_on":
        if let one = choice(value, path, MergePolicy.Block.self) { policy.blocksOn = one }
      default: unknown(key, name, in: "merge", allowed: Self.mergeKeys)
      }
    }
    for check in policy.checks where policy.ignoredChecks.contains(where: { $0.text == check.text })
    {
      report(node, "merge.checks", "'\(check.text)' is both asked for and ignored")
    }
  }

  mutating func roles(_ node: Node, into roles: inout PolicyRoles) {
    guard let mapping = keys(node, "roles", such: "maintainer") else { return }
    for (key, value) in mapping {
      let name = key.string ?? ""
      if let role = PolicyRole(rawValue: name), role != .none {
        roles.people[role] = people(value, "roles.\(name)")
      } else {
        unknown(key, name, in: "roles", allowed: PolicyRole.allCases.dropFirst().map(\.rawValue))
      }
    }
  }

  /// The role that each command asks for.
  mutating func commands(_ node: Node, into roles: inout PolicyRoles) {
    guard let mapping = keys(node, "commands", such: "queue") else { return }
    for (key, value) in mapping {
      let name = key.string ?? ""
      guard PolicyRoles.defaults[name] != nil else {
        unknown(key, name, in: "commands", allowed: PolicyRoles.commandNames)
        continue
      }
      if let role = choice(value, "commands.\(name)", PolicyRole.self) {
        roles.commands[name] = role
      }
      // `help` is everybody's, so that nobody is left without an answer.
      if case .unknown? = CommentCommand.parse("@stet \(name)", handle: "stet").first {
        warn(
          key, "commands.\(name)",
          "this version has no command '\(name)' in comments; its role is asked for nowhere")
      } else if name == "help" {
        warn(key, "commands.help", "everybody may ask for help; its role is asked for nowhere")
      }
    }
  }

  mutating func queue(_ node: Node, into policy: inout QueuePolicy) {
    guard let mapping = keys(node, "queue", such: "batch") else { return }
    for (key, value) in mapping {
      let name = key.string ?? ""
      let path = "queue.\(name)"
      switch name {
      case "batch": if let count = whole(value, path, 1...20) { policy.batch = count }
      case "speculation": if let count = whole(value, path, 1...5) { policy.speculation = count }
      case "method": policy.method = choice(value, path, MergeMethod.self)
      case "timeout":
        if let seconds = Self.seconds(value.scalar?.string ?? ""), (60...86_400).contains(seconds) {
          policy.timeout = seconds
        } else {
          report(value, path, "expected a time from '1min' to '24h', found \(shown(value))")
        }
      default:
        unknown(key, name, in: "queue", allowed: ["batch", "speculation", "method", "timeout"])
      }
    }
  }

  /// One, or a list of them.
  mutating func freezes(_ node: Node, into policy: inout ShepherdPolicy) {
    if isNull(node) { return }
    let items = node.sequence.map(Array.init) ?? [node]
    for (index, item) in items.enumerated() {
      let path = node.sequence == nil ? "freeze" : "freeze[\(index)]"
      guard let mapping = keys(item, path, such: "reason") else { continue }
      var freeze = MergeFreeze(reason: "frozen by the policy")
      for (key, value) in mapping {
        let name = key.string ?? ""
        let place = "\(path).\(name)"
        switch name {
        case "reason": if let words = text(value, place, longest: 200) { freeze.reason = words }
        case "base": freeze.base = names(value, place, isBranch: true)
        case "time": freeze.time = time(value, place)
        case "except": freeze.except = names(value, place, ignoresCase: true)
        default: unknown(key, name, in: path, allowed: ["reason", "base", "time", "except"])
        }
      }
      policy.freezes.append(freeze)
    }
  }
}
