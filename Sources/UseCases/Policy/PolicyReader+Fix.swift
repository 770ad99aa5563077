import Domain
import Yams

extension PolicyReader {
  private static let fixKeys = ["test_command", "image", "protected_paths", "timeout"]
  private static let longestWord = 4_000

  mutating func fix(_ node: Node, into policy: inout FixPolicy) {
    if isNull(node) { return }
    guard let mapping = node.mapping else {
      report(node, "fix", "expected keys such as 'test_command:', found \(kind(node))")
      return
    }
    for (key, value) in mapping {
      let name = key.string ?? ""
      let path = "fix.\(name)"
      switch name {
      case "test_command": policy.testCommand = command(value, path)
      case "image":
        let word = value.scalar?.string ?? ""
        if let image = SandboxImage(rawValue: word) {
          policy.image = image
        } else {
          let known = SandboxImage.allCases.map(\.rawValue)
          let near = nearest(word, known)
          report(
            value, path,
            "expected \(known.joined(separator: ", ")), found \(shown(value))"
              + (near.map { "; did you mean '\($0)'?" } ?? ""))
        }
      case "protected_paths": policy.protectedPaths = patterns(value, path)
      case "timeout":
        if let seconds = whole(value, path, 1...1_800) { policy.timeout = .seconds(seconds) }
      default: unknown(key, name, in: "fix", allowed: Self.fixKeys)
      }
    }
  }

  /// A list is a program and its arguments; a text is for the shell.
  private mutating func command(_ node: Node, _ path: String) -> [String]? {
    if isNull(node) { return nil }
    guard let items = node.sequence else {
      return text(node, path, longest: Self.longestWord).map { ["/bin/sh", "-c", $0] }
    }
    var words: [String] = []
    for (index, item) in items.enumerated() {
      if let word = text(item, "\(path)[\(index)]", longest: Self.longestWord) {
        words.append(word)
      }
    }
    if items.isEmpty { report(node, path, "a command has at least one word") }
    return words.isEmpty ? nil : words
  }
}
