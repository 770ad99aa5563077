import Domain

/// What is said about who may be learned, and about signing in.
enum ReviewerTexts {
  static func noSuchUser(_ login: String) -> String {
    "There is nobody called \(Defanged.codeSpan(login, limit: 70)) here. Who has taken another "
      + "name is known by that one only; who has deleted their account cannot be learned."
  }

  static func program(_ login: String) -> String {
    "\(Defanged.codeSpan(login, limit: 70)) is a program. Only people are learned."
  }

  static let unreadablePolicy =
    "The `.stet.yml` of the default branch cannot be read, so it is not known who may be learned. "
    + "`stet policy check` tells its mistakes."

  static func unwilling(_ login: String) -> String {
    "\(Defanged.codeSpan(login, limit: 70)) does not want to be learned here."
  }

  /// - Parameters:
  ///   - user: from the forge; they are called by their name on purpose.
  ///   - asker: who is named without being called.
  static func consent(of user: ForgeAccount, askedBy asker: ForgeAccount, _ handle: String)
    -> String
  {
    """
    @\(user.login), \(Defanged.codeSpan(asker.login, limit: 70)) would like me to review this as \
    you would. For that I would read the review comments that you wrote in this repository, keep \
    chosen ones encrypted, and write comments that say that they are a likeness of yours.

    Say \(Defanged.codeSpan("@\(handle) agree")) here and I go on; without it nothing is read. \
    \(Defanged.codeSpan("@\(handle) disagree")) says no, now or at any later time.
    """
  }

  static func agreed(goesOn count: Int, _ handle: String) -> String {
    let next =
      switch count {
      case 0: "Whoever may write here may now ask for a review in your manner."
      case 1: "What was asked here goes on now."
      default: "What was asked here, \(count) times, goes on now."
      }
    return
      "Noted: you agree to be learned in this repository. \(next) "
      + "\(Defanged.codeSpan("@\(handle) disagree")) takes it back."
  }

  static func forgotten(_ forgotten: ForgottenReviewers) -> String {
    let count = forgotten.count
    let told =
      count == 0
      ? "Nothing learned of you is here. What you agreed to, and your sign-in, are forgotten."
      : "Forgotten: your comments, their vectors, and every adapter that was trained on them, in "
        + "\(count == 1 ? "one repository" : "\(count) repositories"), what you agreed to and your "
        + "sign-in. Comments that a likeness has already posted stay on their pull requests."
    return [told, forgotten.remains].compactMap { $0 }.joined(separator: "\n\n")
  }

  static func disagreed(_ handle: String) -> String {
    "Noted: you are not learned in this repository, and nobody gets a review in your manner. What "
      + "you ask for yourself is not touched by it. What was learned before is kept, unused by "
      + "others: \(Defanged.codeSpan("@\(handle) forget me")) takes it away."
  }

  /// - Parameter address: made here, and holding nothing that ends a link of Markdown.
  static func signIn(_ asker: ForgeAccount, _ address: String, scopes: [String]) -> String {
    let minutes = Int(SignIns.lifetime / .seconds(60))
    let rights =
      scopes.isEmpty
      ? "It asks for no right beyond what is public."
      : "It asks for \(scopes.map { Defanged.codeSpan($0) }.joined(separator: ", ")), without which "
        + "a private repository cannot be read in your name."
    let link = "[sign in as \(Defanged.codeSpan(asker.login, limit: 70))](\(address))"
    return """
      For this I read what you may read, in your name: \(link). The link is good for you alone, once, for \(minutes) minutes. \(rights) What \
      you asked for goes on by itself then.
      """
  }

  /// Why a sign-in came to nothing; `nil` where it did not.
  static func ending(_ followUp: Work.AnswerCommand.FollowUp, _ asker: ForgeAccount) -> String? {
    let again = "Ask again for a new link."
    switch followUp.cause {
    case .signedIn, .agreed: return nil
    case .refused:
      return "The sign-in was refused, so nothing was read. The link stays good until its time is "
        + "over; after that, ask again."
    case .expired:
      return "The link to sign in was opened when its time was over. \(again)"
    case .otherAccount:
      return "The link to sign in was opened with another account than "
        + "\(Defanged.codeSpan(asker.login, limit: 70)), who asked; it is good for that one alone. "
        + "Nothing was read, and nothing of the other account is kept. Until its time is over the "
        + "link still works."
    case .failed:
      let why = Defanged.message(followUp.detail ?? "The forge gave no reason.", limit: 500)
      return "The sign-in came to nothing: \(why) \(again)"
    }
  }
}
