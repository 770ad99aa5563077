/// The words of an issue as numbers, to tell whether another is put in nearly the same words.
///
/// Its parts are sets: the words of the title with numbers as they stand, and the words and pairs of
/// neighbouring words of title and description, where every number counts as the same word. Reports
/// that a program writes differ in addresses and line numbers alone, and are one question; those of
/// "error 404" and "error 500" are not.
public struct IssueWording: Sendable, Hashable {
  /// In ascending order, none twice.
  public var title: [UInt32]
  /// In ascending order, none twice.
  public var text: [UInt32]

  /// - Complexity: O(bytes).
  public init(title: String, description: String) {
    self.title = Self.set(IssueWords.hashes(of: title, keepingNumbers: true))
    var all: [UInt64] = []
    for part in [title, description] {
      let words = IssueWords.hashes(of: part, readsPrefix: true)
      all += words
      for (first, second) in zip(words, words.dropFirst()) {
        all.append(IssueWords.joined(first, second))
      }
    }
    text = Self.set(all)
  }

  public init(title: [UInt32], text: [UInt32]) {
    self.title = title
    self.text = text
  }

  /// Of two sets, the share of all their members that both have: Jaccard's index. The first is of
  /// the titles, the second of the whole texts. Two empty sets are the same.
  public func likeness(to other: IssueWording) -> (title: Double, text: Double) {
    (Self.jaccard(title, other.title), Self.jaccard(text, other.text))
  }

  /// From these on two issues are the same question: of a title of four words one may be more or
  /// less, and of the text one part in ten may differ.
  public static let leastTitle = 0.75
  public static let leastText = 0.9

  /// The likeness of the texts where both parts are like enough, else `nil`.
  public func likenessAsSame(_ other: IssueWording) -> Double? {
    let found = likeness(to: other)
    guard found.title >= Self.leastTitle, found.text >= Self.leastText else { return nil }
    return found.text
  }

  private static func set(_ hashes: [UInt64]) -> [UInt32] {
    Set(hashes.map { UInt32(truncatingIfNeeded: $0 ^ ($0 >> 32)) }).sorted()
  }

  private static func jaccard(_ a: [UInt32], _ b: [UInt32]) -> Double {
    if a.isEmpty, b.isEmpty { return 1 }
    var (i, j, both) = (0, 0, 0)
    while i < a.count, j < b.count {
      if a[i] == b[j] {
        both += 1
        i += 1
        j += 1
      } else if a[i] < b[j] {
        i += 1
      } else {
        j += 1
      }
    }
    return Double(both) / Double(a.count + b.count - both)
  }
}
