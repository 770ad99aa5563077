/// Who is told of what, and when: the `notify:` section of a policy, or the server's own file.
public struct NotifyPolicy: Sendable, Hashable, Codable {
  /// What becomes of a message in quiet hours.
  public enum AtNight: String, Sendable, Hashable, Codable, CaseIterable {
    /// It waits for their end.
    case hold
    case drop
    /// It is sent all the same.
    case send
  }

  public struct Route: Sendable, Hashable, Codable {
    /// Empty: all.
    public var events: Set<Notice.Event>
    /// The least that is told.
    public var severity: Severity
    /// Globs of `OWNER/NAME`, without regard to case; empty: all.
    public var repositories: [String]
    public var destinations: [NoticeDestination]
    public var digest: DigestTime?
    public var atNight: AtNight
    public var template: NoticeTemplate?

    public init(
      events: Set<Notice.Event> = [], severity: Severity = .note, repositories: [String] = [],
      destinations: [NoticeDestination], digest: DigestTime? = nil, atNight: AtNight = .hold,
      template: NoticeTemplate? = nil
    ) {
      self.events = events
      self.severity = severity
      self.repositories = repositories
      self.destinations = destinations
      self.digest = digest
      self.atNight = atNight
      self.template = template
    }
  }

  public var routes: [Route]
  public var quiet: QuietHours

  public init(routes: [Route] = [], quiet: QuietHours = QuietHours()) {
    self.routes = routes
    self.quiet = quiet
  }
}
