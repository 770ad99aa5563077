public import Domain

/// What the server's settings say of notices: its own routes, and which places a repository's policy
/// may name.
public struct NoticeServer: Sendable, Hashable {
  /// What reasons call its routes by.
  public var name: String
  public var policy: NotifyPolicy
  /// Whom `mail` means.
  public var mailTo: [String]
  /// Domains, in lower case, to which a repository's policy may have mail sent.
  public var mailDomains: [String]
  /// Whether messages can be signed: no address that a policy names gets an unsigned one.
  public var signs: Bool

  public init(
    name: String = "the settings", policy: NotifyPolicy = NotifyPolicy(), mailTo: [String] = [],
    mailDomains: [String] = [], signs: Bool = false
  ) {
    self.name = name
    self.policy = policy
    self.mailTo = mailTo
    self.mailDomains = mailDomains
    self.signs = signs
  }

  /// A repository speaks for itself only.
  func trimmed(_ policy: NotifyPolicy) -> NotifyPolicy {
    var policy = policy
    if policy.quiet.windows.isEmpty { policy.quiet = self.policy.quiet }
    return policy
  }

  /// `mail` is one message for each person, so that nobody learns of the others and one that cannot
  /// be reached keeps none from hearing. Nobody gets two.
  func expanded(_ deliveries: [NoticeRouting.Delivery]) -> [NoticeRouting.Delivery] {
    var seen: Set<NoticeDestination> = []
    return deliveries.flatMap { delivery -> [NoticeRouting.Delivery] in
      guard case .mail(nil) = delivery.destination else { return [delivery] }
      return mailTo.map { address in
        var one = delivery
        one.destination = .mail(address)
        return one
      }
    }.filter { seen.insert($0.destination).inserted }
  }

  /// Why a place is not told although a route names it; `nil`: it is.
  func refusal(of delivery: NoticeRouting.Delivery) -> String? {
    switch delivery.destination {
    case .mail(let address?):
      if delivery.reason.hasPrefix(name) || mailTo.contains(address) { return nil }
      if let domain = MailAddress.domain(of: address), mailDomains.contains(domain) { return nil }
      return "mail goes only to STET_MAIL_TO and to the domains of STET_MAIL_DOMAINS"
    case .address where !signs:
      return "messages to addresses of a policy are signed, and STET_WEBHOOK_SECRET is not set"
    default: return nil
    }
  }
}
