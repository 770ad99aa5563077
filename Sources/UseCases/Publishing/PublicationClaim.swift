import Domain

/// The right to publish on one pull request, held by the version of its record: who claims it
/// later has it, and the one before finds out at its next step and stops.
///
/// What remains open is a call that was on its way to the forge at the moment when another claimed
/// the record. The other reads the forge several calls later, so it sees what that call posted.
struct PublicationClaim: Sendable {
  private let store: any PublicationStore
  private(set) var record: Publication

  /// Another worker claimed the same pull request: this one has to stop, and to look again later.
  struct TakenOver: Error {}

  private init(store: any PublicationStore, record: Publication) {
    self.store = store
    self.record = record
  }

  static func take(
    _ store: any PublicationStore, forge: String, reference: PullRequestReference
  ) async throws -> PublicationClaim {
    for _ in 0..<8 {
      let record =
        try await store.publication(on: forge, of: reference)
        ?? Publication(forge: forge, reference: reference)
      do {
        return PublicationClaim(store: store, record: try await store.save(record))
      } catch {
        if error.code != .conflict { throw error }
      }
    }
    throw TakenOver()
  }

  /// Changes the record on disk. - Throws: `TakenOver` where another has claimed it meanwhile.
  mutating func update(_ change: (inout Publication) -> Void) async throws {
    var changed = record
    change(&changed)
    do {
      record = try await store.save(changed)
    } catch {
      if error.code == .conflict { throw TakenOver() }
      throw error
    }
  }

  /// Asked before every call that posts.
  func confirm() async throws {
    let standing = try await store.publication(on: record.forge, of: record.reference)
    guard standing?.version == record.version else { throw TakenOver() }
  }
}
