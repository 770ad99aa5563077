public import Domain
import Foundation
public import Jobs

/// A merge queue as it stands.
public struct MergeQueueState: Sendable, Hashable {
  public struct Entry: Sendable, Hashable {
    public var number: Int
    public var priority: MergePriority
    /// Why it is not merged yet, in one sentence.
    public var why: String
  }

  public var forge: String
  public var repository: RepositoryName
  public var branch: String
  /// The first of them in their order.
  public var entries: [Entry]
  /// All of them.
  public var count: Int
  /// Why nothing is merged there at the moment; `nil` where merges go on.
  public var freeze: String?
  /// Why nobody takes it further; `nil` where somebody does.
  public var stopped: String?
}

/// Lists the merge queues that anything waits in, by the jobs that take them further.
public struct ReadMergeQueues: Sendable {
  private static let mostJobs = 200

  private let jobs: any JobStore
  private let notes: any PolicyNotes

  public init(jobs: any JobStore, notes: any PolicyNotes) {
    self.jobs = jobs
    self.notes = notes
  }

  /// - Parameters:
  ///   - limit: most queues.
  ///   - entries: most entries of each.
  public func queues(limit: Int, entries: Int) async throws -> [MergeQueueState] {
    // One job for each entry. A queue whose jobs were given up stands still, and has to be seen.
    let all = try await jobs.jobs(
      JobFilter(
        states: JobState.allCases.filter { $0 != .completed && $0 != .cancelled },
        kind: Work.AdvanceMergeQueue.kind, limit: Self.mostJobs))
    var seen: [String: Int] = [:]
    var queues: [MergeQueueState] = []
    for job in all {
      guard let work = try? Work.AdvanceMergeQueue(of: job) else { continue }
      let key = AdvanceMergeQueue.key(
        work.access.forge, "\(work.access.repository)", work.branch)
      if let index = seen[key] {
        // One that goes on is enough for all of the queue.
        if job.state != .discarded, index >= 0 { queues[index].stopped = nil }
        continue
      }
      guard queues.count < limit else { break }
      seen[key] = -1
      let memory = try await PolicyMemory(
        key, in: notes, new: AdvanceMergeQueue.State(queue: MergeQueue(branch: work.branch)))
      let queue = memory.value.queue
      guard !queue.entries.isEmpty else { continue }
      seen[key] = queues.count
      queues.append(
        MergeQueueState(
          forge: work.access.forge, repository: work.access.repository, branch: work.branch,
          entries: queue.entries.prefix(entries).map {
            .init(number: $0.number, priority: $0.priority, why: queue.why($0.number))
          }, count: queue.entries.count, freeze: queue.freeze,
          stopped: job.state == .discarded ? job.errors.last?.message ?? "its job failed" : nil))
    }
    return queues.sorted { ("\($0.repository)", $0.branch) < ("\($1.repository)", $1.branch) }
  }
}
