import Domain

/// What a text without a name reads like, so that it can be held as that. A wrong guess gives
/// nothing out: the corrected text would have to parse as what was guessed.
enum UnnamedCode {
  /// - Returns: a file name of the language; `nil` where nothing speaks for one.
  static func path(_ code: String) -> SourcePath? {
    let lines = code.split(whereSeparator: \.isNewline)
      .map { $0.trimmingPrefix { $0.isWhitespace } }
    if lines.contains(where: readsLikePython) { return "code.py" }
    let ends = (code.first { !$0.isWhitespace }, code.last { !$0.isWhitespace })
    switch ends {
    case ("{"?, "}"?), ("["?, "]"?): return "code.json"
    default: return nil
    }
  }

  private static let headers = [
    "class ", "if ", "for ", "while ", "with ", "try:", "else:", "elif ", "except",
  ]

  private static func readsLikePython(_ line: Substring) -> Bool {
    if ["def ", "async def ", ">>> "].contains(where: line.hasPrefix) { return true }
    let isPlain = !line.contains { ";{'\"".contains($0) }
    if ["import ", "from "].contains(where: line.hasPrefix) { return isPlain }
    if line.hasPrefix("print(") { return !line.hasSuffix(";") }
    return line.hasSuffix(":") && headers.contains(where: line.hasPrefix)
  }
}
