import Crypto
import Domain
import Foundation
import Synchronization

/// Who is signed in on the dashboard. A session is a text in a cookie that this server has
/// authenticated: nothing is stored, any server with the same key takes it, and it says which token
/// it stands for without being of any use where a token is asked for.
struct Sessions: Sendable {
  struct Session: Sendable, Hashable {
    /// The token's id.
    var token: String
    var id: String
    /// Whole seconds.
    var expiresAt: Date
  }

  static let longest = TimeInterval(12 * 3_600)

  private let key: SymmetricKey
  private let ended = EndedSessions()

  /// - Parameter secret: the same in every process that serves; `nil`: sessions end with this one.
  init(secret: [UInt8]?) {
    key =
      secret.map {
        HKDF<SHA256>.deriveKey(
          inputKeyMaterial: SymmetricKey(data: $0), info: Data("stet-dashboard-1".utf8),
          outputByteCount: 32)
      } ?? SymmetricKey(size: .bits256)
  }

  /// It ends with its token, or after twelve hours.
  func begin(for token: APIToken, at now: Date) -> Session {
    let end = min(now.addingTimeInterval(Self.longest), token.expiresAt ?? .distantFuture)
    return Session(
      token: token.id, id: Self.random(),
      expiresAt: Date(timeIntervalSince1970: end.timeIntervalSince1970.rounded(.down)))
  }

  /// It does not begin again where its cookie was kept. Known to this process alone.
  func end(_ session: Session, at now: Date) { ended.add(session.id, session.expiresAt, now) }

  // MARK: The cookie

  func text(of session: Session) -> String {
    let said = Self.said(session)
    return "\(said).\(mac("session \(said)"))"
  }

  /// - Returns: `nil` unless this key has authenticated it and its time is not over.
  func session(_ text: String, at now: Date) -> Session? {
    let parts = text.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
    // Nothing of it is read before it is known to be ours.
    guard text.utf8.count <= 400, parts.count == 4,
      isMAC(parts[3], of: "session \(parts[0]).\(parts[1]).\(parts[2])"),
      let seconds = Int64(parts[2]), Self.years.contains(seconds)
    else { return nil }
    let session = Session(
      token: parts[0], id: parts[1],
      expiresAt: Date(timeIntervalSince1970: TimeInterval(seconds)))
    guard now < session.expiresAt, !ended.has(session.id) else { return nil }
    return session
  }

  /// Seconds since 1970 of which a date can be made.
  private static let years: ClosedRange<Int64> = 0...253_402_300_799

  private static func said(_ session: Session) -> String {
    "\(session.token).\(session.id).\(Int64(session.expiresAt.timeIntervalSince1970))"
  }

  // MARK: Forms

  /// What every form of a visit holds, which no other site can read.
  func formToken(of visit: String) -> String { mac("form \(visit)") }

  func isFormToken(_ text: String, of visit: String) -> Bool { isMAC(text, of: "form \(visit)") }

  // MARK: Bytes

  static func random() -> String {
    var generator = SystemRandomNumberGenerator()
    return base64((0..<18).map { _ in UInt8.random(in: 0...255, using: &generator) })
  }

  private func mac(_ text: String) -> String {
    Self.base64(Array(HMAC<SHA256>.authenticationCode(for: Data(text.utf8), using: key)))
  }

  /// In constant time.
  private func isMAC(_ given: String, of text: String) -> Bool {
    // One text for each code: other forms of the same bytes are nobody's.
    guard let bytes = Self.bytes(given), Self.base64(Array(bytes)) == given else { return false }
    return HMAC<SHA256>.isValidAuthenticationCode(
      bytes, authenticating: Data(text.utf8), using: key)
  }

  private static func base64(_ bytes: [UInt8]) -> String {
    Data(bytes).base64EncodedString().replacing("+", with: "-").replacing("/", with: "_")
      .replacing("=", with: "")
  }

  private static func bytes(_ text: String) -> Data? {
    let plain = text.replacing("-", with: "+").replacing("_", with: "/")
    return Data(
      base64Encoded: plain + String(repeating: "=", count: (4 - plain.utf8.count % 4) % 4))
  }
}

/// Sessions that were ended before their time.
private final class EndedSessions: Sendable {
  private static let capacity = 10_000
  private let ends = Mutex<[String: Date]>([:])

  func has(_ id: String) -> Bool { ends.withLock { $0[id] != nil } }

  func add(_ id: String, _ end: Date, _ now: Date) {
    ends.withLock { ends in
      if ends.count >= Self.capacity { ends = ends.filter { $0.value > now } }
      if ends.count < Self.capacity { ends[id] = end }
    }
  }
}
