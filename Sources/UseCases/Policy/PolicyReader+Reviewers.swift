import Domain
import Yams

extension PolicyReader {
  private static let reviewerKeys = ["learn", "asked_by"]

  mutating func reviewers(_ node: Node, into policy: inout ReviewerPolicy) {
    guard let mapping = keys(node, "reviewers", such: "learn") else { return }
    for (key, value) in mapping {
      let name = key.string ?? ""
      let path = "reviewers.\(name)"
      switch name {
      case "learn":
        // YAML 1.1 reads `yes`, `no` and the like as flags, too.
        if let flag = value.bool {
          policy.learned = flag ? .everybody : .nobody
        } else {
          policy.learned = .only(people(value, path))
        }
      case "asked_by": policy.askedBy = people(value, path)
      default: unknown(key, name, in: "reviewers", allowed: Self.reviewerKeys)
      }
    }
  }
}
