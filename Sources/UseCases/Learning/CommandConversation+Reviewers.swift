import Domain
import Foundation
import Jobs

/// What stands in the way of the reviews that a comment asks for, gathered over its commands.
struct ReviewerNeeds: Sendable {
  /// What its author may do; `nil` until it was asked for.
  var permission: ForgePermission?
  /// The rights for which its author has to sign in.
  var scopes: [String]?
  /// Who has to agree, each once.
  var consentOf: [ForgeAccount] = []
  /// Who was asked about this comment before.
  var asked: Set<Int64> = []
}

/// `review as`, `agree` and `disagree`.
extension CommandConversation {
  /// - Returns: what to answer; `nil` where the deed, or what `needs` tells, is the answer.
  func reviewAs(
    _ login: String, forceReload: Bool, isBareAlias: Bool, _ roles: CommandRoles?,
    _ needs: inout ReviewerNeeds
  ) async throws -> String? {
    guard event.isPullRequest else {
      return CommandTexts.pullRequestsOnly(
        .reviewAs(user: login, forceReload: forceReload, isBareAlias: isBareAlias))
    }
    guard let asking = ports.reviewers else {
      return CommandTexts.notYet(
        .reviewAs(user: login, forceReload: forceReload, isBareAlias: isBareAlias))
    }
    guard let user = try await forge.account(login: login) else {
      return ReviewerTexts.noSuchUser(login)
    }
    // By the number too: a login may have become another's.
    if let only = arguments.followUp?.account, only.id != user.id { return nil }
    guard !user.isBot else { return ReviewerTexts.program(user.login) }
    guard let policy = roles?.reviewers else { return ReviewerTexts.unreadablePolicy }
    let request = ReviewerRequest(
      access: arguments.access, reference: subject, asker: author, user: user,
      forceReload: forceReload, isBareAlias: isBareAlias,
      comment: CommentReference(event.kind, event.comment.id), thread: threadRoot)
    if let refused = try await refusal(of: request, policy, needs.permission) { return refused }
    if user.id != author.id {
      switch try await asking.consents.consent(of: request.identity)?.isGiven {
      case true?: break
      case false?:
        try await trail.note("command.refused", facts: ["command": "review as"])
        return ReviewerTexts.unwilling(user.login)
      case nil:
        // Their answer to that is heard by itself.
        if needs.asked.contains(user.id) { return nil }
        try await trail.note("consent.asked", facts: ["account": "\(user.id)"])
        needs.asked.insert(user.id)
        needs.consentOf.append(user)
        return ReviewerTexts.consent(of: user, askedBy: author, ports.handle)
      }
    }
    if let signIns = asking.signIns {
      let scopes = signIns.scopes(
        toReadPrivate: try await forge.isPrivate(arguments.repository))
      let link: AccountLink?
      do {
        link = try await asking.accounts.link(
          of: author.id, on: arguments.access.forge, scopes: scopes)
      } catch let error as ForgeError where error.code == .rejected {
        // Stet's own settings are wrong: a new sign-in would change nothing.
        return SecretMask.masked(error.detail).text
      }
      guard link != nil else {
        needs.scopes = scopes
        return nil
      }
    }
    return try await asking.start(request)
  }

  /// Who was asked whether they agree, in an answer to this comment.
  func asked(_ markers: [HiddenMarker]) -> Set<Int64> {
    var asked: Set<Int64> = []
    for marker in markers {
      if case .consent(event.comment.id, let accounts) = marker { asked.formUnion(accounts) }
    }
    return asked
  }

  private func refusal(
    of request: ReviewerRequest, _ policy: ReviewerPolicy, _ permission: ForgePermission?
  ) async throws -> String? {
    let isOwn = request.user.id == author.id
    var teams: [String: [String]?] = [:]
    for login in Set([author.login, request.user.login]) {
      teams[login] = try await memberships(of: login, among: policy.teams)
    }
    func person(_ account: ForgeAccount, _ permission: ForgePermission?) -> PolicyFacts.Person {
      PolicyFacts.Person(
        login: account.login, isBot: account.isBot, teams: teams[account.login] ?? nil,
        permission: permission)
    }
    let refused = policy.refusal(
      of: person(author, permission), for: person(request.user, nil), isOwn: isOwn)
    if refused != nil {
      try await trail.note("command.refused", facts: ["command": "review as"])
    }
    return refused
  }

  /// - Returns: `nil` where the forge does not tell.
  private func memberships(
    of login: String, among teams: Set<String>
  ) async throws(ForgeError) -> [String]? {
    var found: [String] = []
    for team in teams.sorted() {
      guard let isMember = try await forge.isMember(login, ofTeam: team) else { return nil }
      if isMember { found.append(team) }
    }
    return found
  }

