public import Domain
public import Foundation
public import Jobs

/// Labels of an issue that wait for a person's word.
public struct LabelProposal: Sendable, Hashable {
  /// The job that waits: what `DecideIssueLabels` takes.
  public var job: String
  /// That proposed them.
  public var run: String
  public var forge: String
  public var reference: PullRequestReference
  public var labels: [String]
  /// Text of a model, or of the issue.
  public var summary: String
  /// As `TrackedIssue.Source`.
  public var source: String
  public var duplicates: [TrackedIssue.Duplicate]
  public var since: Date
  /// What somebody has said already, and is being done.
  public var word: Work.ConfirmIssueLabels.Word?
}

/// Lists the proposals that wait, by the jobs that wait for them.
public struct ReadProposals: Sendable {
  private let jobs: any JobStore
  private let publications: any PublicationStore
  private let runs: any RunStore

  public init(jobs: any JobStore, publications: any PublicationStore, runs: any RunStore) {
    self.jobs = jobs
    self.publications = publications
    self.runs = runs
  }

  /// Newest first.
  /// - Parameters:
  ///   - limit: most jobs that are looked at; those whose labels were settled meanwhile are left
  ///     out.
  ///   - before: only those of jobs with a smaller id.
  /// - Returns: `next` is what `before` is for the following page; `nil` where there is none.
  public func page(
    limit: Int, before: String? = nil
  ) async throws -> (proposals: [LabelProposal], next: String?) {
    let waiting = try await jobs.jobs(
      JobFilter(
        states: [.available, .scheduled, .running, .retryable],
        kind: Work.ConfirmIssueLabels.kind, before: before, limit: limit))
    var proposals: [LabelProposal] = []
    for job in waiting {
      guard let work = try? Work.ConfirmIssueLabels(of: job) else { continue }
      let record = try await publications.publication(on: work.access.forge, of: work.reference)
      guard let enrichment = record?.enrichment, enrichment.run == work.run,
        !enrichment.proposed.isEmpty
      else { continue }
      let result = try await runs.run(id: work.run)?.result
      proposals.append(
        LabelProposal(
          job: job.id, run: work.run, forge: work.access.forge, reference: work.reference,
          labels: enrichment.proposed, summary: result?["ai_summary"]?.string ?? "",
          source: result?["source"]?.string ?? "",
          duplicates: (result?["duplicates"]?.array ?? []).compactMap(
            TrackedIssue.Duplicate.init(document:)), since: job.createdAt,
          word: work.word))
    }
    return (proposals, waiting.count == limit ? waiting.last?.id : nil)
  }
}
