import Domain

extension CommentCommand {
  /// As it is written in a comment.
  var name: String {
    switch self {
    case .review: "review"
    case .reviewAs: "review as"
    case .fix: "fix"
    case .summary: "summary"
    case .enrich: "enrich"
    case .explain: "explain"
    case .ignore: "ignore"
    case .help: "help"
    case .queue: "queue"
    case .dequeue: "dequeue"
    case .why: "why"
    case .agree: "agree"
    case .disagree: "disagree"
    case .forgetMe: "forget me"
    case .unknown(let word): word
    }
  }
}

/// What Stet answers to commands, in plain words.
enum CommandTexts {
  static func help(_ handle: String) -> String {
    """
    Begin a line of a comment with one of these:

    - \(Defanged.codeSpan("@\(handle) review")): look at this pull request again, also at a draft.
    - \(Defanged.codeSpan("@\(handle) review as USER")): look at it as that person would, if they
      agree; \(Defanged.codeSpan("@\(handle) agree")) and
      \(Defanged.codeSpan("@\(handle) disagree")) say for yourself whether you do, and
      \(Defanged.codeSpan("@\(handle) forget me")) takes away all that was learned of you.
    - \(Defanged.codeSpan("@\(handle) fix")): mend its files, or the files that are named after it, and
      push what was proved; in answer to a finding of mine, that one.
    - \(Defanged.codeSpan("@\(handle) summary")): write the summary comment again.
    - \(Defanged.codeSpan("@\(handle) explain")): in answer to a finding of mine, says more about it.
    - \(Defanged.codeSpan("@\(handle) ignore")): in answer to a finding of mine, no more of it here.
    - \(Defanged.codeSpan("@\(handle) queue")), \(Defanged.codeSpan("@\(handle) dequeue")): into
      the merge queue, and out of it.
    - \(Defanged.codeSpan("@\(handle) why")): why it is not merging.
    - \(Defanged.codeSpan("@\(handle) enrich")): on an issue, say what it is about and which labels
      fit.
    - \(Defanged.codeSpan("@\(handle) help")): this list.

    `fix`, `ignore` and `review as` need write permission; the others need it too, or to be asked by the author.
    What `queue`, `dequeue` and `why` need, the roles of the repository's `.stet.yml` say.
    """
  }

  static func unknown(_ word: String, _ handle: String) -> String {
    let known = Defanged.codeSpan("@\(handle) help")
    if word.isEmpty { return "What shall I do? \(known) lists what can be asked." }
    return "I do not know \(Defanged.codeSpan(word, limit: 40)). \(known) lists what can be asked."
  }

  static func notYet(_ command: CommentCommand) -> String {
    "\(Defanged.codeSpan(command.name)) is not available in this version of Stet."
  }

  static func pullRequestsOnly(_ command: CommentCommand) -> String {
    "\(Defanged.codeSpan(command.name)) works on pull requests; this is an issue."
  }

  static func issuesOnly(_ command: CommentCommand) -> String {
    "\(Defanged.codeSpan(command.name)) works on issues; this is a pull request."
  }

  static func inThreads(_ command: CommentCommand) -> String {
    "\(Defanged.codeSpan(command.name)) works as an answer to one of my findings: reply to the "
      + "comment at its line."
  }

  static let ignored =
    "Ignored: this finding is not counted or posted here any more. The summary and the check follow "
    + "with the next review."
}
