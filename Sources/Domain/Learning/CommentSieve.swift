/// Decides which comments are examples of how somebody reviews, and counts what falls out and why.
///
/// Comments are shown in the order of time: of two that say nearly the same, the first stays.
public struct CommentSieve: Sendable {
  public private(set) var dropped: [LearnedReviewer.DropReason: Int] = [:]
  private var duplicates = NearDuplicates()

  /// More characters are an essay; what a likeness writes is one line.
  public static let longest = 1_500

  public init() {}

  /// - Parameter pullAuthor: the number of who made the pull request, where known: what people say
  ///   at their own change is no review.
  /// - Returns: the comment as it is learned; `nil` where it falls out, which is counted.
  public mutating func text(of past: PastComment, pullAuthor: Int64? = nil) -> String? {
    let cleaned = Self.cleaned(past.comment.body)
    if let reason = reason(past, cleaned, pullAuthor) {
      count(reason)
      return nil
    }
    return cleaned
  }

  /// What was kept earlier: what says nearly the same falls out.
  public mutating func remember(_ text: String) { _ = duplicates.admits(text) }

  /// Counts one that fell out elsewhere.
  public mutating func count(_ reason: LearnedReviewer.DropReason) {
    dropped[reason, default: 0] += 1
  }

  private mutating func reason(
    _ past: PastComment, _ text: String, _ pullAuthor: Int64?
  ) -> LearnedReviewer.DropReason? {
    let comment = past.comment
    if comment.author.isBot || comment.body.hasPrefix("<!-- stet:") { return .bot }
    if let pullAuthor, pullAuthor == comment.author.id { return .ownChange }
    guard let place = comment.place, !place.path.isEmpty, !place.diffHunk.isEmpty,
      past.line != nil
    else { return .noPlace }
    if text.isEmpty { return Self.quotes(comment.body) ? .quote : .empty }
    let phrase = CommentPhrase(text)
    if phrase.isEmpty { return .empty }
    if phrase.isApproval { return .approval }
    if phrase.isThanks { return .thanks }
    if phrase.isQuestionToSomebody { return .question }
    if place.inReplyTo != nil { return .reply }
    if text.unicodeScalars.count > Self.longest { return .tooLong }
    if !SecretMask.masked(comment.body).counts.isEmpty { return .secret }
    return duplicates.admits(text) ? nil : .duplicate
  }

  /// What the person wrote: without what others wrote before, and without what no reader sees.
  public static func cleaned(_ body: String) -> String {
    let visible = HiddenText.strippingHTMLComments(HiddenText.stripped(body).text).text
    var lines: [Substring] = []
    for line in visible.split(separator: "\n", omittingEmptySubsequences: false)
    where !isQuote(line) {
      lines.append(line)
    }
    let text = lines.joined(separator: "\n")
    guard let start = text.firstIndex(where: { !$0.isWhitespace }),
      let end = text.lastIndex(where: { !$0.isWhitespace })
    else { return "" }
    return String(text[start...end])
  }

  private static func isQuote(_ line: Substring) -> Bool {
    line.drop { $0 == " " || $0 == "\t" }.first == ">"
  }

  private static func quotes(_ body: String) -> Bool {
    body.split(separator: "\n").contains(where: isQuote)
  }
}

/// Remembers texts by their words, and knows one that says nearly the same.
///
/// Candidates are found by bands of a signature of 32 smallest hashes, so that 20,000 comments take
/// no time that grows with their square. Source: Broder, "On the resemblance and containment of
/// documents", 1997.
struct NearDuplicates: Sendable {
  private var texts: [Set<String>] = []
  private var bands: [UInt64: [Int]] = [:]

  /// Of words and pairs of words together, the share that has to be the same.
  private static let alike = 0.75
  private static let hashes = 32
  private static let rows = 4
  /// So many of one band are compared.
  private static let mostCompared = 50

  /// - Returns: false where one that is nearly the same is there; else it is remembered.
  mutating func admits(_ text: String) -> Bool {
    let words = WordSets.words(text)
    var set = Set(words)
    for (first, second) in zip(words, words.dropFirst()) { set.insert("\(first) \(second)") }
    guard !set.isEmpty else { return true }
    let keys = Self.keys(set)
    for key in keys {
      for place in bands[key, default: []].prefix(Self.mostCompared)
      where WordSets.likeness(texts[place], set) >= Self.alike { return false }
    }
    texts.append(set)
    for key in keys { bands[key, default: []].append(texts.count - 1) }
    return true
  }

  private static func keys(_ set: Set<String>) -> [UInt64] {
    var smallest = [UInt64](repeating: .max, count: hashes)
    for word in set {
      let hash = WordSets.hash(word)
      for index in 0..<hashes {
        let mixed = (hash ^ UInt64(index)) &* (0x9e37_79b9_7f4a_7c15 | UInt64(index * 2 + 1))
        let value = mixed ^ mixed >> 29
        if value < smallest[index] { smallest[index] = value }
      }
    }
    return stride(from: 0, to: hashes, by: rows).map { start in
      var key = UInt64(start) &* 0x100_0000_01b3 &+ 0xcbf2_9ce4_8422_2325
      for value in smallest[start..<(start + rows)] {
        key = (key ^ value) &* 0xd6e8_feb8_6659_fd93
        key ^= key >> 32
      }
      return key
    }
  }
}
