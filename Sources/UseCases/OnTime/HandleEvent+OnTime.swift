import Domain
import Jobs

extension HandleEvent {
  /// The job that has open pull requests looked at again because their base has moved, whoever moved
  /// it: a merge of Stet's own is news for all the others.
  func basePush(_ event: ForgeEvent) -> [NewJob] {
    guard case .push(let push) = event.content, let repository = event.repository,
      push.ref.hasPrefix("refs/heads/"), push.after.contains(where: { $0 != "0" })
    else { return [] }
    let branch = String(push.ref.dropFirst("refs/heads/".count))
    // Trials of the merge queue are nobody's base.
    if branch.hasPrefix("stet-queue/") { return [] }
    let work = Work.ShepherdBase(
      access: access(event, repository), branch: branch, commit: push.after,
      actor: event.sender?.login, askedBy: "\(event.forge):\(event.sender?.login ?? "unknown")")
    return (try? ShepherdBase.job(work, ports.limits)).map { [$0] } ?? []
  }

  /// The job that takes the label of a stale item off, where somebody answered on one of which people
  /// were reminded.
  func waking(_ event: ForgeEvent) async throws -> [NewJob] {
    guard let notes = ports.notes, let repository = event.repository,
      let (reference, answer) = answer(event)
    else { return [] }
    let mark = try await StaleItems.mark(event.forge, reference, in: notes).value
    guard let mark, !mark.isShadow, [.reminding, .reminded, .closing].contains(mark.stage) else {
      return []
    }
    let work = Work.WakeStaleItem(
      access: access(event, repository), reference: reference, answer: answer,
      askedBy: "\(event.forge):\(event.sender?.login ?? "unknown")")
    return [
      NewJob(
        kind: Work.WakeStaleItem.kind, arguments: try work.json(),
        uniqueKey: StaleItems.key(event.forge, reference), group: WorkLimits.group(work.access),
        limits: ports.limits.ofForge(work.access))
    ]
  }

  private func answer(_ event: ForgeEvent) -> (PullRequestReference, String)? {
    guard let sender = event.sender, !ports.isOwn(event.forge, sender) else { return nil }
    switch event.content {
    case .comment(let comment):
      guard comment.change == .created, !sender.isBot, !comment.comment.author.isBot,
        let subject = comment.subject
      else { return nil }
      return (subject, "\(sender.login) answered")
    case .pullRequest(.synchronize, let pull): return (pull.reference, "\(sender.login) pushed")
    case .review(let review):
      return sender.isBot ? nil : (review.subject, "\(sender.login) reviewed it")
    default: return nil
    }
  }

  /// Remembers who sends, so that what recurs knows where to look.
  func remember(_ event: ForgeEvent) async throws {
    guard let register = ports.register else { return }
    if let repository = event.repository {
      return try await register.note(access(event, repository).known)
    }
    guard case .installation(let change) = event.content else { return }
    for repository in change.added { try await register.note(access(event, repository).known) }
    for repository in change.removed {
      try await register.forget(access(event, repository).known)
    }
  }

  /// People are told of a merge whoever made it; the notice of one that Stet made has the same id.
  func tellOfMerge(_ event: ForgeEvent) async throws {
    guard let notices = ports.notices, let repository = event.repository,
      case .pullRequest(.closed, let pull) = event.content, pull.state == .merged
    else { return }
    try await notices.tell(
      PullRequestNotice.merged(
        pull.reference, title: pull.title, url: pull.url, forge: event.forge,
        by: event.sender?.login, at: ports.now()),
      access: access(event, repository))
  }

  private func access(_ event: ForgeEvent, _ repository: RepositoryName) -> ForgeAccess {
    ForgeAccess(
      forge: event.forge, repository: repository, installation: event.installation)
  }
}
