import Domain
import Foundation

/// Carries out one order of a merge queue, and tells what came of it.
struct QueueRound: Sendable {
  let forge: any Forge
  let repository: RepositoryName
  let policy: ShepherdPolicy
  let state: AdvanceMergeQueue.State
  let now: @Sendable () -> Date
  let appearance: TimeInterval
  /// What Stet itself found of each.
  let reviews: OwnReviews
  let forgeName: String
  /// Whether the merge that waits does so for the end of a freeze.
  private(set) var isFrozen = false

  init(
    forge: any Forge, repository: RepositoryName, policy: ShepherdPolicy,
    state: AdvanceMergeQueue.State, now: @escaping @Sendable () -> Date, appearance: TimeInterval,
    reviews: OwnReviews, forgeName: String
  ) {
    self.forge = forge
    self.repository = repository
    self.policy = policy
    self.state = state
    self.now = now
    self.appearance = appearance
    self.reviews = reviews
    self.forgeName = forgeName
  }

  /// Of a trial. Workflows that are to run on it listen to pushes to `stet-queue/**`.
  static func branch(_ base: String, _ batch: Int) -> String { "stet-queue/\(base)/\(batch)" }

  /// The branch that a trial is for; `nil` where it is none's.
  static func base(ofTrial branch: String) -> String? {
    let parts = branch.split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count > 2, parts[0] == "stet-queue", Int(parts[parts.count - 1]) != nil else {
      return nil
    }
    return parts[1..<(parts.count - 1)].joined(separator: "/")
  }

  /// The first order that something comes of now; `nil`: all of them wait.
  func next() async throws(ForgeError) -> MergeQueue.Order? {
    for order in state.queue.orders {
      guard case .test(let batch, let commit, _) = order else { return order }
      if try await verdict(batch, commit) != nil { return order }
    }
    return nil
  }

  /// - Returns: `nil` where it has to be waited for.
  mutating func event(of order: MergeQueue.Order) async throws -> MergeQueue.Event? {
    switch order {
    case .build(let batch, let trial, let entries):
      return try await build(batch, upon: trial, entries)
    case .test(let batch, let commit, _): return try await verdict(batch, commit)
    case .merge(let entry, let together): return try await merge(entry, together)
    }
  }

  private func build(
    _ batch: Int, upon trial: String?, _ entries: [MergeQueue.Entry]
  ) async throws(ForgeError) -> MergeQueue.Event? {
    for entry in entries {
      let pull = try await forge.pullRequest(PullRequestReference(repository, entry.number))
      if pull.state == .merged, let tip = try await tip() {
        return .merged(number: entry.number, base: tip)
      }
      if pull.state != .open { return .removed(number: entry.number, reason: "it was closed") }
      if pull.head != entry.head { return .headMoved(number: entry.number, head: pull.head) }
      if let elsewhere = elsewhere(pull.baseBranch) {
        return .removed(number: entry.number, reason: elsewhere)
      }
    }
    guard let base = try await tip() else {
      throw ForgeError(
        code: .notFound, detail: "\(repository) has no branch \(state.queue.branch)")
    }
    do {
      let made = try await forge.makeTrial(
        branch: Self.branch(state.queue.branch, batch), upon: trial ?? base,
        heads: entries.map { ($0.number, $0.head) }, in: repository)
      switch made {
      case .built(let commit): return .built(batch: batch, base: base, trial: commit)
      case .conflicted(let number): return .conflicted(batch: batch, number: number)
      }
    } catch {
      // What the forge does not let Stet do is told where it was asked for.
      guard let entry = entries.first, [.unauthorized, .rejected, .notFound].contains(error.code)
      else { throw error }
      return .removed(
        number: entry.number,
        reason: "no trial branch can be made: \(SecretMask.masked(error.detail).text)")
    }
  }

  /// A merge goes into whatever base the forge knows: the queue's own is what was tried.
  private func elsewhere(_ base: String) -> String? {
    base == state.queue.branch ? nil : "it is for \(base) now"
  }

  private func tip() async throws(ForgeError) -> String? {
    try await forge.tip(of: state.queue.branch, in: repository)
  }

  // MARK: Checks

