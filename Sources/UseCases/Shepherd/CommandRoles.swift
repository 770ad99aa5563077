import Domain

/// Who may command what, by the default branch's policy.
struct CommandRoles: Sendable {
  let policy: ShepherdPolicy
  /// `nil`: the policy cannot be read.
  let reviewers: ReviewerPolicy?
  private let conversation: CommandConversation

  init(_ conversation: CommandConversation) async throws(ForgeError) {
    self.conversation = conversation
    let repository = conversation.arguments.repository
    let forge = conversation.forge
    let branch = try await forge.defaultBranch(of: repository)
    let bytes = try await forge.file(BasePolicies.file, in: repository, at: branch)
    // With a policy that cannot be read nobody has a role that it might have given.
    let file = bytes.flatMap { try? PolicyReader.read($0) }
    policy = file?.shepherd ?? ShepherdPolicy()
    reviewers = bytes == nil ? ReviewerPolicy() : file?.reviewers
  }

  /// Whether roles are asked of it. What everybody may ask is not looked up.
  static func judges(_ command: CommentCommand) -> Bool {
    switch command {
    // What people say of themselves is theirs to say.
    case .help, .unknown, .agree, .disagree, .forgetMe: false
    default: true
    }
  }

  /// The word by which a policy names it.
  private static func word(_ command: CommentCommand) -> String {
    if case .reviewAs = command { "review" } else { command.name }
  }

  /// - Returns: `nil` where the author of the comment may.
  func refusal(
    of command: CommentCommand, _ known: ForgePermission?
  ) async throws(ForgeError) -> String? {
    switch command {
    case .queue, .dequeue, .why: break
    // Their rights are older than roles: only a policy that names them narrows them.
    default: if policy.roles.commands[Self.word(command)] == nil { return nil }
    }
    let (login, repository) = (conversation.author.login, conversation.arguments.repository)
    let permission: ForgePermission
    if let known {
      permission = known
    } else {
      permission = try await conversation.forge.permission(of: login, in: repository)
    }
    var teams: [String]? = []
    for team in Set(policy.roles.people.values.flatMap(\.teams)).sorted() {
      guard let isMember = try await conversation.forge.isMember(login, ofTeam: team) else {
        teams = nil
        break
      }
      if isMember { teams?.append(team) }
    }
    return policy.roles.refusal(
      of: Self.word(command), by: .init(login: login, teams: teams, permission: permission))
  }
}
