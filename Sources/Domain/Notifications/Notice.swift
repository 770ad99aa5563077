public import Foundation

/// Something that happened and that people may want to hear of.
public struct Notice: Sendable, Hashable, Codable {
  /// What happened, as policies name it.
  public enum Event: String, Sendable, Hashable, Codable, CaseIterable {
    case review
    case reviewFailed = "review_failed"
    case fix
    case merged
    /// The merge queue let go of a pull request that it had not merged.
    case leftQueue = "left_queue"
    /// A rule of the repository's policy asked for it.
    case policy
    case issue
    case stale
    case report
    /// A share of the day's tokens was spent.
    case budget
    /// A job was given up for good.
    case jobFailed = "job_failed"
    /// Somebody tries whether messages arrive.
    case test
  }

  /// One name and what it says, such as `findings` and `3`.
  public struct Fact: Sendable, Hashable, Codable {
    public var name: String
    public var value: String
    public init(_ name: String, _ value: String) {
      self.name = name
      self.value = value
    }
  }

  /// Unique, and the same for the same happening: people are told once of each.
  public var id: String
  public var event: Event
  public var severity: Severity
  /// `github`; empty where no forge has to do with it.
  public var forge: String
  public var repository: RepositoryName
  /// A pull request or issue, `OWNER/NAME#N`.
  public var subject: String?
  /// What it is called, by its author. Not to be trusted.
  public var subjectTitle: String?
  /// One sentence.
  public var headline: String
  /// Where a person reads more: `https` or `http`.
  public var url: String?
  public var facts: [Fact]
  /// Further lines, such as one for each finding. Not to be trusted.
  public var lines: [String]
  public var at: Date
  public var run: String?

  public init(
    id: String, event: Event, severity: Severity = .note, forge: String,
    repository: RepositoryName, subject: String? = nil, subjectTitle: String? = nil,
    headline: String, url: String? = nil, facts: [Fact] = [], lines: [String] = [], at: Date,
    run: String? = nil
  ) {
    self.id = id
    self.event = event
    self.severity = severity
    self.forge = forge
    self.repository = repository
    self.subject = subject
    self.subjectTitle = subjectTitle
    self.headline = headline
    self.url = url
    self.facts = facts
    self.lines = lines
    self.at = at
    self.run = run
  }
}

/// Where people are told. Written `slack`, `slack:NAME`, `mail`, `mail:ADDRESS`, `webhook`, or an
/// `https` address.
public enum NoticeDestination: Sendable, Hashable, Codable, CustomStringConvertible {
  /// An incoming webhook of the settings: the first one, or one by its name.
  case slack(String?)
  /// Everybody of the settings, or one address.
  case mail(String?)
  /// The webhook of the settings.
  case webhook
  /// A webhook that a repository's policy names.
  case address(String)

  /// - Returns: `nil` for a text of another form.
  public init?(_ text: String) {
    let name = text.firstIndex(of: ":").map { String(text[text.index(after: $0)...]) }
    switch text.prefix(while: { $0 != ":" }) {
    case "slack" where name != "": self = .slack(name)
    case "mail" where name.map(MailAddress.isValid) ?? true: self = .mail(name)
    case "webhook" where name == nil: self = .webhook
    case "https" where text.hasPrefix("https://") && Self.isPlain(text): self = .address(text)
    default: return nil
    }
  }

  private static func isPlain(_ text: String) -> Bool {
    text.utf8.count <= 2_000
      && text.utf8.allSatisfy { (0x21...0x7E).contains($0) && $0 != 0x5C && $0 != 0x22 }
  }

  public var description: String {
    switch self {
    case .slack(let name): name.map { "slack:\($0)" } ?? "slack"
    case .mail(let address): address.map { "mail:\($0)" } ?? "mail"
    case .webhook: "webhook"
    case .address(let url): url
    }
  }

  /// What may stand in a log or an audit trail: no path, which may be a key.
  public var shown: String {
    guard case .address(let url) = self else { return description }
    let start = url.index(url.startIndex, offsetBy: 8)
    return "https://" + url[start...].prefix { $0 != "/" && $0 != "?" && $0 != "#" && $0 != "@" }
  }

  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    let text = try container.decode(String.self)
    guard let value = NoticeDestination(text) else {
      throw DecodingError.dataCorruptedError(
        in: container, debugDescription: "'\(text)' is no destination of notices")
    }
    self = value
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(description)
  }
}
