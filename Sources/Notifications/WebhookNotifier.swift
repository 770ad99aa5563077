public import Domain
public import Foundation
public import WebClient

/// Tells a webhook of one's own, with a signature by which it knows who speaks and when.
///
/// Source of the signature: the Standard Webhooks specification, 1.0.0: `webhook-id`,
/// `webhook-timestamp` and `webhook-signature`, the latter HMAC-SHA256 over `id.timestamp.body`.
public struct WebhookNotifier: Notifier {
  private let client: WebClient
  private let address: String?
  private let key: WebhookKey
  private let addressGuard: AddressGuard
  private let deadline: Duration
  private let now: @Sendable () -> Date

  /// - Parameters:
  ///   - address: the webhook of the settings, which may be anywhere; `nil`: none.
  ///   - addressGuard: of addresses that policies name.
  public init(
    client: WebClient, address: String?, key: WebhookKey, addressGuard: AddressGuard,
    deadline: Duration = .seconds(20), now: @escaping @Sendable () -> Date = { Date() }
  ) {
    self.client = client
    self.address = address
    self.key = key
    self.addressGuard = addressGuard
    self.deadline = deadline
    self.now = now
  }

  public func send(
    _ message: NoticeMessage, to destination: NoticeDestination
  ) async throws(NotifierError) {
    let url: String
    let signing: WebhookKey
    var guarded: AddressGuard?
    switch destination {
    case .webhook:
      guard let address else {
        throw NotifierError(
          code: .notConfigured, detail: "webhook is not set up here: set STET_WEBHOOK_URL.")
      }
      (url, signing) = (address, key)
    case .address(let named):
      (url, signing, guarded) = (named, key.derived(for: named), addressGuard)
    case .slack, .mail:
      throw NotifierError(code: .notConfigured, detail: "\(destination.shown) is no webhook.")
    }
    let payload = try body(WebhookPayload(message))
    let timestamp = Int(now().timeIntervalSince1970)
    do throws(WebError) {
      // A signed message goes where it is addressed to, and nowhere else.
      _ = try await client.send(
        WebRequest(
          method: "POST", url: url,
          headers: [
            "Content-Type": "application/json", "webhook-id": message.id,
            "webhook-timestamp": "\(timestamp)",
            "webhook-signature": signing.signature(
              id: message.id, timestamp: timestamp, body: payload),
          ], body: payload, carriesSecret: true, deadline: deadline, maxResponseBytes: 64 << 10,
          addressGuard: guarded))
    } catch {
      throw NotifierError(error, at: destination.shown)
    }
  }
}

/// The body of a webhook: docs/notifications.md.
struct WebhookPayload: Encodable, Sendable {
  struct Item: Encodable {
    var event: String
    var severity: String
    var repository: String
    var subject: String?
    var title: String
    var url: String?
    var facts: [String: String]
    var lines: [String]
    var at: Date
    var run: String?
  }

  struct Content: Encodable {
    var id: String
    var title: String
    var severity: String
    var notices: [Item]
    var leftOut: Int

    enum CodingKeys: String, CodingKey {
      case id, title, severity, notices
      case leftOut = "left_out"
    }
  }

  /// `notice` or `digest`.
  var type: String
  var timestamp: Date
  var data: Content

  init(_ message: NoticeMessage) {
    type = message.items.count == 1 && message.leftOut == 0 ? "notice" : "digest"
    timestamp = message.at
    data = Content(
      id: message.id, title: message.title, severity: message.severity.rawValue,
      notices: message.items.map { item in
        Item(
          event: item.event.rawValue, severity: item.severity.rawValue,
          repository: item.repository, subject: item.subject, title: item.title, url: item.url,
          facts: Dictionary(item.facts.map { ($0.name, $0.value) }) { first, _ in first },
          lines: item.lines, at: item.at, run: item.run)
      }, leftOut: message.leftOut)
  }
}
