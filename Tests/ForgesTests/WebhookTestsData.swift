import Crypto
import Foundation
import Testing

@testable import Forges

/// GitHub's own sample webhooks, which are not part of this project: STET_SHARED_DATA names the
/// folder, or it is looked for beside the package.
enum SharedWebhooks {
  /// Of webhook-signatures.json, as its SOURCES.md says.
  static let secret = "It's a Secret to Everybody"

  static let root: URL = {
    if let path = ProcessInfo.processInfo.environment["STET_SHARED_DATA"] {
      return URL(fileURLWithPath: path)
    }
    return URL(fileURLWithPath: #filePath).appendingPathComponent("../../../../shared/data")
      .standardizedFileURL
  }()

  static let folder = root.appendingPathComponent("github/webhooks")

  /// Without `.json`, such as `pull_request.opened.with-null-body`.
  static let names: [String] = {
    let all = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
    return all.filter { $0.hasSuffix(".json") }.map { String($0.dropLast(5)) }.sorted()
  }()

  static func body(_ name: String) throws -> [UInt8] {
    [UInt8](try Data(contentsOf: folder.appendingPathComponent(name + ".json")))
  }

  static func event(_ name: String) -> String {
    String(name.prefix { $0 != "." })
  }

  static func object(_ name: String) throws -> [String: Any] {
    try #require(
      JSONSerialization.jsonObject(with: Data(body(name))) as? [String: Any])
  }
}

/// The headers of a delivery, by lower-case name.
func webhookHeaders(
  _ event: String, delivery: String = "72d3162e-cc78-11e3-81ab-4c9367dc0958", signature: String?
) -> [String: String] {
  var headers = ["x-github-event": event, "x-github-delivery": delivery]
  headers["x-hub-signature-256"] = signature
  return headers
}

func webhookSignature(_ body: [UInt8], secret: String = SharedWebhooks.secret) -> String {
  let code = HMAC<SHA256>.authenticationCode(
    for: body, using: SymmetricKey(data: Array(secret.utf8)))
  return "sha256=" + code.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
}

/// The same numbers for the same seed, so that what fails fails again.
struct WebhookRandom: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var value = state
    value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
    value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
    return value ^ (value >> 31)
  }
}
