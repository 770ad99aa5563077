public import Foundation

/// An audit entry exactly as it is stored and hashed.
public struct AuditLink: Sendable, Hashable {
  public var number: Int64
  /// Since 1970.
  public var microseconds: Int64
  /// The event as JSON with sorted keys, byte for byte as it was hashed.
  public var event: String
  public var previous: String
  public var hash: String

  public init(number: Int64, microseconds: Int64, event: String, previous: String, hash: String) {
    self.number = number
    self.microseconds = microseconds
    self.event = event
    self.previous = previous
    self.hash = hash
  }

  /// - Parameters:
  ///   - last: the entry before; `nil` for the first.
  ///   - sha256: lower-case hex.
  public init(
    _ event: AuditEvent, at: Date, after last: (number: Int64, hash: String)?,
    sha256: ([UInt8]) -> String
  ) throws(StoreError) {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    do { self.event = String(decoding: try encoder.encode(event), as: UTF8.self) } catch {
      throw StoreError(
        code: .failed, detail: "the audit event \(event.action) cannot be written as JSON: \(error)"
      )
    }
    number = (last?.number ?? 0) + 1
    microseconds = Int64((at.timeIntervalSince1970 * 1_000_000).rounded())
    previous = last?.hash ?? Self.origin
    hash = ""
    hash = sha256(sealed)
  }

  /// What the first entry has for the hash of the one before.
  public static let origin = String(repeating: "0", count: 64)

  /// What `hash` is the SHA-256 of: five netstrings (`LENGTH:BYTES,`, the length in decimal),
  /// namely `stet-audit-1`, the number and the microseconds in decimal, the event, and the hash
  /// before. Lengths come first, so that no two entries give the same bytes.
  public var sealed: [UInt8] {
    var bytes: [UInt8] = []
    for part in ["stet-audit-1", "\(number)", "\(microseconds)", event, previous] {
      bytes += Array("\(part.utf8.count):".utf8) + Array(part.utf8) + [UInt8(ascii: ",")]
    }
    return bytes
  }

  public func entry() throws(StoreError) -> AuditEntry {
    let decoded: AuditEvent
    do { decoded = try JSONDecoder().decode(AuditEvent.self, from: Data(event.utf8)) } catch {
      throw StoreError(
        code: .corrupt,
        detail: "audit entry \(number) cannot be read; `stet audit verify` says whether it was "
          + "changed.")
    }
    return AuditEntry(
      number: number, at: Date(timeIntervalSince1970: Double(microseconds) / 1_000_000),
      event: decoded, previous: previous, hash: hash)
  }
}

/// Follows the chain link by link, oldest first.
public struct AuditCheck {
  private let sha256: ([UInt8]) -> String
  private var expected: (number: Int64, previous: String) = (1, AuditLink.origin)
  public private(set) var verification = AuditVerification(
    entries: 0, head: AuditLink.origin, brokenAt: nil)

  public init(sha256: @escaping ([UInt8]) -> String) { self.sha256 = sha256 }

  public mutating func read(_ link: AuditLink) {
    verification.entries += 1
    verification.head = link.hash
    // After the first break nothing that follows proves anything.
    guard verification.brokenAt == nil else { return }
    guard link.number == expected.number, link.previous == expected.previous,
      link.hash == sha256(link.sealed)
    else {
      verification.brokenAt = link.number
      return
    }
    expected = (link.number + 1, link.hash)
  }
}
