public import Foundation

/// A delivery as the forge that sent it remembers it.
public struct SentDelivery: Sendable, Hashable {
  /// Of this attempt; a later one is larger.
  public var id: Int64
  /// Of what was delivered, the same for every attempt.
  public var delivery: String
  public var event: String
  public var at: Date
  /// What the receiver answered; 0 where it was not heard.
  public var status: Int

  public init(id: Int64, delivery: String, event: String, at: Date, status: Int) {
    self.id = id
    self.delivery = delivery
    self.event = event
    self.at = at
    self.status = status
  }

  public var arrived: Bool { (200..<300).contains(status) }
}

/// What sends deliveries: an App's hook, or one of a repository.
public enum DeliverySource: Sendable, Hashable {
  case app
  case repository(RepositoryName, hook: Int64)
}

public struct SentDeliveries: Sendable, Hashable {
  /// Newest first.
  public var items: [SentDelivery]
  /// For the older ones; `nil` at the end.
  public var next: String?

  public init(items: [SentDelivery], next: String?) {
    self.items = items
    self.next = next
  }
}

/// What a forge remembers of the webhooks that it sent.
public protocol DeliveryLog: Sendable {
  /// As `WebhookReader.forge`.
  var forge: String { get }
  /// Whether one hook sends for all repositories, and no other need be asked.
  var hasOneSource: Bool { get }
  /// The hooks of a repository that are active, with their addresses.
  func hooks(
    in repository: RepositoryName
  ) async throws(ForgeError) -> [(source: DeliverySource, address: String)]
  func deliveries(
    of source: DeliverySource, cursor: String?
  ) async throws(ForgeError) -> SentDeliveries
  /// Asks for one to be sent again; it is sent some time after.
  func redeliver(_ id: Int64, of source: DeliverySource) async throws(ForgeError)
}
