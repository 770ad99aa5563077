/// Finds the line of a hunk that a remark is about.
public enum LineChoice {
  public struct Line: Sendable, Hashable {
    public var text: String
    public var isAdded: Bool

    public init(text: String, isAdded: Bool) {
      self.text = text
      self.isAdded = isAdded
    }
  }

  /// The line that shares the most and the rarest words with the remark, words in backticks above
  /// all; added ones before others. Where none shares any, the last added line, as people point at
  /// the end of what they mean.
  /// - Returns: a place in `lines`; `nil` where there are none.
  public static func best(for remark: String, in lines: [Line]) -> Int? {
    let words = lines.map { Set(WordSets.words($0.text)) }
    var occurrences: [String: Int] = [:]
    for set in words { for word in set { occurrences[word, default: 0] += 1 } }
    var wanted: [String: Double] = [:]
    for word in WordSets.words(remark) where word.utf8.count > 2 { wanted[word] = 1 }
    for (index, piece) in remark.split(separator: "`", omittingEmptySubsequences: false)
      .enumerated() where index % 2 == 1
    {
      for word in WordSets.words(String(piece)) { wanted[word] = 3 }
    }
    var best: (place: Int, score: Double)?
    for (place, line) in lines.enumerated() {
      var score = 0.0
      for word in words[place] {
        if let weight = wanted[word] { score += weight / Double(occurrences[word] ?? 1) }
      }
      guard score > 0 else { continue }
      if line.isAdded { score *= 1.5 }
      if best.map({ score > $0.score }) != false { best = (place, score) }
    }
    return best?.place ?? lines.lastIndex { $0.isAdded && !$0.text.allSatisfy(\.isWhitespace) }
      ?? lines.lastIndex { $0.isAdded } ?? lines.indices.last
  }
}
