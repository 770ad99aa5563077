/// Says whether a text parses in its language. It never runs the text.
public protocol SyntaxChecker: Sendable {
  /// - Returns: `.unknown` where no parser for this language is at hand.
  func check(_ text: [UInt8], language: Language, path: SourcePath) async -> SyntaxVerdict
}

public enum SyntaxVerdict: Sendable, Equatable {
  case parses
  /// The parser's first complaint; the line is 1-based where it gave one.
  case broken(line: Int?, message: String)
  case unknown
}
