import Crypto
import Domain
import Foundation

/// What webhooks are signed with.
public struct WebhookKey: Sendable {
  private let key: SymmetricKey

  /// - Parameter secret: any text, or `whsec_` and the key in base64.
  public init(_ secret: String) {
    let prefix = "whsec_"
    if secret.hasPrefix(prefix), let bytes = Data(base64Encoded: String(secret.dropFirst(6))),
      !bytes.isEmpty
    {
      key = SymmetricKey(data: bytes)
    } else {
      key = SymmetricKey(data: Data(secret.utf8))
    }
  }

  private init(key: SymmetricKey) { self.key = key }

  /// Of an address that a policy names: its receiver gets to know this key, and no other.
  public func derived(for address: String) -> WebhookKey {
    WebhookKey(
      key: SymmetricKey(
        data: Data(
          HMAC<SHA256>.authenticationCode(
            for: Data("stet webhook v1\n\(address)".utf8), using: key))))
  }

  /// As receivers are given it: `whsec_` and base64.
  public var text: String { "whsec_" + key.withUnsafeBytes { Data($0).base64EncodedString() } }

  /// Such as `v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4=`.
  public func signature(id: String, timestamp: Int, body: [UInt8]) -> String {
    var code = HMAC<SHA256>(key: key)
    code.update(data: Data("\(id).\(timestamp).".utf8))
    code.update(data: body)
    return "v1," + Data(code.finalize()).base64EncodedString()
  }
}
