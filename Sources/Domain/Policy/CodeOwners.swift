/// A CODEOWNERS file: of the lines that match a path the last one counts.
/// Source: docs.github.com, "About code owners".
public struct CodeOwners: Sendable, Hashable {
  private struct Line: Sendable, Hashable {
    var pattern: PathPattern
    var owners: [String]
  }

  /// Where forges look for it, the first first.
  public static let places = [".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS"]
  private static let mostLines = 2_000

  private let lines: [Line]

  /// A line that cannot be read is left out, as forges leave it out. - Returns: `nil` for more lines
  /// than are looked at: the last ones count most, so a part of them tells nothing.
  public init?(_ text: String) {
    let written = text.split(whereSeparator: \.isNewline)
    guard written.count <= Self.mostLines else { return nil }
    lines = written.compactMap { line in
      let written = line.split(separator: "#", maxSplits: 1, omittingEmptySubsequences: false)[0]
      let words = written.split(whereSeparator: \.isWhitespace).map(String.init)
      guard let first = words.first, let pattern = try? PathPattern(first) else { return nil }
      return Line(pattern: pattern, owners: Array(words.dropFirst()))
    }
  }

  /// Logins without `@`, teams as `@ORG/TEAM`; mail addresses are left out, as nobody can be asked
  /// by one.
  public func owners(of paths: [String]) -> [String] {
    var found: [String] = []
    for path in paths {
      let path = SourcePath(path)
      guard let line = lines.last(where: { $0.pattern.matches(path) }) else { continue }
      for owner in line.owners where owner.hasPrefix("@") {
        let name = owner.contains("/") ? owner : String(owner.dropFirst())
        if !found.contains(name) { found.append(name) }
      }
    }
    return found
  }
}
