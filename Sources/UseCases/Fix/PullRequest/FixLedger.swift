import Domain
import Foundation
import Synchronization

/// The record of one run while it is made: written before anything is pushed, and at its end,
/// however it ends. What an earlier try of the same job did is kept.
final class FixLedger: Sendable {
  private struct State {
    var document: FixDocument
    var toll = AskedFix.Toll()
    var inputs: [String: String] = [:]
    var isClosed = false
  }

  let trail: ActionTrail
  /// What an earlier try of this job was about to push, or has said.
  let before: FixDocument?
  private let arguments: Work.FixPullRequest
  private let job: String?
  private let runs: any RunStore
  private let now: @Sendable () -> Date
  private let started: Date
  private let earlier: Run?
  private let state: Mutex<State>

  init(
    _ arguments: Work.FixPullRequest, job: String?, runs: any RunStore, audit: any AuditTrail,
    now: @escaping @Sendable () -> Date
  ) async throws(StoreError) {
    self.arguments = arguments
    self.job = job
    self.runs = runs
    self.now = now
    started = now()
    trail = ActionTrail(
      audit, actor: arguments.askedBy, place: "\(arguments.access.forge):\(arguments.reference)",
      decidedBy: Work.FixPullRequest.kind,
      reason: arguments.comment.map { "comment \($0.id) asked for it" } ?? "it was asked for",
      run: arguments.run, job: job)
    let earlier = try await runs.run(id: arguments.run)
    self.earlier = earlier
    before = earlier?.result.flatMap { value in
      (try? JSONEncoder().encode(value)).flatMap {
        try? JSONDecoder().decode(FixDocument.self, from: $0)
      }
    }
    state = Mutex(State(document: FixDocument(run: arguments.run, summary: "It did not end.")))
  }

  var document: FixDocument { state.withLock { $0.document } }

  func change(_ body: (inout FixDocument) -> Void) { state.withLock { body(&$0.document) } }

  func note(_ toll: AskedFix.Toll) {
    state.withLock { state in
      state.toll = toll
      state.document.usage = toll.spending.usage
    }
  }

  func note(input name: String, _ bytes: [UInt8]) {
    let hash = ContentHash.of(bytes)
    state.withLock { $0.inputs[name] = hash }
  }

  /// Before a push: should this stop anywhere after it, the next try knows what was pushed.
  func save() async throws(StoreError) { try await runs.save(run(.failed, "it did not end")) }

  /// Once; a store that is away then loses the end of the record, not what was done.
  func close(_ outcome: Run.Outcome, failure: String?) async {
    let isFirst = state.withLock { state in
      defer { state.isClosed = true }
      return !state.isClosed
    }
    guard isFirst else { return }
    let run = run(outcome, failure)
    // A task of its own: this one may be cancelled.
    await Task { try? await runs.save(run) }.value
  }

  private func run(_ outcome: Run.Outcome, _ failure: String?) -> Run {
    let state = state.withLock { (document: $0.document, toll: $0.toll, inputs: $0.inputs) }
    let result = (try? JSONEncoder().encode(state.document)).flatMap {
      try? JSONDecoder().decode(JSONValue.self, from: $0)
    }
    var masked = earlier?.masked ?? [:]
    for (kind, count) in state.toll.masked { masked[kind, default: 0] += count }
    let actions = (earlier?.actions ?? []) + trail.actions
    return Run(
      id: arguments.run, kind: .fix, startedAt: earlier?.startedAt ?? started,
      seconds: now().timeIntervalSince(started) + (earlier?.seconds ?? 0), outcome: outcome,
      askedBy: arguments.askedBy, subject: "\(arguments.reference)",
      inputs: (earlier?.inputs ?? [:]).merging(state.inputs) { $1 },
      modelCalls: (earlier?.modelCalls ?? []) + state.toll.spending.calls,
      claims: (earlier?.claims ?? 0) + state.toll.claims, masked: masked, review: nil,
      failure: failure, job: job, actions: actions.isEmpty ? nil : actions, result: result)
  }
}
