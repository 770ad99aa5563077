import Domain
import Synchronization

/// Records what one run changes outside, in the audit trail at once and for the run's own record.
final class ActionTrail: Sendable {
  private let audit: any AuditTrail
  private let actor: String
  private let place: String
  private let decidedBy: String
  /// Why any of it is done, in a few words; an action may know better.
  private let reason: String
  private let run: String?
  private let job: String?
  private let done = Mutex<[Run.Action]>([])

  init(
    _ audit: any AuditTrail, actor: String, place: String, decidedBy: String, reason: String,
    run: String?, job: String?
  ) {
    self.audit = audit
    self.actor = actor
    self.place = place
    self.decidedBy = decidedBy
    self.reason = reason
    self.run = run
    self.job = job
  }

  var actions: [Run.Action] { done.withLock { $0 } }

  func note(_ action: String, facts: [String: String] = [:]) async throws(StoreError) {
    var facts = facts
    facts["reason"] = facts["reason"] ?? reason
    done.withLock { $0.append(Run.Action(name: action, place: place)) }
    try await audit.append(
      AuditEvent(
        actor: actor, action: action, place: place, decidedBy: decidedBy, run: run, job: job,
        facts: facts))
  }
}
