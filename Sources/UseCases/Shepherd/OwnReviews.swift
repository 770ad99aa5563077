public import Domain

/// What Stet's own last published review of a pull request found, as policies see it.
public struct OwnReviews: Sendable {
  let publications: any PublicationStore
  let runs: any RunStore

  public init(publications: any PublicationStore, runs: any RunStore) {
    self.publications = publications
    self.runs = runs
  }

  /// Without what somebody with the right asked to be silent about. - Returns: `nil` where none was
  /// published, or where its run is not kept any more.
  public func last(
    of reference: PullRequestReference, on forge: String
  ) async throws(StoreError) -> FactGathering.OwnReview? {
    guard
      let record = try await publications.publication(on: forge, of: reference),
      let head = record.publishedHead, let run = record.run,
      var review = try await runs.run(id: run)?.review
    else { return nil }
    review.findings.removeAll { record.ignored[$0.fingerprint] != nil }
    return FactGathering.OwnReview(head: head, review)
  }
}
