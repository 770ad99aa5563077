/// What a pull request's text says it needs: `Depends on #12`, `Blocked by owner/name#3`, at the
/// beginning of a line.
public enum DependencyLines {
  private static let words = [
    "depends on", "depends-on:", "depends on:", "blocked by", "blocked by:",
  ]
  public static let most = 20

  /// What stands in quotations, code and HTML comments is not heard.
  public static func references(
    in body: String, of repository: RepositoryName
  ) -> [PullRequestReference] {
    var found: [PullRequestReference] = []
    for line in SpokenLines.of(body) {
      let lowered = line.lowercased().drop { " -*\t".contains($0) }
      guard let word = words.filter({ lowered.hasPrefix($0) }).max(by: { $0.count < $1.count })
      else { continue }
      for part in lowered.dropFirst(word.count).split(whereSeparator: { " ,\t".contains($0) }) {
        let name = part.hasSuffix(".") ? part.dropLast() : part
        let text = name.hasPrefix("#") ? "\(repository)\(name)" : String(name)
        if let reference = PullRequestReference(text), !found.contains(reference) {
          found.append(reference)
        }
        if found.count == most { return found }
      }
    }
    return found
  }
}
