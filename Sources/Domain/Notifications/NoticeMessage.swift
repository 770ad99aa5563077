public import Foundation

/// What is said in one message, before it takes the form of Slack, of mail or of a webhook. All text
/// is one line each, without hidden characters and secrets; each form escapes it for itself.
public struct NoticeMessage: Sendable, Hashable, Codable {
  /// One happening.
  public struct Item: Sendable, Hashable, Codable {
    public var event: Notice.Event
    public var severity: Severity
    public var repository: String
    public var subject: String?
    public var title: String
    public var url: String?
    public var facts: [Notice.Fact]
    public var lines: [String]
    public var at: Date
    public var run: String?
  }

  /// The same for the same message, however often it is tried.
  public var id: String
  public var title: String
  public var items: [Item]
  /// Items that were left out of a digest for want of room.
  public var leftOut: Int
  public var at: Date

  public init(id: String, title: String, items: [Item], leftOut: Int = 0, at: Date) {
    self.id = id
    self.title = title
    self.items = items
    self.leftOut = leftOut
    self.at = at
  }

  /// The worst of its items.
  public var severity: Severity { items.map(\.severity).max() ?? .note }

  public static let mostItems = 40
  public static let mostLines = 12

  /// Of one notice.
  /// - Parameter template: the title, in which `{name}` stands for a value; `nil`: the usual one.
  public init(_ notice: Notice, template: NoticeTemplate? = nil) {
    let item = Item(notice)
    let title = template.map { Self.plain($0.filled(notice), 300) } ?? item.title
    self.init(id: notice.id, title: title, items: [item], at: notice.at)
  }

  /// Of several, in order of time.
  public init(digest id: String, of notices: [Notice], at: Date) {
    let sorted = notices.sorted { ($0.at, $0.id) < ($1.at, $1.id) }
    // What matters most is kept where not all has room.
    let ranked = sorted.indices.sorted {
      (sorted[$1].severity, $0) < (sorted[$0].severity, $1)
    }
    let kept = Set(ranked.prefix(Self.mostItems))
    let items = sorted.indices.filter(kept.contains).map { Item(sorted[$0]) }
    let places = Set(notices.map { "\($0.repository)".lowercased() }).count
    let source =
      places == 1 ? "\(notices.first.map { "\($0.repository)" } ?? "")" : "\(places) repositories"
    self.init(
      id: id, title: "\(notices.count) \(notices.count == 1 ? "notice" : "notices") from \(source)",
      items: items, leftOut: sorted.count - items.count, at: at)
  }

  static func plain(_ text: String, _ limit: Int) -> String {
    Defanged.oneLine(SecretMask.masked(text).text, limit: limit)
  }
}

extension NoticeMessage.Item {
  init(_ notice: Notice) {
    let subject = notice.subject ?? "\(notice.repository)"
    var title = "\(subject): \(notice.headline)"
    if let name = notice.subjectTitle, !name.isEmpty { title += " (\(name))" }
    var lines = notice.lines.prefix(NoticeMessage.mostLines).map { NoticeMessage.plain($0, 500) }
    if notice.lines.count > lines.count {
      lines.append("and \(notice.lines.count - lines.count) more")
    }
    self.init(
      event: notice.event, severity: notice.severity, repository: "\(notice.repository)",
      subject: notice.subject, title: NoticeMessage.plain(title, 300),
      url: notice.url.flatMap { Self.isLink($0) ? $0 : nil },
      facts: notice.facts.prefix(10).map {
        Notice.Fact(NoticeMessage.plain($0.name, 60), NoticeMessage.plain($0.value, 300))
      },
      lines: lines, at: notice.at, run: notice.run)
  }

  /// Only what every form can carry as it stands.
  private static func isLink(_ text: String) -> Bool {
    (text.hasPrefix("https://") || text.hasPrefix("http://")) && text.utf8.count <= 1_000
      && text.utf8.allSatisfy { byte in
        (0x21...0x7E).contains(byte) && !"\"<>|\\^`{}".utf8.contains(byte)
      }
  }
}

/// The title of a message as a policy writes it, with `{name}` for values.
public struct NoticeTemplate: Sendable, Hashable, Codable {
  public static let names = [
    "repository", "subject", "title", "headline", "event", "severity", "url", "facts",
  ]
  public static let longest = 300

  public var text: String

  public init(_ text: String) { self.text = text }

  /// Names in braces that mean nothing, in order.
  public var unknownNames: [String] {
    pieces.compactMap { piece in
      if case .name(let name) = piece, !Self.names.contains(name) { name } else { nil }
    }
  }

  func filled(_ notice: Notice) -> String {
    pieces.map { piece in
      switch piece {
      case .text(let text): text
      case .name(let name): Self.value(name, of: notice) ?? "{\(name)}"
      }
    }.joined()
  }

  private enum Piece { case text(String), name(String) }

  /// Values are put in once: braces in them mean nothing.
  private var pieces: [Piece] {
    var pieces: [Piece] = []
    var rest = text[...]
    while let open = rest.firstIndex(of: "{"), let close = rest[open...].firstIndex(of: "}") {
      pieces.append(.text(String(rest[..<open])))
      pieces.append(.name(String(rest[rest.index(after: open)..<close])))
      rest = rest[rest.index(after: close)...]
    }
    return pieces + [.text(String(rest))]
  }

  private static func value(_ name: String, of notice: Notice) -> String? {
    switch name {
    case "repository": "\(notice.repository)"
    case "subject": notice.subject ?? "\(notice.repository)"
    case "title": notice.subjectTitle ?? ""
    case "headline": notice.headline
    case "event": notice.event.rawValue
    case "severity": notice.severity.rawValue
    case "url": notice.url ?? ""
    case "facts": notice.facts.map { "\($0.name) \($0.value)" }.joined(separator: ", ")
    default: nil
    }
  }
}
