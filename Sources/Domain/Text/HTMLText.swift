/// Text inside HTML.
public enum HTMLText {
  /// - Returns: the text as it may stand between tags and in a quoted attribute, without NUL.
  ///
  /// It goes by scalar: by grapheme, a quotation mark that another character has joined would stay,
  /// as `"` and U+0301 are one.
  public static func escaped(_ text: some StringProtocol) -> String {
    var result = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "&": result += "&amp;"
      case "<": result += "&lt;"
      case ">": result += "&gt;"
      case "\"": result += "&quot;"
      case "'": result += "&#39;"
      case "\u{0}": continue
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result
  }
}
