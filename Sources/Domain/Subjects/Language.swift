/// A programming or data language, told from a file's name alone.
public enum Language: String, Sendable, Hashable, CaseIterable, Codable {
  case python, swift, javascript, typescript, go, rust, java, c, cpp, ruby
  case yaml, json, toml, dockerfile, shell, markdown, html, css, sql

  /// - Returns: `nil` where the name says nothing we know.
  public init?(path: SourcePath) {
    let name = path.name.lowercased()
    if name == "dockerfile" || name.hasPrefix("dockerfile.") || name.hasSuffix(".dockerfile")
      || name == "containerfile"
    {
      self = .dockerfile
      return
    }
    guard let known = Self.byExtension[path.fileExtension] else { return nil }
    self = known
  }

  private static let byExtension: [String: Language] = [
    "py": .python, "pyi": .python, "pyw": .python, "swift": .swift,
    "js": .javascript, "jsx": .javascript, "mjs": .javascript, "cjs": .javascript,
    "ts": .typescript, "tsx": .typescript, "mts": .typescript, "cts": .typescript,
    "go": .go, "rs": .rust, "java": .java, "kt": .java, "c": .c, "h": .c,
    "cc": .cpp, "cpp": .cpp, "cxx": .cpp, "hpp": .cpp, "hh": .cpp, "rb": .ruby,
    "yml": .yaml, "yaml": .yaml, "json": .json, "toml": .toml,
    "sh": .shell, "bash": .shell, "zsh": .shell, "ksh": .shell,
    "md": .markdown, "markdown": .markdown, "html": .html, "htm": .html,
    "css": .css, "sql": .sql,
  ]
}
