/// Addresses of mail, as strictly as a header and an SMTP command need them.
public enum MailAddress {
  /// A dot-atom, `@` and a host name, all in ASCII: nothing of it ends a line, opens a comment or
  /// begins another address. Source: RFC 5321, 4.1.2, without quoted local parts.
  public static func isValid(_ text: String) -> Bool {
    guard text.utf8.count <= 254, let at = text.lastIndex(of: "@") else { return false }
    let local = text[..<at].utf8
    guard (1...64).contains(local.count), local.allSatisfy(isOfAtom),
      local.first != 0x2E, local.last != 0x2E, !text[..<at].contains("..")
    else { return false }
    let labels = text[text.index(after: at)...].split(
      separator: ".", omittingEmptySubsequences: false)
    return !labels.isEmpty
      && labels.allSatisfy { label in
        (1...63).contains(label.utf8.count) && label.first != "-" && label.last != "-"
          && label.utf8.allSatisfy { isAlphanumeric($0) || $0 == 0x2D }
      }
  }

  /// In lower case; `nil` where it is no address.
  public static func domain(of text: String) -> String? {
    guard isValid(text), let at = text.lastIndex(of: "@") else { return nil }
    return text[text.index(after: at)...].lowercased()
  }

  private static func isAlphanumeric(_ byte: UInt8) -> Bool {
    (0x30...0x39).contains(byte) || (0x61...0x7A).contains(byte | 0x20)
  }

  private static func isOfAtom(_ byte: UInt8) -> Bool {
    isAlphanumeric(byte) || "!#$%&'*+-/=?^_`{|}~.".utf8.contains(byte)
  }
}
