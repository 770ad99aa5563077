/// Whether a comment is one of the phrases that say nothing about the code. Only what is wholly such
/// a phrase counts: "LGTM, but close the file" is a remark.
struct CommentPhrase: Sendable {
  private let text: String
  /// Without mentions.
  private let words: [String]
  private let hasMention: Bool
  private let hasCode: Bool

  init(_ text: String) {
    self.text = text
    var mention = false
    let spoken = text.split(whereSeparator: \.isWhitespace).filter { word in
      guard word.hasPrefix("@"), word.count > 1 else { return true }
      mention = true
      return false
    }
    hasMention = mention
    hasCode = text.contains("`")
    words = WordSets.words(spoken.joined(separator: " "))
  }

  /// Nothing but signs and emoji, save those that approve.
  var isEmpty: Bool { words.isEmpty && !isApprovingSign }

  var isApproval: Bool {
    if isApprovingSign { return true }
    return words.count <= 8 && words.contains(where: Self.approving.contains)
      && words.allSatisfy { Self.approving.contains($0) || Self.filling.contains($0) }
  }

  var isThanks: Bool {
    words.count <= 12 && words.contains(where: Self.thanking.contains)
      && words.allSatisfy {
        Self.thanking.contains($0) || Self.filling.contains($0) || Self.approving.contains($0)
      }
  }

  /// Nothing but questions, to somebody who is named, without code: a word between people.
  var isQuestionToSomebody: Bool {
    guard hasMention, !hasCode, let last = text.last(where: { !$0.isWhitespace }),
      "?？؟".contains(last)
    else { return false }
    let ends = text.filter { ".!?。！？؟".contains($0) }
    return ends.allSatisfy { "?？؟".contains($0) }
  }

  private var isApprovingSign: Bool {
    let marks = text.filter { !$0.isWhitespace }
    return ["+1", ":+1:", ":shipit:", ":ok_hand:", ":rocket:", ":tada:"].contains(marks)
      || !marks.isEmpty
        && marks.unicodeScalars.allSatisfy {
          [0x1F44D, 0x1F44C, 0x1F389, 0x1F680, 0x2705, 0x2714, 0xFE0F, 0x2764, 0x1F64C, 0x1F4AF]
            .contains($0.value) || (0x1F3FB...0x1F3FF).contains($0.value)
        }
  }

  private static let approving: Set<String> = [
    "lgtm", "sgtm", "ack", "acked", "approve", "approved", "good", "great", "nice", "perfect",
    "awesome", "cool", "excellent", "ship", "shipit", "fine", "ok", "okay", "love", "done",
    "fixed", "agreed", "agree", "yes", "yep", "neat", "sweet", "wow", "beautiful", "amazing",
    // German, French, Spanish, Portuguese, Italian, Dutch
    "passt", "gut", "prima", "klasse", "parfait", "super", "bien", "perfecto", "bueno", "genial",
    "vale", "ótimo", "perfeito", "perfetto", "bello", "mooi", "goed", "erledigt",
    // Chinese, Japanese, Korean, Russian, where each character or word stands alone
    "好", "棒", "赞", "良", "좋아요", "отлично", "хорошо",
  ]

  private static let thanking: Set<String> = [
    "thanks", "thank", "thx", "ty", "tnx", "cheers", "danke", "dank", "merci", "gracias",
    "obrigado", "obrigada", "grazie", "bedankt", "спасибо", "감사합니다", "谢", "謝", "ありがとう",
    "あ", "り", "が", "と", "う",
  ]

  private static let filling: Set<String> = [
    "a", "again", "all", "and", "as", "be", "but", "by", "catch", "change", "changes", "cleanup",
    "code", "doing", "everything", "fix", "fixes", "fixing", "for", "from", "here", "i", "idea",
    "is", "it", "job", "just", "like", "look", "looking", "looks", "lot", "many", "me", "much",
    "my", "now", "of", "on", "one", "point", "pr", "really", "so", "some", "sounds", "stuff",
    "test", "tests", "that", "the", "then", "this", "to", "up", "update", "updating", "very", "we",
    "well", "with", "work", "works", "you", "your",
    "das", "die", "der", "für", "sieht", "aus", "mir", "viel", "vielen", "sehr", "pour", "très",
    "le", "la", "por", "muy", "el", "para", "si", "的", "很", "了", "いい", "い", "ね",
  ]
}
