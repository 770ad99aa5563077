public import Domain
public import WebClient

/// Tells a Slack channel by its incoming webhook, as blocks.
/// Source: Slack, "Sending messages using incoming webhooks" and "Block Kit".
public struct SlackNotifier: Notifier {
  private let client: WebClient
  private let webhooks: [(name: String, url: String)]
  private let deadline: Duration

  /// - Parameter webhooks: addresses of the settings, each a secret, by the channel's name; the first
  ///   is the one that no name asks for.
  public init(
    client: WebClient, webhooks: [(name: String, url: String)], deadline: Duration = .seconds(20)
  ) {
    self.client = client
    self.webhooks = webhooks
    self.deadline = deadline
  }

  public func send(
    _ message: NoticeMessage, to destination: NoticeDestination
  ) async throws(NotifierError) {
    guard case .slack(let name) = destination,
      let webhook = name.map({ name in webhooks.first { $0.name == name } }) ?? webhooks.first
    else {
      throw NotifierError(
        code: .notConfigured,
        detail: "\(destination.shown) is not set up here: STET_SLACK_WEBHOOK names the channels.")
    }
    do {
      _ = try await client.send(
        WebRequest(
          method: "POST", url: webhook.url, headers: ["Content-Type": "application/json"],
          body: try body(SlackForm.payload(message)), carriesSecret: true, deadline: deadline,
          maxResponseBytes: 64 << 10))
    } catch let error as WebError {
      throw NotifierError(error, at: destination.shown)
    } catch let error as NotifierError {
      throw error
    } catch {
      throw NotifierError(code: .rejected, detail: "The message to Slack cannot be written.")
    }
  }
}
