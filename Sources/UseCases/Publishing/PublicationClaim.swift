import Domain
import Foundation

/// The right to publish on one pull request, held by the version of its record: who claims it
/// later has it, and the one before finds out at its next step and stops.
///
/// Of two runs the one that was asked for later has the right of way: the other waits while that
/// claim is fresh, so that two never take it from each other in turns.
///
/// What remains open is a call that was on its way to the forge at the moment when another claimed
/// the record. The other reads the forge several calls later, so it sees what that call posted.
struct PublicationClaim: Sendable {
  /// In whose name a record is claimed.
  struct Claimant: Sendable {
    /// Time-ordered: the greater one was asked for later.
    var run: String
    var now: @Sendable () -> Date
  }

  /// For how long a claim stands of which nothing more is heard.
  static let lease = 600.0

  private let store: any PublicationStore
  private let claimant: Claimant?
  private let held: HeldClaim?
  private(set) var record: Publication
  /// An earlier claimant never said that it was done: what it sent may still arrive.
  private(set) var wasInterrupted = false
  /// A run that was asked for later has been here before.
  private(set) var wasOvertaken = false

  /// Another worker claimed the same pull request: this one has to stop, and to look again later.
  struct TakenOver: Error {}

  private init(
    store: any PublicationStore, claimant: Claimant?, held: HeldClaim?, record: Publication
  ) {
    self.store = store
    self.claimant = claimant
    self.held = held
    self.record = record
  }

  /// - Parameters:
  ///   - claimant: `nil` for a short change between two steps of a review.
  ///   - held: told of the claim, to give it back where the try ends.
  static func take(
    _ store: any PublicationStore, forge: String, reference: PullRequestReference,
    by claimant: Claimant? = nil, noting held: HeldClaim? = nil
  ) async throws -> PublicationClaim {
    for _ in 0..<8 {
      var wasInterrupted = false
      var wasOvertaken = false
      var record =
        try await store.publication(on: forge, of: reference)
        ?? Publication(forge: forge, reference: reference)
      if let claimant {
        if isHeld(record, against: claimant) { throw TakenOver() }
        // A try that ends by an error gives its claim back, and comes again when nothing of it is
        // on its way any more.
        wasInterrupted = record.claimant != nil && !(held?.isOwn(record) ?? false)
        wasOvertaken = record.latestRun.map { $0 > claimant.run } ?? false
        if !wasOvertaken { record.latestRun = claimant.run }
        record.claimant = claimant.run
        record.claimedAt = claimant.now()
        held?.note(record)
      }
      do {
        var claim = PublicationClaim(
          store: store, claimant: claimant, held: held, record: try await store.save(record))
        claim.wasInterrupted = wasInterrupted
        claim.wasOvertaken = wasOvertaken
        return claim
      } catch {
        if error.code != .conflict { throw error }
      }
    }
    throw TakenOver()
  }

  private static func isHeld(_ record: Publication, against claimant: Claimant) -> Bool {
    guard let holder = record.claimant, holder > claimant.run, let since = record.claimedAt else {
      return false
    }
    return abs(claimant.now().timeIntervalSince(since)) < lease
  }

  /// Nobody has to wait any more for the run that held it.
  mutating func release() async throws {
    try await update { record in
      record.claimant = nil
      record.claimedAt = nil
    }
  }

  /// Changes the record on disk. - Throws: `TakenOver` where another has claimed it meanwhile.
  mutating func update(_ change: (inout Publication) -> Void) async throws {
    var changed = record
    if let claimant { changed.claimedAt = claimant.now() }
    change(&changed)
    if claimant != nil { held?.note(changed) }
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
