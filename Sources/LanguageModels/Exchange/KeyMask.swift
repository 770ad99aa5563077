/// Takes a key out of a text: a server may repeat in its error what we sent.
struct KeyMask: Sendable {
  private let key: String

  init(_ key: String?) { self.key = key ?? "" }

  /// Every word that holds the key, or begins or ends as the key does, is replaced.
  func masked(_ text: String) -> String {
    guard key.utf8.count >= 6 else { return text }
    let edge = key.utf8.count >= 16 ? 8 : 6
    let head = String(key.prefix(edge))
    let tail = String(key.suffix(edge))
    guard text.contains(head) || text.contains(tail) else { return text }
    return text.split(separator: " ", omittingEmptySubsequences: false)
      .map { $0.contains(head) || $0.contains(tail) ? "(key)" : String($0) }
      .joined(separator: " ")
  }
}
