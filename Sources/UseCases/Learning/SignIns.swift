import Crypto
public import Domain
public import Foundation
public import Jobs

/// Has people sign in on a forge. Each is sent a link that stands in public: its state is good for
/// the account that asked, once, for ten minutes, and what was asked goes on by itself afterwards.
public struct SignIns: Sendable {
  public struct Ports: Sendable {
    public var authority: any AccountAuthority
    public var store: any SignInStore
    public var links: any AccountLinkStore
    public var jobs: any JobStore
    public var audit: any AuditTrail
    public var limits: WorkLimits
    /// Where the forge sends browsers back to, exactly as it is registered there.
    public var redirect: String
    public var now: @Sendable () -> Date
    /// 32 bytes that nobody can guess.
    public var random: @Sendable () -> [UInt8]

    public init(
      authority: any AccountAuthority, store: any SignInStore, links: any AccountLinkStore,
      jobs: any JobStore, audit: any AuditTrail, limits: WorkLimits = WorkLimits(),
      redirect: String, now: @escaping @Sendable () -> Date = { Date() },
      random: @escaping @Sendable () -> [UInt8] = SignIns.randomBytes
    ) {
      self.authority = authority
      self.store = store
      self.links = links
      self.jobs = jobs
      self.audit = audit
      self.limits = limits
      self.redirect = redirect
      self.now = now
      self.random = random
    }
  }

  /// How long a link is good.
  public static let lifetime = Duration.seconds(600)
  /// Browsers that may come back with one state: it can be read by everybody.
  static let tries = 20

  let ports: Ports

  public init(ports: Ports) { self.ports = ports }

  public var forge: String { ports.authority.forge }

  @Sendable public static func randomBytes() -> [UInt8] {
    var generator = SystemRandomNumberGenerator()
    return (0..<32).map { _ in UInt8.random(in: 0...255, using: &generator) }
  }

  // MARK: The link

  /// - Parameter command: what is to go on, in whose author's name.
  /// - Returns: the address that the author has to open.
  public func begin(
    for command: Work.AnswerCommand, scopes: [String]
  ) async throws -> String {
    let now = ports.now()
    let asker = command.comment.comment.author
    let (state, verifier) = (Self.text(ports.random()), Self.text(ports.random()))
    // With what it followed from: a consent by which it goes on is for one person alone.
    try await ports.store.begin(
      PendingSignIn(
        forge: forge, asker: asker, verifier: verifier, scopes: scopes,
        expiresAt: now.addingTimeInterval(Self.lifetime / .seconds(1)),
        continuation: try command.json()), state: state, at: now)
    return ports.authority.address(
      of: SignInRequest(
        state: state, challenge: Self.challenge(of: verifier), redirect: ports.redirect,
        scopes: scopes, login: asker.login))
  }

  /// Source: RFC 7636, section 4.2.
  static func challenge(of verifier: String) -> String {
    text(Array(SHA256.hash(data: Data(verifier.utf8))))
  }

  /// base64url without padding.
  private static func text(_ bytes: [UInt8]) -> String {
    Data(bytes).base64EncodedString().replacing("+", with: "-").replacing("/", with: "_")
      .replacing("=", with: "")
  }

  // MARK: Coming back

  /// Words of a forge that say that Stet is set up wrongly. Anybody can write them into an address,
  /// so they are never repeated.
  private static let troubles = [
    "redirect_uri_mismatch":
      "The forge knows another callback address than this Stet has. Whoever runs it has to register "
      + "STET_PUBLIC_URL with /oauth/FORGE/callback after it.",
    "application_suspended":
      "The forge has suspended the app by which people sign in. Whoever runs this Stet has to see "
      + "to it.",
  ]

  /// How a visit to the callback ended.
  public enum Ending: Sendable, Hashable {
    /// It goes on by itself.
    case signedIn(login: String)
    /// The forge says that the person, or it, has said no.
    case refused
    case unknownState
    case used
    case expired
    case wornOut
    case otherAccount(asked: String, came: String)
    /// In a sentence. - Parameter isPassing: the same link may work in a while.
    case failed(String, isPassing: Bool)
  }

