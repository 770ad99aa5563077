import Domain

/// What stands in a hidden comment of HTML at the head of everything that Stet posts, so that it
/// knows its own again. Only comments of Stet's own account are read for it, and only their first
/// line: text that a comment quotes further down can claim nothing.
enum HiddenMarker: Equatable {
  case summary
  case finding(String)
  case review(head: String)
  /// A review that was sent twice, and of which nothing is left.
  case doubled
  /// The answer to the comment of that number.
  case answer(Int64)
  /// The answer to that comment, whose author may not ask for what it asked.
  case refusal(comment: Int64, account: Int64)
  /// The answer to that comment, and people are asked in it whether they agree to be learned.
  case consent(comment: Int64, accounts: [Int64])
  /// A further answer to that comment, by what it followed from.
  case followUp(comment: Int64, key: String)
  /// What a run that was to fix something says of it: an answer, or a review with suggestions.
  case fix(run: String)
  /// One suggestion of such a run, by its place among them.
  case suggestion(run: String, number: Int)
  /// What a rule of the policy said, by the name of the deed.
  case rule(String)
  /// What Stet says of an issue.
  case enrichment
  /// What a likeness says at a line.
  case likeness(String)
  /// What a run that was to review as somebody says of it.
  case likenessAnswer(run: String)

  var text: String {
    switch self {
    case .summary: "<!-- stet:summary -->"
    case .finding(let fingerprint): "<!-- stet:finding \(fingerprint) -->"
    case .review(let head): "<!-- stet:review \(head) -->"
    case .doubled: "<!-- stet:doubled -->"
    case .answer(let comment): "<!-- stet:answer \(comment) -->"
    case .refusal(let comment, let account):
      "<!-- stet:answer \(comment) refused \(account) -->"
    case .consent(let comment, let accounts):
      "<!-- stet:answer \(comment) consent \(accounts.map(String.init).joined(separator: ",")) -->"
    case .followUp(let comment, let key): "<!-- stet:answer \(comment) after \(key) -->"
    case .enrichment: "<!-- stet:enrichment -->"
    case .fix(let run): "<!-- stet:fix \(run) -->"
    case .suggestion(let run, let number): "<!-- stet:suggestion \(run) \(number) -->"
    case .likeness(let fingerprint): "<!-- stet:likeness \(fingerprint) -->"
    case .likenessAnswer(let run): "<!-- stet:likeness-answer \(run) -->"
    case .rule(let deed): "<!-- stet:rule \(deed) -->"
    }
  }

  /// - Returns: `nil` where the text does not begin with a marker.
  init?(of body: String) {
    let start = "<!-- stet:"
    // By scalars of the first line alone: forges may send bodies back with CRLF.
    let line = body.prefix { !$0.isNewline }
    guard line.hasPrefix(start), let end = line.range(of: " -->") else { return nil }
    let words = line[line.index(line.startIndex, offsetBy: start.count)..<end.lowerBound]
      .split(separator: " ")
    switch (words.first, words.count) {
    case ("summary", 1): self = .summary
    case ("doubled", 1): self = .doubled
    case ("enrichment", 1): self = .enrichment
    case ("finding", 2) where Self.isHex(words[1]): self = .finding(String(words[1]))
    case ("likeness", 2) where Self.isHex(words[1]): self = .likeness(String(words[1]))
    case ("likeness-answer", 2) where Self.isRun(words[1]):
      self = .likenessAnswer(run: String(words[1]))
    case ("review", 2) where Self.isHex(words[1]): self = .review(head: String(words[1]))
    case ("fix", 2) where Self.isRun(words[1]): self = .fix(run: String(words[1]))
    case ("suggestion", 3) where Self.isRun(words[1]):
      guard let number = Int(words[2]) else { return nil }
      self = .suggestion(run: String(words[1]), number: number)
    case ("rule", 2) where Self.isDeed(words[1]): self = .rule(String(words[1]))
    case ("answer", 2):
      guard let comment = Int64(words[1]) else { return nil }
      self = .answer(comment)
    case ("answer", 4) where words[2] == "refused":
      guard let comment = Int64(words[1]), let account = Int64(words[3]) else { return nil }
      self = .refusal(comment: comment, account: account)
    case ("answer", 4) where words[2] == "consent":
      let accounts = words[3].split(separator: ",").compactMap { Int64($0) }
      guard let comment = Int64(words[1]), !accounts.isEmpty else { return nil }
      self = .consent(comment: comment, accounts: accounts)
    case ("answer", 4) where words[2] == "after" && Self.isRun(words[3]):
      guard let comment = Int64(words[1]) else { return nil }
      self = .followUp(comment: comment, key: String(words[3]))
    default: return nil
    }
  }

  private static func isDeed(_ word: Substring) -> Bool {
    (1...100).contains(word.utf8.count)
      && word.utf8.allSatisfy {
        $0 == UInt8(ascii: "_") || isRun(Substring(decoding: [$0], as: UTF8.self))
      }
  }

  private static func isRun(_ word: Substring) -> Bool {
    (1...64).contains(word.utf8.count)
      && word.utf8.allSatisfy {
        $0 == UInt8(ascii: "-")
          || $0 < 0x80
            && (Character(Unicode.Scalar($0)).isLetter || Character(Unicode.Scalar($0)).isNumber)
      }
  }

  private static func isHex(_ word: Substring) -> Bool {
    !word.isEmpty && word.utf8.allSatisfy { $0 < 0x80 && Character(Unicode.Scalar($0)).isHexDigit }
  }
}

extension ForgeAccount {
  /// By login, which is one person's at a time: the number of an App and that of the account in
  /// whose name it comments are not the same.
  func isSame(as other: ForgeAccount) -> Bool { login.lowercased() == other.login.lowercased() }
}

extension Substring {
  fileprivate func range(of text: String) -> Range<Index>? {
    var index = startIndex
    while index < endIndex {
      if self[index...].hasPrefix(text) { return index..<self.index(index, offsetBy: text.count) }
      index = self.index(after: index)
    }
    return nil
  }
}
