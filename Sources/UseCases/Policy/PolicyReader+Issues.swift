import Domain
import Yams

extension PolicyReader {
  private static let issueKeys = [
    "mode", "labels", "instructions", "max_labels", "comment", "duplicates", "learn",
  ]
  private static let mostLabels = 100

  mutating func issues(_ node: Node, into policy: inout IssuePolicy) {
    if isNull(node) { return }
    guard let mapping = node.mapping else {
      report(node, "issues", "expected keys such as 'mode:', found \(kind(node))")
      return
    }
    for (key, value) in mapping {
      let name = key.string ?? ""
      let path = "issues.\(name)"
      switch name {
      case "mode":
        // YAML 1.1 reads a bare `off` as false; its text is what was meant.
        let word = (value.scalar?.string ?? "").lowercased()
        if let mode = IssuePolicy.Mode(rawValue: word) {
          policy.mode = mode
        } else {
          let known = IssuePolicy.Mode.allCases.map(\.rawValue)
          report(
            value, path,
            "expected \(known.joined(separator: ", ")), found \(shown(value))"
              + (nearest(word, known).map { "; did you mean '\($0)'?" } ?? ""))
        }
      case "labels": policy.labels = labels(value, path)
      case "instructions":
        if !isNull(value), let text = text(value, path, longest: 4_000) {
          policy.instructions = text
        }
      case "max_labels": if let most = whole(value, path, 1...5) { policy.maxLabels = most }
      case "comment": flag(value, path, &policy.comments)
      case "duplicates": flag(value, path, &policy.duplicates)
      case "learn": flag(value, path, &policy.learns)
      default: unknown(key, name, in: "issues", allowed: Self.issueKeys)
      }
    }
  }

  private mutating func flag(_ node: Node, _ path: String, _ value: inout Bool) {
    if let flag = node.bool {
      value = flag
    } else {
      report(node, path, "expected true or false, found \(shown(node))")
    }
  }

  private mutating func labels(_ node: Node, _ path: String) -> [String]? {
    if isNull(node) { return nil }
    guard let items = node.sequence else {
      report(node, path, "expected a list of labels, found \(kind(node)); write '- bug'")
      return nil
    }
    if items.count > Self.mostLabels {
      report(node, path, "has \(items.count) labels, more than the \(Self.mostLabels) allowed")
    }
    var labels: [String] = []
    for (index, item) in items.enumerated() {
      if let label = text(item, "\(path)[\(index)]", longest: 200), !labels.contains(label) {
        labels.append(label)
      }
    }
    return labels
  }
}
