import Crypto
public import Domain

/// Reads GitHub's webhooks: repository, organization and App hooks alike.
///
/// Only deliveries in `application/json` are read; a hook that is set to
/// `application/x-www-form-urlencoded` is refused with a sentence that says what to choose.
/// Source: GitHub docs, "Validating webhook deliveries", "Webhook events and payloads".
public struct GitHubWebhooks: WebhookReader {
  public let forge = "github"
  private let key: SymmetricKey?

  /// - Parameter secret: as entered in the settings of the hook; without one nothing is believed.
  public init(secret: String?) {
    key = secret.flatMap { $0.isEmpty ? nil : SymmetricKey(data: Array($0.utf8)) }
  }

  public func refusal(header: (String) -> String?) -> WebhookError? {
    do throws(WebhookError) {
      _ = try signature(header)
      _ = try name("x-github-event", header)
      _ = try name("x-github-delivery", header)
      return nil
    } catch {
      return error
    }
  }

  public func verify(
    body: [UInt8], header: (String) -> String?
  ) throws(WebhookError) -> WebhookIdentity {
    try checkSignature(of: body, header)
    let event = try name("x-github-event", header)
    let delivery = try name("x-github-delivery", header)
    let json = try read(body)
    let action = json["action"]?.string
    return WebhookIdentity(
      delivery: delivery, event: event, action: action,
      meaning: Self.hash(
        WebhookMeaning(event: event, action: action, delivery: delivery, json: json)))
  }

  public func event(
    named event: String, body: [UInt8]
  ) throws(WebhookError) -> ForgeEvent {
    WebhookEventReading(event: event, json: try read(body)).result()
  }

  private func checkSignature(
    of body: [UInt8], _ header: (String) -> String?
  ) throws(WebhookError) {
    let (code, key) = try signature(header)
    guard HMAC<SHA256>.isValidAuthenticationCode(code, authenticating: body, using: key) else {
      throw Self.wrongSignature
    }
  }

  /// What the delivery says its code is, and the key to check it by.
  private func signature(
    _ header: (String) -> String?
  ) throws(WebhookError) -> (code: [UInt8], key: SymmetricKey) {
    guard let key else {
      throw WebhookError(
        code: .notConfigured,
        detail: "No webhook secret is set, so no delivery can be believed. Set "
          + "GITHUB_WEBHOOK_SECRET to the secret of the hook.")
    }
    guard let signature = header("x-hub-signature-256") else {
      throw WebhookError(
        code: .unsigned,
        detail: header("x-hub-signature") == nil
          ? "The delivery bears no X-Hub-Signature-256. Set a secret in the settings of the hook."
          : "The delivery bears only X-Hub-Signature, which is SHA-1. X-Hub-Signature-256 is "
            + "needed; GitHub sends it with every delivery of a hook that has a secret.")
    }
    guard let code = Self.code(signature) else { throw Self.wrongSignature }
    return (code, key)
  }

  private static let wrongSignature = WebhookError(
    code: .wrongSignature,
    detail: "X-Hub-Signature-256 does not fit the body. Either the secret of the hook is not "
      + "GITHUB_WEBHOOK_SECRET, or the body was changed on its way.")

  /// The bytes after `sha256=`.
  private static func code(_ signature: String) -> [UInt8]? {
    let prefix = "sha256="
    guard signature.hasPrefix(prefix) else { return nil }
    let digits = Array(signature.utf8.dropFirst(prefix.utf8.count))
    guard digits.count == 64 else { return nil }
    var code: [UInt8] = []
    code.reserveCapacity(32)
    for index in stride(from: 0, to: 64, by: 2) {
      guard let high = hexValue(digits[index]), let low = hexValue(digits[index + 1]) else {
        return nil
      }
      code.append(high << 4 | low)
    }
    return code
  }

  private static func hexValue(_ digit: UInt8) -> UInt8? {
    switch digit {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): digit - UInt8(ascii: "A") + 10
    default: nil
    }
  }

  /// A header that becomes a key of the store and a word of the log: short, and of plain letters.
  private func name(
    _ header: String, _ value: (String) -> String?
  ) throws(WebhookError) -> String {
    guard let text = value(header) else {
      throw WebhookError(code: .malformed, detail: "The delivery bears no \(header) header.")
    }
    let isPlain = text.utf8.allSatisfy { byte in
      JSONScan.isDigit(byte) || (byte | 0x20) &- 0x61 < 26 || byte == UInt8(ascii: "_")
        || byte == UInt8(ascii: "-")
    }
    guard isPlain, (1...100).contains(text.utf8.count) else {
      throw WebhookError(
        code: .malformed,
        detail: "The \(header) header must be 1 to 100 letters, digits, '-' and '_'.")
    }
    return text
  }

  private func read(_ body: [UInt8]) throws(WebhookError) -> RawJSON {
    let json: RawJSON
    do throws(RawJSONFault) { json = try RawJSON(checking: body) } catch {
      guard !body.starts(with: Array("payload=".utf8)) else {
        throw WebhookError(
          code: .malformed,
          detail: "The delivery is a form. Choose the content type application/json in the "
            + "settings of the hook.")
      }
      throw WebhookError(
        code: .malformed,
        detail: "The body is not JSON: \(error.reason), at byte \(error.offset).")
    }
    guard json.isObject else {
      throw WebhookError(code: .malformed, detail: "The body is JSON, but not an object.")
    }
    return json
  }

  /// SHA-256 of the parts, each after its length, so that no two lists of parts share a hash.
  private static func hash(_ meaning: WebhookMeaning) -> String {
    var hasher = SHA256()
    meaning.parts { part in
      withUnsafeBytes(of: UInt64(part.count).littleEndian) { hasher.update(bufferPointer: $0) }
      part.withUnsafeBytes { hasher.update(bufferPointer: $0) }
    }
    return Hexadecimal.of(hasher.finalize())
  }
}
