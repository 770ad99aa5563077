import Domain
import Foundation
import Synchronization

/// What one try has claimed, so that it can be given back however the try ends.
final class HeldClaim: Sendable {
  private struct State {
    var run: String?
    var stamps: [Double] = []
    var isPublishing = false
  }

  private let state = Mutex(State())

  /// Before it is stored: an answer of the store that never comes may have been a yes.
  func note(_ record: Publication) {
    guard let run = record.claimant, let at = record.claimedAt else { return }
    state.withLock { state in
      state.run = run
      state.stamps.append(at.timeIntervalSince1970)
      state.isPublishing = record.pendingHead != nil
    }
  }

  /// Whether something was being posted when the try ended.
  var isPublishing: Bool { state.withLock { $0.isPublishing } }

  /// Whether nobody has claimed it since. Another process that runs the same job has the same run,
  /// and another time.
  func isOwn(_ record: Publication) -> Bool {
    guard let at = record.claimedAt?.timeIntervalSince1970 else { return false }
    return state.withLock { state in
      // Stored times are exact to the microsecond.
      state.run == record.claimant && state.stamps.contains { abs($0 - at) < 0.000_01 }
    }
  }

  /// Nobody has to wait for this try any more, or to take it for one that was lost. Best effort: a
  /// claim that stays is a claim of a lost process. The version grows, so that whatever still goes
  /// on here finds out before it posts.
  func release(in store: any PublicationStore, forge: String, reference: PullRequestReference) async
  {
    guard state.withLock({ $0.run != nil }) else { return }
    // A task of its own: the one that ends may be cancelled.
    await Task {
      for _ in 0..<4 {
        do throws(StoreError) {
          guard var record = try await store.publication(on: forge, of: reference), isOwn(record)
          else { return }
          record.claimant = nil
          record.claimedAt = nil
          _ = try await store.save(record)
          return
        } catch {
          if error.code != .conflict { return }
        }
      }
    }.value
  }
}