  private func verdict(
    _ batch: Int, _ commit: String
  ) async throws(ForgeError) -> MergeQueue.Event? {
    let checks = try await forge.allChecks(on: commit, in: repository)
    let protection = try await forge.protection(of: state.queue.branch, in: repository)
    let waited = state.since[batch].map { now().timeIntervalSince($0) } ?? 0
    let needed = (protection?.checks ?? []).map { NameGlob($0) } + policy.merge.checks
    func isNeeded(_ name: String) -> Bool { needed.contains { $0.matches(name) } }
    let counted = checks.filter { check in
      isNeeded(check.name) || !policy.merge.ignoredChecks.contains { $0.matches(check.name) }
    }
    if let red = counted.first(where: { !$0.conclusion.isGreen && $0.conclusion != .pending }) {
      return .failed(
        batch: batch,
        reason:
          "the check '\(red.name)' of its trial is \(red.conclusion.rawValue.replacing("_", with: " "))"
      )
    }
    let isMissing = needed.contains { glob in !counted.contains { glob.matches($0.name) } }
    let waits =
      isMissing || counted.contains { $0.conclusion == .pending }
      || (counted.isEmpty && waited < appearance)
    if !waits { return .passed(batch: batch) }
    if waited > Double(policy.queue.timeout) {
      return .failed(batch: batch, reason: "the checks of its trial did not end in time")
    }
    return nil
  }

  // MARK: Merging

  private mutating func merge(
    _ entry: MergeQueue.Entry, _ together: [MergeQueue.Entry]
  ) async throws -> MergeQueue.Event? {
    var needs = PolicyNeeds(policy)
    needs.addGate(policy.merge)
    let gathering = FactGathering(forge: forge, needs: needs)
    guard let base = try await tip() else { return nil }
    if together.isEmpty {
      // What left the queue, or what its trial stood on, is not merged however its gate stands.
      let pull = try await forge.pullRequest(PullRequestReference(repository, entry.number))
      return pull.state == .merged
        ? .merged(number: entry.number, base: base)
        : .notMerged(number: entry.number, base: base)
    }
    for one in together {
      let reference = PullRequestReference(repository, one.number)
      let facts = try await gathering.facts(
        of: reference, event: .checks, review: try await reviews.last(of: reference, on: forgeName),
        now: now())
      if facts.state == .merged {
        if one.number == entry.number { return .merged(number: one.number, base: base) }
        return .removed(number: one.number, reason: "it was merged by another's hand")
      }
      if let elsewhere = elsewhere(facts.base) {
        return refusal(of: one, for: entry, elsewhere)
      }
      // What the base holds was tried together with it.
      let blockers = MergeGate(policy).blockers(facts, expectedHead: one.head).filter {
        $0.code != .behind
      }
      guard let lasting = blockers.first(where: { !Self.passes($0.code) }) else {
        guard let first = blockers.first else { continue }
        isFrozen = blockers.contains { $0.code == .frozen }
        guard !isFrozen, isOverdue(entry) else { return nil }
        return refusal(of: one, for: entry, "it waited for too long: \(first.detail)")
      }
      return refusal(of: one, for: entry, lasting.detail)
    }
    if base != state.queue.base { return .notMerged(number: entry.number, base: base) }
    let reference = PullRequestReference(repository, entry.number)
    do throws(ForgeError) {
      let commit = try await forge.merge(
        reference, expectedHead: entry.head, method: policy.queue.method ?? policy.merge.method,
        title: nil, message: nil)
      return .merged(number: entry.number, base: commit)
    } catch {
      switch error.code {
      case .conflict:
        // Where the branch has not moved after all, the forge is asked again later.
        guard let tip = try await tip(), tip != base else {
          guard isOverdue(entry) else { return nil }
          return .refused(number: entry.number, reason: SecretMask.masked(error.detail).text)
        }
        return .notMerged(number: entry.number, base: tip)
      case .rejected, .unauthorized, .notFound:
        return .refused(number: entry.number, reason: SecretMask.masked(error.detail).text)
      default: throw error
      }
    }
  }

  private func refusal(
    of one: MergeQueue.Entry, for entry: MergeQueue.Entry, _ reason: String
  ) -> MergeQueue.Event {
    one.number == entry.number
      ? .refused(number: one.number, reason: reason)
      : .removed(number: one.number, reason: reason)
  }

  /// Whether it has waited for so long that the others behind it are not to wait with it.
  private func isOverdue(_ entry: MergeQueue.Entry) -> Bool {
    guard let held = state.held, held.number == entry.number, held.head == entry.head else {
      return false
    }
    return now().timeIntervalSince(held.since) > Double(policy.queue.timeout)
  }

  /// What goes away by waiting.
  private static func passes(_ code: MergeGate.Code) -> Bool {
    code == .checkPending || code == .notKnown || code == .frozen
  }
}