  /// - Parameters:
  ///   - state: as the browser brought it.
  ///   - code: `nil` where the forge gave none.
  ///   - refusal: the forge's word for why, such as `access_denied`.
  /// - Throws: `StoreError`.
  public func finish(
    state: String?, code: String?, refusal: String? = nil
  ) async throws -> Ending {
    guard let state, Self.isText(state, 43...43) else { return .unknownState }
    let signIn: PendingSignIn
    switch try await ports.store.attempt(state, tries: Self.tries, at: ports.now()) {
    case nil: return .unknownState
    case .used: return .used
    case .wornOut: return .wornOut
    case .expired(let over):
      try await tell(.expired, of: over, state)
      return .expired
    case .open(let open): signIn = open
    }
    guard signIn.forge == forge else { return .unknownState }
    if let trouble = refusal.flatMap({ Self.troubles[$0] }) {
      try await tell(.failed, of: signIn, state, detail: trouble)
      return .failed(trouble, isPassing: false)
    }
    guard refusal == nil, let code, Self.isText(code, 1...200) else {
      // Whoever has read the link can say so: it stays good for the one who asked.
      try await tell(.refused, of: signIn, state)
      return .refused
    }
    let grant: AccountGrant
    let came: SignedInAccount
    do {
      grant = try await ports.authority.grant(
        code: code, verifier: signIn.verifier, redirect: ports.redirect)
    } catch { return try await failed(error, signIn, state) }
    do { came = try await ports.authority.account(of: grant.token) } catch {
      await forget(grant)
      return try await failed(error, signIn, state)
    }
    guard came.account.id == signIn.asker.id else {
      await forget(grant)
      try await tell(.otherAccount, of: signIn, state)
      return .otherAccount(asked: signIn.asker.login, came: came.account.login)
    }
    let now = ports.now()
    try await ports.links.save(
      AccountLink(
        forge: forge, user: came.account, token: grant.token, refreshToken: grant.refreshToken,
        expiresAt: grant.end(after: now),
        scopes: grant.scopes, linkedAt: now))
    try await tell(.signedIn, of: signIn, state, scopes: grant.scopes)
    // Last: where this is cut off before it, the link is good still, and what was done is done
    // again without harm.
    if try await ports.store.finish(state, at: ports.now()) {
      return .signedIn(login: came.account.login)
    }
    // Two browsers of the same person at once: of their tokens the one that is kept stays.
    let kept = try await ports.links.link(forge: forge, user: came.account.id)
    if kept?.token != grant.token { await forget(grant) }
    return .used
  }

  private func failed(
    _ error: any Error, _ signIn: PendingSignIn, _ state: String
  ) async throws -> Ending {
    guard let error = error as? ForgeError else { throw error }
    if error.code == .cancelled { throw CancellationError() }
    if !error.isPassing { try await tell(.failed, of: signIn, state, detail: error.detail) }
    return .failed(error.detail, isPassing: error.isPassing)
  }

  /// A token that nobody will use is not left lying about. It is no matter if that fails.
  private func forget(_ grant: AccountGrant) async {
    try? await ports.authority.revoke(grant.token)
  }

  /// Lets it go on, or says on the pull request why not; of one link, one of either.
  private func tell(
    _ cause: Work.AnswerCommand.FollowUp.Cause, of signIn: PendingSignIn, _ state: String,
    detail: String? = nil, scopes: [String] = []
  ) async throws {
    let key = Hexadecimal.of(SHA256.hash(data: Data(state.utf8)).prefix(8))
    var command = try Work.AnswerCommand(json: signIn.continuation)
    let (did, word) = cause == .signedIn ? ("linked", "y") : ("told", "n")
    command.followUp = .init(
      cause: cause, key: "\(key)\(word)", detail: detail, account: command.followUp?.account)
    let added = try await ports.jobs.enqueue([
      NewJob(
        kind: Work.AnswerCommand.kind, arguments: try command.json(),
        uniqueKey: "sign-in \(key) \(did)", group: WorkLimits.group(command.access),
        limits: ports.limits.ofForge(command.access), priority: -1)
    ])
    guard let job = added.first, job.isNew else { return }
    var facts = ["cause": cause.rawValue, "reason": "somebody opened the link that was asked for"]
    if cause == .signedIn { facts["scopes"] = scopes.joined(separator: " ") }
    try await ports.audit.append(
      AuditEvent(
        actor: cause == .signedIn ? "\(forge):\(signIn.asker.login)" : "\(forge):unknown",
        action: cause == .signedIn ? "account.linked" : "account.not_linked",
        place: command.comment.subject.map { "\(forge):\($0)" } ?? forge,
        decidedBy: "sign-in", job: job.id, facts: facts))
  }

  /// Of the characters of base64url and of codes.
  private static func isText(_ text: String, _ length: ClosedRange<Int>) -> Bool {
    length.contains(text.utf8.count)
      && text.utf8.allSatisfy { byte in
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
          UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"),
          UInt8(ascii: "."), UInt8(ascii: "~"):
          true
        default: false
        }
      }
  }
}
