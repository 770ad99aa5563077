import Domain

/// A file that may be mended, as it stands at the head.
struct FixFile: Sendable {
  var path: SourcePath
  var bytes: [UInt8]
  /// What the change under review did to it; `nil` where it is no part of that.
  var diff: FileDiff?
  /// What the review said of it, in order of line.
  var findings: [Finding] = []
  /// A person wrote its path.
  var isNamed = false

  var language: Language? { Language(path: path) }

  /// Lines that the change added, 1-based, joined where they touch.
  var changed: [ClosedRange<Int>] {
    var ranges: [ClosedRange<Int>] = []
    for hunk in diff?.hunks ?? [] {
      for line in hunk.lines where line.kind == .added {
        guard let number = line.newNumber else { continue }
        if let last = ranges.last, last.upperBound + 1 == number {
          ranges[ranges.count - 1] = last.lowerBound...number
        } else {
          ranges.append(number...number)
        }
      }
    }
    return ranges
  }
}

/// A file that was not changed, and why.
public struct LeftFile: Sendable, Hashable, Codable {
  public var path: String
  /// The end of a sentence that begins with the path: "it is a lock file".
  public var reason: String

  public init(path: String, reason: String) {
    self.path = path
    self.reason = reason
  }
}

/// A text for one file that was shown to hold by itself.
struct FixCandidate: Sendable {
  var path: SourcePath
  var before: [UInt8]
  var after: [UInt8]
  /// One harmless sentence.
  var reason: String
  var source: FindingSource
  var proofs: [Proof]
  var notes: [String] = []

  /// Our own minimal diff, not what a model said its change was.
  var diff: FileDiff? { FileDiff.comparing(old: before, new: after, path: path) }

  var changedLines: Int {
    let comparison = LineComparison(old: before, new: after)
    return comparison.additions + comparison.deletions
  }

  var isModels: Bool { if case .model = source { true } else { false } }
}
