import Domain

/// Closes the threads of findings that a later push has taken away.
struct FixedThreads: Sendable {
  let forge: any Forge
  let trail: ActionTrail

  /// A thread is closed where it is Stet's own, the lines that it stands at were changed since, the
  /// review of the new head saw the file and does not find the same again, and nobody else has
  /// spoken in it: what people talk about is theirs to close.
  /// - Parameters:
  ///   - found: fingerprints of everything that the review found, what is silenced included.
  ///   - unseen: paths that it did not look at whole.
  func close(
    _ posted: [Publication.Posted], on reference: PullRequestReference, head: String,
    found: Set<String>, unseen: Set<String>
  ) async throws {
    let gone = Set(
      posted.filter {
        $0.head != head && !found.contains($0.fingerprint) && !unseen.contains($0.path)
      }.map(\.fingerprint))
    guard !gone.isEmpty, forge.capabilities.hasReviewThreads else { return }
    do {
      let own = try await forge.ownAccount()
      for thread in try await forge.reviewThreads(of: reference)
      where !thread.isResolved && thread.isOutdated {
        guard let first = thread.comments.first,
          thread.comments.allSatisfy({ $0.author.isSame(as: own) }),
          case .finding(let fingerprint)? = HiddenMarker(of: first.body),
          gone.contains(fingerprint)
        else { continue }
        try await forge.resolve(thread: thread.id, in: reference.repository)
        try await trail.note(
          "thread.resolved",
          facts: [
            "fingerprint": fingerprint,
            "reason": "its lines were changed and \(head.prefix(8)) does not show it any more",
          ])
      }
    } catch let error as ForgeError where !error.isPassing {
      // The review stands; that a thread stays open is no reason to do it all again.
      try await trail.note(
        "thread.refused", facts: ["reason": SecretMask.masked(error.detail).text])
    }
  }
}
