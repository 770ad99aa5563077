import Domain

/// What repositories call the topics that the fallback knows.
enum LabelNames {
  private static let names: [String: [String]] = [
    "needs-review": ["needs-review", "needs-triage", "triage"],
    "bug": ["bug", "defect", "type-bug", "kind-bug"],
    "feature-request": [
      "feature-request", "enhancement", "feature", "type-enhancement", "type-feature",
      "kind-feature", "kind-enhancement",
    ],
    "urgent": ["urgent", "critical", "priority-critical", "priority-high"],
    "frontend": ["frontend", "ui", "ui-ux", "area-frontend", "area-ui"],
    "backend": ["backend", "api", "area-backend", "area-api"],
    "performance": ["performance", "perf", "area-performance", "kind-performance"],
  ]

  /// The repository's own labels for these topics, in their order, none twice.
  static func labels(for topics: [String], among labels: [String]) -> [String] {
    var found: [String] = []
    for topic in topics {
      let known = names[topic] ?? [topic]
      let label = known.lazy.compactMap { name in labels.first { plain($0) == name } }.first
      if let label, !found.contains(label) { found.append(label) }
    }
    return found
  }

  /// `type: Bug`, `Type/Bug` and `type-bug` are one; what is no letter or digit counts as a dash.
  private static func plain(_ label: String) -> String {
    var plain = ""
    for scalar in label.lowercased().unicodeScalars {
      if scalar.properties.isAlphabetic || ("0"..."9").contains(scalar) {
        plain.unicodeScalars.append(scalar)
      } else if !plain.isEmpty, plain.last != "-" {
        plain.append("-")
      }
    }
    return plain.last == "-" ? String(plain.dropLast()) : plain
  }
}
