public import Domain

/// Asks the notifier of each kind of place.
public struct EveryNotifier: Notifier {
  private let slack: SlackNotifier?
  private let mail: MailNotifier?
  private let webhook: WebhookNotifier?

  /// - Parameters: `nil` where the settings name none.
  public init(slack: SlackNotifier?, mail: MailNotifier?, webhook: WebhookNotifier?) {
    self.slack = slack
    self.mail = mail
    self.webhook = webhook
  }

  public func send(
    _ message: NoticeMessage, to destination: NoticeDestination
  ) async throws(NotifierError) {
    let chosen: ((any Notifier)?, setting: String) =
      switch destination {
      case .slack: (slack, "STET_SLACK_WEBHOOK")
      case .mail: (mail, "STET_SMTP_URL")
      case .webhook, .address: (webhook, "STET_WEBHOOK_SECRET")
      }
    guard let notifier = chosen.0 else {
      throw NotifierError(
        code: .notConfigured,
        detail: "\(destination.shown) is not set up here: set \(chosen.setting).")
    }
    try await notifier.send(message, to: destination)
  }
}
