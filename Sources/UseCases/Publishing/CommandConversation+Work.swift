import Domain
import Foundation
import Jobs

/// What a command begins and another job does.
extension CommandConversation {
  func enqueueReview() async throws {
    try await react()
    let review = Work.ReviewPullRequest(
      access: arguments.access, reference: subject,
      askedBy: "\(arguments.access.forge):\(author.login)",
      run: TimeOrderedID.next(ports.now()), isAskedFor: true)
    _ = try await ports.jobs.enqueue([
      NewJob(
        kind: Work.ReviewPullRequest.kind, arguments: try review.json(),
        uniqueKey: "\(review.supersedeKey) comment \(event.comment.id)",
        supersedeKey: review.supersedeKey, group: WorkLimits.group(review.access),
        limits: ports.limits.ofReview(review.access), priority: -1, run: review.run)
    ])
    try await trail.note("review.enqueued", facts: ["run": review.run])
  }

  func enqueueEnrichment() async throws {
    try await react()
    let work = Work.EnrichForgeIssue(
      access: arguments.access, reference: subject,
      askedBy: "\(arguments.access.forge):\(author.login)",
      run: TimeOrderedID.next(ports.now()), cause: .asked,
      comment: CommentReference(event.kind, event.comment.id))
    _ = try await ports.jobs.enqueue([
      NewJob(
        kind: Work.EnrichForgeIssue.kind, arguments: try work.json(),
        uniqueKey: "\(work.supersedeKey) comment \(event.comment.id)",
        supersedeKey: work.supersedeKey, group: WorkLimits.group(work.access),
        limits: ports.limits.ofForge(work.access) + ports.limits.ofModel, priority: -1,
        run: work.run)
    ])
    try await trail.note("enrichment.enqueued", facts: ["run": work.run])
  }

  /// - Parameter finding: in whose thread it is asked.
  func enqueueFix(_ paths: [String], _ finding: String?) async throws {
    try await react()
    let fix = Work.FixPullRequest(
      access: arguments.access, reference: subject,
      askedBy: "\(arguments.access.forge):\(author.login)",
      run: TimeOrderedID.next(ports.now()), paths: paths,
      comment: CommentReference(event.kind, event.comment.id),
      thread: threadRoot, finding: finding, login: author.login)
    let place = "\(arguments.access.forge):\(subject)".lowercased()
    _ = try await ports.jobs.enqueue([
      NewJob(
        kind: Work.FixPullRequest.kind, arguments: try fix.json(),
        uniqueKey: "fix \(place) \(event.kind.rawValue) \(event.comment.id) \(paths)",
        group: WorkLimits.group(fix.access), limits: ports.limits.ofReview(fix.access),
        priority: -1, run: fix.run)
    ])
    try await trail.note("fix.enqueued", facts: ["run": fix.run])
  }
}
