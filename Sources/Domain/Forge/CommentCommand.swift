/// What a comment on a pull request or issue asks of Stet: `@HANDLE VERB` or `/HANDLE VERB` at the
/// beginning of a line.
///
/// What stands in a quotation, in code, or in an HTML comment was not said by its author and is
/// never heard. Whether the author may ask, and who the author is, is for others to judge.
public enum CommentCommand: Sendable, Hashable, Codable {
  case review
  /// In the manner of a learned reviewer. - Parameter isBareAlias: asked by `@tech-lead-bot USER`,
  /// which keeps the tone of its origin.
  case reviewAs(user: String, forceReload: Bool, isBareAlias: Bool)
  /// The paths as written; none for the whole change.
  case fix(paths: [String])
  case summary, enrich, explain, ignore, help
  /// Into the merge queue, out of it, and why it is not merging.
  case queue, dequeue, why
  /// The author agrees to be learned as a reviewer, or takes it back.
  case agree, disagree
  /// The author wants everything forgotten that was learned of them.
  case forgetMe
  /// Directly addressed with a word that is not known, or a known one that lacks what it needs;
  /// at most 40 characters of it, empty where nothing follows the handle.
  case unknown(String)

  /// Commands beyond these are not read.
  public static let limit = 5
  private static let pathLimit = 50

  private static let alias = "tech-lead-bot"

  /// All commands of a comment in their order, at most `limit`.
  /// - Parameters:
  ///   - body: the comment's Markdown, as the forge gave it.
  ///   - handle: as the settings have it, without `@`; `prfectbot` and `tech-lead-bot` are heard too.
  /// - Complexity: O(bytes).
  public static func parse(_ body: String, handle: String) -> [CommentCommand] {
    let own = handle.hasPrefix("@") || handle.hasPrefix("/") ? handle.dropFirst() : handle[...]
    let handles = Set([String(own), "prfectbot", alias].map { $0.lowercased() })
    var commands: [CommentCommand] = []
    for line in SpokenLines.of(body) {
      guard let command = command(in: line, handles) else { continue }
      commands.append(command)
      if commands.count == limit { break }
    }
    return commands
  }

  private static func command(in line: String, _ handles: Set<String>) -> CommentCommand? {
    guard line.hasPrefix("@") || line.hasPrefix("/") else { return nil }
    let addressed = line.dropFirst()
    let written = addressed.prefix { !$0.isWhitespace }
    guard !written.isEmpty else { return nil }
    var name = written.lowercased()
    let words = addressed.dropFirst(written.count).split { $0.isWhitespace }.map(String.init)
    if !handles.contains(name) {
      // As in a sentence: `@stet, review` or `@stet: review`.
      guard let last = name.last, last == "," || last == ":" else { return nil }
      name.removeLast()
      guard handles.contains(name) else { return nil }
    }
    return command(words, isAlias: name == alias)
  }

  private static func command(_ words: [String], isAlias: Bool) -> CommentCommand {
    guard let verb = words.first else { return .unknown("") }
    let rest = words.dropFirst()
    switch spoken(verb) {
    case "review":
      guard rest.first.map({ spoken($0) }) == "as" else { return .review }
      return reviewAs(rest.dropFirst(), isBareAlias: false) ?? notKnown("review as")
    case "fix": return .fix(paths: rest.prefix(pathLimit).map(path).filter { !$0.isEmpty })
    case "summary": return .summary
    case "enrich": return .enrich
    case "explain": return .explain
    case "ignore": return .ignore
    case "help": return .help
    case "queue": return .queue
    case "dequeue": return .dequeue
    case "why": return .why
    case "agree": return .agree
    case "disagree": return .disagree
    case "forget" where rest.first.map({ spoken($0) }) == "me": return .forgetMe
    default:
      if isAlias, let command = reviewAs(words[...], isBareAlias: true) { return command }
      return notKnown(verb)
    }
  }

  /// A verb without the stop that ends a sentence, in lower case.
  private static func spoken(_ word: String) -> String {
    var word = word.lowercased()
    while let last = word.last, ".,!?:;".contains(last) { word.removeLast() }
    return word
  }

  /// As people write one: `a.py`, in backticks, or followed by a comma.
  private static func path(_ word: String) -> String {
    var path = word[...]
    while let last = path.last, ",;`".contains(last) { path.removeLast() }
    return String(path.drop { $0 == "`" })
  }

  private static func reviewAs(_ words: ArraySlice<String>, isBareAlias: Bool) -> CommentCommand? {
    var words = words
    // Some keyboards make one dash of two.
    let flags: Set = ["--force-reload", "\u{2014}force-reload"]
    let forceReload = words.contains { flags.contains($0.lowercased()) }
    words.removeAll { flags.contains($0.lowercased()) }
    guard var user = words.first else { return nil }
    if user.hasPrefix("@") { user.removeFirst() }
    while let last = user.last, ".,!?:;".contains(last) { user.removeLast() }
    guard isLogin(user) else { return nil }
    // After the alias alone, a sentence about it is not an order.
    if isBareAlias, words.count > 1 { return nil }
    return .reviewAs(user: user, forceReload: forceReload, isBareAlias: isBareAlias)
  }

  /// The characters that forges allow in a login; an `[bot]` may end it.
  private static func isLogin(_ text: String) -> Bool {
    var text = text[...]
    if text.hasSuffix("[bot]") { text = text.dropLast(5) }
    return (1...64).contains(text.utf8.count) && text.first != "-"
      && text.unicodeScalars.allSatisfy { scalar in
        switch scalar {
        case "a"..."z", "A"..."Z", "0"..."9", "-", "_", ".": true
        default: false
        }
      }
  }

  private static func notKnown(_ word: String) -> CommentCommand {
    .unknown(String(word.prefix(40)))
  }
}
