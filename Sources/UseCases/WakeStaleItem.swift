import Domain
import Foundation
public import Jobs

/// Takes the label of a stale item off as soon as a webhook tells that somebody answered. Should the
/// webhook be lost, the next sweep does it.
public struct WakeStaleItem: Sendable {
  let ports: ShepherdPullRequest.Ports

  public init(ports: ShepherdPullRequest.Ports) { self.ports = ports }

  public func handle(_ job: Job) async throws -> JobOutcome {
    try await run(
      Work.WakeStaleItem(of: job), age: ForgeFailure.age(of: job, at: ports.now()), job: job.id)
  }

  /// - Throws: `JobFailure`, or `CancellationError`.
  func run(
    _ arguments: Work.WakeStaleItem, age: Duration? = nil, job: String? = nil
  ) async throws -> JobOutcome {
    let (access, reference) = (arguments.access, arguments.reference)
    let place = "\(access.forge):\(reference)"
    do {
      var memory = try await StaleItems.mark(access.forge, reference, in: ports.notes)
      switch memory.value?.stage {
      case .reminded: break
      case .reminding, .closing:
        return .snoozed(.seconds(30), because: "\(place): a sweep is at work on it")
      case .closed, .woken, .refused, nil: return .cancelled(reason: "it is not stale")
      }
      let forge = try await ports.openForge(access)
      let labels = try await forge.openItem(reference)?.labels ?? []
      let item = Set(labels.map { $0.lowercased() })
      try await StaleItems.wake(
        reference, because: arguments.answer, &memory, forge: forge,
        has: { item.contains($0.lowercased()) },
        note: { reason, facts in
          var facts = facts
          facts["reason"] = String(reason.prefix(300))
          try await ports.audit.append(
            AuditEvent(
              actor: arguments.askedBy, action: "stale.woken", place: place, decidedBy: "stale",
              job: job, facts: facts))
        })
      return .completed
    } catch let error as ForgeError {
      return try ForgeFailure.outcome(error, at: place, age: age)
    } catch let error as StoreError {
      if error.code == .conflict { return try ForgeFailure.takenOver(at: place, age: age) }
      throw ForgeFailure.failure(error, isQueued: age != nil)
    }
  }
}
