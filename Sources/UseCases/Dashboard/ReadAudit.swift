public import Domain

/// Reads the audit trail from its end.
public struct ReadAudit: Sendable {
  public struct Page: Sendable {
    /// Newest first.
    public var entries: [AuditEntry]
    /// Where the following page begins: its `before`; `nil` at the beginning of the trail.
    public var next: Int64?
    /// False where so many entries were of other places that it stopped before the page was full.
    public var isFull: Bool
  }

  /// Most entries that one page looks through for a place.
  static let mostRead = 5_000
  private static let chunk = 500

  private let audit: any AuditTrail

  public init(_ audit: any AuditTrail) { self.audit = audit }

  /// - Parameter place: only of places that begin with it, whatever the case, such as
  ///   `github:owner/name`.
  public func page(
    limit: Int, before: Int64? = nil, place: String? = nil
  ) async throws(StoreError) -> Page {
    let wanted = place?.lowercased() ?? ""
    guard !wanted.isEmpty else {
      let entries = try await audit.entries(before: before, limit: limit)
      let last = entries.count == limit ? entries.last?.number : nil
      return Page(entries: entries, next: last.flatMap { $0 > 1 ? $0 : nil }, isFull: true)
    }
    var (found, from, read): ([AuditEntry], Int64?, Int) = ([], before, 0)
    while read < Self.mostRead {
      let entries = try await audit.entries(before: from, limit: Self.chunk)
      for entry in entries {
        from = entry.number
        read += 1
        guard entry.event.place.lowercased().hasPrefix(wanted) else { continue }
        found.append(entry)
        if found.count == limit { return Page(entries: found, next: Self.next(from), isFull: true) }
      }
      guard entries.count == Self.chunk else {
        return Page(entries: found, next: nil, isFull: true)
      }
    }
    return Page(entries: found, next: Self.next(from), isFull: false)
  }

  private static func next(_ number: Int64?) -> Int64? { number.flatMap { $0 > 1 ? $0 : nil } }
}