  /// The link for whoever asked, to be answered with.
  func signInLink(_ scopes: [String]) async throws -> String? {
    guard let signIns = ports.reviewers?.signIns else { return nil }
    try await react()
    let address = try await signIns.begin(for: arguments, scopes: scopes)
    try await trail.note("account.asked", facts: ["scopes": scopes.joined(separator: " ")])
    return ReviewerTexts.signIn(author, address, scopes: scopes)
  }

  // MARK: Consent

  /// What a person says of themselves: nobody else can, and no permission is asked for.
  func consent(
    _ isGiven: Bool, _ said: [ForgeComment], _ own: ForgeAccount
  ) async throws -> String? {
    guard let asking = ports.reviewers else {
      return CommandTexts.notYet(isGiven ? .agree : .disagree)
    }
    try await asking.consents.save(
      ReviewerConsent(
        identity: ReviewerIdentity(
          forge: arguments.access.forge, repository: arguments.repository, user: author),
        isGiven: isGiven, at: ports.now(), by: "\(event.kind.rawValue) \(event.comment.id)"))
    try await trail.note(isGiven ? "consent.given" : "consent.withdrawn")
    guard isGiven else { return ReviewerTexts.disagreed(ports.handle) }
    return ReviewerTexts.agreed(goesOn: try await goOn(said, own), ports.handle)
  }

  /// Everywhere on this forge: nobody has to remember where they were learned.
  func forgetAuthor() async throws -> String? {
    guard let asking = ports.reviewers, let forget = asking.forget else {
      return CommandTexts.notYet(.forgetMe)
    }
    let forge = arguments.access.forge
    let forgotten = try await forget(author, forge)
    try await asking.consents.forgetAll(forge: forge, user: author.id)
    try await asking.accounts.forget(author.id, on: forge)
    return ReviewerTexts.forgotten(forgotten)
  }

  /// Comments of this conversation that wait for its author's consent are answered further, as far
  /// as they ask for the author: who may edit the comment meanwhile agrees for nobody else.
  private func goOn(_ said: [ForgeComment], _ own: ForgeAccount) async throws -> Int {
    guard event.isPullRequest else { return 0 }
    var waiting: [Int64] = []
    for comment in said where comment.author.isSame(as: own) {
      if case .consent(let asked, let accounts)? = HiddenMarker(of: comment.body),
        accounts.contains(author.id), !waiting.contains(asked)
      {
        waiting.append(asked)
      }
    }
    var jobs: [NewJob] = []
    for comment in said where waiting.suffix(5).contains(comment.id) {
      var waitingEvent = event
      waitingEvent.comment = comment
      let key = "\(String(event.comment.id, radix: 16))a"
      let work = Work.AnswerCommand(
        access: arguments.access, comment: waitingEvent, repository: arguments.repository,
        followUp: .init(cause: .agreed, key: key, account: author))
      jobs.append(
        NewJob(
          kind: Work.AnswerCommand.kind, arguments: try work.json(),
          uniqueKey: "agreed \(arguments.access.forge):\(subject) \(comment.id) \(key)",
          group: WorkLimits.group(arguments.access),
          limits: ports.limits.ofForge(arguments.access), priority: -1))
    }
    if !jobs.isEmpty { _ = try await ports.jobs.enqueue(jobs) }
    return jobs.count
  }
}

// MARK: Once

extension Work.AnswerCommand {
  /// What is to be done; where it goes on, only that which had to wait.
  func commands(_ handle: String) -> [CommentCommand] {
    let all = CommentCommand.parse(comment.comment.body, handle: handle)
    guard let followUp else { return all }
    return all.filter { command in
      guard case .reviewAs(let user, _, _) = command else { return false }
      guard let account = followUp.account else { return true }
      return user.lowercased() == account.login.lowercased()
    }
  }
}

extension CommandConversation {
  /// Whether this is the answer that is about to be given.
  func isAnswer(_ marker: HiddenMarker) -> Bool {
    if let followUp = arguments.followUp {
      return marker == .followUp(comment: event.comment.id, key: followUp.key)
    }
    return switch marker {
    case .answer(let comment), .refusal(let comment, _), .consent(let comment, _):
      comment == event.comment.id
    default: false
    }
  }

  /// What the answer begins with.
  func marker(refusals: [String], _ needs: ReviewerNeeds) -> HiddenMarker {
    let comment = event.comment.id
    if !needs.consentOf.isEmpty {
      return .consent(comment: comment, accounts: needs.consentOf.map(\.id))
    }
    if let followUp = arguments.followUp { return .followUp(comment: comment, key: followUp.key) }
    return refusals.isEmpty
      ? .answer(comment) : .refusal(comment: comment, account: author.id)
  }
}

extension SignIns {
  func scopes(toReadPrivate isPrivate: Bool) -> [String] {
    ports.authority.scopes(toReadPrivate: isPrivate)
  }
}
