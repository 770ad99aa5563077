import Domain
import Yams

extension PolicyReader {
  private static let staleKeys = [
    "on", "remind", "close", "label", "exempt", "message", "close_message", "shadow",
  ]
  private static let exemptKeys = ["labels", "milestones", "drafts", "assigned"]
  /// Seconds. Whoever is reminded gets an hour at least.
  private static let reminding = 3_600...5 * 366 * 86_400

  /// One section, or a list of them, each for other items.
  mutating func stale(_ node: Node, into policy: inout ShepherdPolicy) {
    if isNull(node) { return }
    let items = node.sequence.map(Array.init) ?? [node]
    for (index, item) in items.enumerated() {
      let path = node.sequence == nil ? "stale" : "stale[\(index)]"
      guard let mapping = keys(item, path, such: "remind") else { continue }
      var section = StalePolicy()
      for (key, value) in mapping { stale(key, value, path, &section) }
      for kind in section.kinds.sorted(by: { $0.rawValue < $1.rawValue })
      where policy.stale.contains(where: { $0.kinds.contains(kind) }) {
        report(
          item, path,
          "'\(kind.rawValue)' stand in another section already; say with 'on:' which "
            + "section is for what")
      }
      if section.exemptLabels.contains(where: { $0.matches(section.label) }) {
        report(
          item, "\(path).exempt.labels",
          "protects what bears '\(section.label)', the label that shows that it is stale")
      }
      policy.stale.append(section)
    }
  }

  private mutating func stale(
    _ key: Node, _ value: Node, _ path: String, _ section: inout StalePolicy
  ) {
    // YAML 1.1 reads a bare `on` as true; its text is what was meant.
    let name = key.scalar?.string ?? key.string ?? ""
    let place = "\(path).\(name)"
    switch name {
    case "on": section.kinds = Set(choices(value, place, StalePolicy.Kind.self))
    case "remind": if let seconds = after(value, place) { section.remind = seconds }
    case "close":
      let word = value.scalar?.string.lowercased() ?? ""
      if word == "never" || value.bool == false {
        section.close = nil
      } else if let seconds = after(value, place) {
        section.close = seconds
      }
    case "label": if let label = text(value, place, longest: 50) { section.label = label }
    case "exempt": exempt(value, place, &section)
    case "message": section.message = template(value, place)
    case "close_message": section.closeMessage = template(value, place)
    case "shadow": section.isShadow = flag(value, place) ?? false
    default: unknown(key, name, in: path, allowed: Self.staleKeys)
    }
  }

  private mutating func after(_ node: Node, _ path: String) -> Int? {
    if let seconds = Self.seconds(node.scalar?.string ?? ""), Self.reminding.contains(seconds) {
      return seconds
    }
    report(node, path, "expected a time from '1h' to '1830d', such as '60d', found \(shown(node))")
    return nil
  }

  private mutating func exempt(_ node: Node, _ path: String, _ section: inout StalePolicy) {
    guard let mapping = keys(node, path, such: "labels") else { return }
    for (key, value) in mapping {
      let name = key.string ?? ""
      let place = "\(path).\(name)"
      switch name {
      case "labels": section.exemptLabels = names(value, place, ignoresCase: true)
      case "milestones":
        if let flag = value.bool {
          section.exemptMilestones = flag ? .all : .none
        } else {
          section.exemptMilestones = .named(names(value, place, ignoresCase: true))
        }
      case "drafts": section.exemptDrafts = flag(value, place) ?? false
      case "assigned": section.exemptAssigned = flag(value, place) ?? false
      default: unknown(key, name, in: path, allowed: Self.exemptKeys)
      }
    }
  }
}
