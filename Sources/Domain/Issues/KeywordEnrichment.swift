/// What an issue's own words say of it: the enrichment that always works, without a model.
public enum KeywordEnrichment {
  /// `{title}: {first 150 characters of the description}...`; characters are Unicode scalars, as
  /// the readers of the API count them. The three full stops always follow.
  public static func summary(title: String, description: String) -> String {
    var cut = String.UnicodeScalarView()
    cut.append(contentsOf: description.unicodeScalars.prefix(150))
    return "\(title): \(String(cut))..."
  }

  /// `needs-review`, then a tag for each group of which a whole word stands in the text, in the
  /// order of `groups`. Case does not matter.
  /// - Complexity: O(characters).
  public static func tags(title: String, description: String) -> [String] {
    ["needs-review"] + topics(title: title, description: description)
  }

  /// The same without `needs-review`.
  public static func topics(title: String, description: String) -> [String] {
    var found: Set<Int> = []
    for text in [title, description] {
      var word: [UInt8] = []
      // One byte past the end closes the last word.
      for byte in text.utf8 {
        if isWord(byte) {
          word.append(byte >= 0x41 && byte <= 0x5A ? byte | 0x20 : byte)
        } else if !word.isEmpty {
          if let group = groupOf[word] { found.insert(group) }
          word.removeAll(keepingCapacity: true)
        }
      }
      if let group = groupOf[word] { found.insert(group) }
      if found.count == groups.count { break }
    }
    return groups.indices.filter(found.contains).map { groups[$0].tag }
  }

  /// Letters, digits and underscores; bytes of other scripts belong to words too, so that a
  /// keyword within a longer word is none.
  private static func isWord(_ byte: UInt8) -> Bool {
    TextBytes.isAlphanumeric(byte) || byte == UInt8(ascii: "_") || byte >= 0x80
  }

  private struct Group: Sendable {
    let tag: String
    let words: String
  }

  /// Each keyword with its inflections.
  private static let groups = [
    Group(
      tag: "bug",
      words: """
        bug bugs bugged buggy error errors errored erroring broken crash crashes crashed crashing \
        issue issues fail fails failed failing failure failures
        """),
    Group(
      tag: "feature-request",
      words: """
        feature features featured enhancement enhancements request requests requested requesting \
        new newer newest add adds added adding
        """),
    Group(
      tag: "urgent",
      words: "urgent urgently critical critically asap immediately blocking"),
    Group(
      tag: "frontend",
      words: "frontend frontends ui uis ux button buttons modal modals form forms"),
    Group(
      tag: "backend",
      words: """
        backend backends api apis endpoint endpoints database databases server servers
        """),
    Group(
      tag: "performance",
      words: """
        slow slows slowed slower slowest slowing slowly performance performances optimization \
        optimizations optimisation optimisations lag lags lagged lagging laggy delay delays \
        delayed delaying
        """),
  ]

  private static let groupOf: [[UInt8]: Int] = {
    var index: [[UInt8]: Int] = [:]
    for (place, group) in groups.enumerated() {
      for word in group.words.split(separator: " ") { index[Array(word.utf8)] = place }
    }
    return index
  }()
}
