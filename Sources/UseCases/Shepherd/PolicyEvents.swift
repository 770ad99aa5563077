import Domain
import Jobs

extension HandleEvent {
  /// The jobs that hold the policy against what an event is about.
  func shepherding(_ event: ForgeEvent) -> [NewJob] {
    guard let repository = event.repository else { return [] }
    let isOwn = event.sender.map { ports.isOwn(event.forge, $0) } ?? false
    let access = ForgeAccess(
      forge: event.forge, repository: repository, installation: event.installation)
    let askedBy = "\(event.forge):\(event.sender?.login ?? "unknown")"
    func jobs(
      _ references: [PullRequestReference], _ happened: PolicyEvent?
    ) -> [NewJob] {
      guard let happened else { return [] }
      return references.compactMap { reference in
        try? ShepherdPullRequest.job(
          Work.ShepherdPullRequest(
            access: access, reference: reference, event: happened, actor: event.sender?.login,
            askedBy: askedBy),
          ports.limits, ports.now())
      }
    }
    if case .check(let check) = event.content {
      // Of what Stet does itself only the end of its review brings news.
      if isOwn, !ports.isOwnCheck(check) { return [] }
      guard !["queued", "in_progress", "pending"].contains(check.status) else { return [] }
      // A trial's commit is the head of no pull request: who waits for it is the queue.
      let looks = check.branches.compactMap { branch in
        AdvanceMergeQueue.look(access, trial: branch, commit: check.commit, check: check.name)
      }
      if !looks.isEmpty { return looks }
      if check.pullRequests.isEmpty {
        let work = Work.ShepherdCommit(
          access: access, commit: check.commit, branches: Array(check.branches.prefix(3)),
          actor: event.sender?.login, askedBy: askedBy)
        guard let json = try? work.json() else { return [] }
        // Several checks of one commit often end together; one look is enough for all of them.
        return [
          NewJob(
            kind: Work.ShepherdCommit.kind, arguments: json,
            uniqueKey: "\(WorkLimits.group(access)) \(check.commit)",
            group: WorkLimits.group(access), limits: ports.limits.ofForge(access),
            delay: .seconds(2))
        ]
      }
      return jobs(
        check.pullRequests.prefix(10).map { PullRequestReference(repository, $0) }, .checks)
    }
    if isOwn { return [] }
    switch event.content {
    case .pullRequest(let change, let pull): return jobs([pull.reference], PolicyEvent(change))
    case .review(let review):
      return jobs(
        [review.subject], review.state == "dismissed" ? .reviewDismissed : .reviewed)
    case .reviewThread(_, let reference): return jobs([reference], .threads)
    case .comment(let comment):
      // Two bots that answer each other would go on for ever.
      guard comment.isPullRequest, comment.change == .created, let subject = comment.subject,
        !(event.sender?.isBot ?? true), !comment.comment.author.isBot
      else { return [] }
      return jobs([subject], .commented)
    default: return []
    }
  }
}

extension PolicyEvent {
  fileprivate init?(_ change: ForgeEvent.PullRequestChange) {
    switch change {
    case .opened: self = .opened
    case .reopened: self = .reopened
    case .closed: self = .closed
    case .edited: self = .edited
    case .synchronize: self = .pushed
    case .readyForReview: self = .ready
    case .convertedToDraft: self = .draft
    case .labeled: self = .labeled
    case .unlabeled: self = .unlabeled
    case .assigned, .unassigned: self = .assigned
    case .reviewRequested, .reviewRequestRemoved: self = .reviewRequested
    case .baseChanged: self = .baseChanged
    case .other: return nil
    }
  }
}
