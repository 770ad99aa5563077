import Domain

/// The check of a commit from its beginning to its end. An open check is one whose commit stands in
/// the record, so that whoever takes the record over can conclude it.
extension PullRequestAttempt {
  func takeClaim() async throws -> PublicationClaim {
    try await PublicationClaim.take(
      ports.publications, forge: arguments.access.forge, reference: arguments.reference,
      by: PublicationClaim.Claimant(run: arguments.run, now: ports.review.now), noting: held)
  }

  func begin(_ pull: PullRequest, claim: inout PublicationClaim) async throws {
    let (head, record) = (pull.head, claim.record)
    if record.checkHead == head, record.check != nil || !forge.capabilities.hasCheckRuns { return }
    if record.checkHead == head, let cutOff = await begunUnheard(on: head) {
      return try await claim.update { $0.check = cutOff }
    }
    if record.checkHead != nil, record.checkHead != head {
      try await concludeOpenCheck(CheckConclusion.superseded, &claim)
    }
    // Before the call: should this stop within it, the next to look knows of the check.
    try await claim.update { record in
      record.check = nil
      record.checkHead = head
    }
    switch await open(head) {
    case .success(let check):
      do {
        try await keep(check, head, &claim)
      } catch {
        // Where the store is down the record still names this head, and the next try goes on with
        // the check. Else nobody knows of it.
        if !(error is StoreError) { await takeBack(check, on: head) }
        throw error
      }
    case .failure(let error):
      // It may have arrived.
      if error.code == .cancelled { await takeBack(nil, on: head) }
      if error.isPassing { throw error }
      try await trail.note("check.refused", facts: ["head": head, "error": error.code.rawValue])
      try await claim.update { $0.checkHead = nil }
    }
  }

  /// A check that a try has begun of which the answer never came, so that there are not two of one
  /// name, one of them turning for ever.
  private func begunUnheard(on head: String) async -> Int64? {
    (try? await forge.unfinishedCheck(on: head, of: arguments.reference)) ?? nil
  }

  private func open(_ head: String) async -> Result<Int64?, ForgeError> {
    do {
      return .success(
        try await forge.setCheck(
          CheckConclusion.begun(ports.detailsURL(arguments.run)), on: head,
          of: arguments.reference, existing: nil))
    } catch {
      return .failure(error)
    }
  }

  private func keep(
    _ check: Int64?, _ head: String, _ claim: inout PublicationClaim
  ) async throws {
    try await trail.note("check.begun", facts: ["head": head])
    try Task.checkCancellation()
    try await claim.update { $0.check = check }
  }

  /// Best effort, of a check that this try has just opened and does not go on with.
  private func takeBack(_ check: Int64?, on head: String) async {
    // A task of its own: this one may be cancelled.
    await Task { await conclude(check, on: head) }.value
  }

  private func conclude(_ check: Int64?, on head: String) async {
    let record = try? await ports.publications.publication(
      on: arguments.access.forge, of: arguments.reference)
    let isPublished = record?.checkHead == nil && record?.publishedHead == head
    // Without a number of its own the call would hide what another concludes, now or later.
    if check == nil, isPublished { return }
    var check = check
    if check == nil, forge.capabilities.hasCheckRuns {
      check = await begunUnheard(on: head)
      guard check != nil else { return }
    }
    // Of two checks of one name the later one is shown: it says what the other does.
    let said = isPublished ? record?.said?.check : nil
    _ = try? await forge.setCheck(
      said ?? CheckConclusion.superseded, on: head, of: arguments.reference, existing: check)
  }

  /// - Throws: `ForgeError` where another try may conclude it.
  func giveUp(_ reason: String) async throws {
    do {
      var claim = try await takeClaim()
      try await concludeOpenCheck(CheckConclusion.ended(.neutral, reason), &claim)
      try await claim.release()
    } catch {
      await letGo()
      throw error
    }
  }

  /// However the try ended: what it has claimed and not released is released.
  func letGo() async {
    await held.release(
      in: ports.publications, forge: arguments.access.forge, reference: arguments.reference)
  }

  func concludeOpenCheck(
    _ state: CheckState, _ claim: inout PublicationClaim
  ) async throws {
    guard let head = claim.record.checkHead else { return }
    var check = claim.record.check
    if check == nil {
      check = await begunUnheard(on: head)
      try await claim.confirm()
    }
    var concluded: Int64??
    do {
      concluded = try await forge.setCheck(
        state, on: head, of: arguments.reference, existing: check)
      try await trail.note(
        "check.concluded", facts: ["head": head, "conclusion": state.progress.rawValue])
    } catch let error as ForgeError where !error.isPassing {
      try await trail.note("check.refused", facts: ["head": head, "error": error.code.rawValue])
    }
    try await claim.update { record in
      record.check = nil
      record.checkHead = nil
      if let concluded, record.publishedHead == head {
        record.said?.check = state
        record.said?.checkID = concluded
      }
    }
  }
}
