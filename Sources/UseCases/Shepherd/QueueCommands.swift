import Domain
import Foundation
import Jobs

/// `queue`, `dequeue` and `why`, asked by somebody who may.
struct QueueCommands: Sendable {
  let conversation: CommandConversation
  let notes: any PolicyNotes
  let policy: ShepherdPolicy

  func answer(_ command: CommentCommand) async throws -> String? {
    let (access, subject) = (conversation.arguments.access, conversation.subject)
    var needs = PolicyNeeds(policy)
    needs.addGate(policy.merge)
    let facts = try await FactGathering(forge: conversation.forge, needs: needs).facts(
      of: subject, event: .command, actor: conversation.author.login,
      review: try await OwnReviews(
        publications: conversation.ports.publications, runs: conversation.ports.runs
      ).last(of: subject, on: access.forge), now: conversation.ports.now())
    let blockers = MergeGate(policy).blockers(facts, expectedHead: facts.headCommit)
    let why = Defanged.message(blockers.map(\.detail).joined(separator: "; "), limit: 1_000)
    switch command {
    case .queue:
      // To wait for the end of a freeze and for what the base holds is what a queue is for.
      guard blockers.allSatisfy({ $0.code == .frozen || $0.code == .behind }) else {
        return "Not queued: \(why)."
      }
      try await AdvanceMergeQueue.enqueue(
        facts, .normal, policy, notes: notes, forge: access.forge)
      _ = try await conversation.ports.jobs.enqueue([
        try AdvanceMergeQueue.job(access, branch: facts.base, number: facts.number)
      ])
      try await conversation.trail.note("queue.entered", facts: ["head": facts.headCommit])
    case .dequeue:
      try await AdvanceMergeQueue.remove(
        subject.number, because: "asked by \(conversation.author.login)", access: access,
        branch: facts.base, notes: notes)
      try await conversation.trail.note("queue.removed")
    default: break
    }
    let told = try await AdvanceMergeQueue.why(
      subject.number, forge: access.forge, repository: access.repository, branch: facts.base,
      notes: notes)
    if let told, command != .why || blockers.isEmpty { return told }
    return blockers.isEmpty
      ? "Nothing stands in the way of a merge; no rule and nobody has asked for one."
      : "Not merging: \(why)."
  }
}
