public import Domain

extension Work {
  /// Decides who is told of a notice: `NotifyPeople.route`.
  public struct NotifyPeople: JobArguments {
    public static let kind = "notify-people"
    /// By whose leave the repository's policy is read; `nil`: only the server's own routes count.
    public var access: ForgeAccess?
    public var notice: Notice

    public init(access: ForgeAccess?, notice: Notice) {
      self.access = access
      self.notice = notice
    }
  }

  /// Sends one notice to one place: `NotifyPeople.deliver`.
  public struct DeliverNotice: JobArguments {
    public static let kind = "deliver-notice"
    public var notice: Notice
    public var destination: NoticeDestination
    public var template: NoticeTemplate?
    /// Which route decided.
    public var reason: String

    public init(
      notice: Notice, destination: NoticeDestination, template: NoticeTemplate?, reason: String
    ) {
      self.notice = notice
      self.destination = destination
      self.template = template
      self.reason = reason
    }
  }

  /// Sends what was gathered to one place: `NotifyPeople.deliverDigest`.
  public struct DeliverDigest: JobArguments {
    public static let kind = "deliver-digest"
    public var digest: String
    public var destination: NoticeDestination
    /// Which route decided.
    public var reason: String

    public init(digest: String, destination: NoticeDestination, reason: String) {
      self.digest = digest
      self.destination = destination
      self.reason = reason
    }
  }
}
