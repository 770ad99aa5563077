import Domain
import Foundation
import Hummingbird
import Jobs
import UseCases

/// `/`: how Stet is doing.
struct OverviewPage {
  struct View {
    struct Count {
      var state: String
      var count: String
      var place: String
      var isBad: Bool
    }

    struct Failure {
      var what: String
      var place: String
      var why: String
      var when: TimeView
      var state: String
      /// For a button; `nil` where it cannot be tried again.
      var retries: String?
    }

    struct Queue {
      var name: String
      var link: String?
      var size: String
      var freeze: String?
      var stopped: String?
      var entries: [Entry]
      var isCut: Bool
    }

    struct Entry {
      var number: Int
      var entryLink: String?
      var why: String
      var isUrgent: Bool
      var priority: String
    }

    struct Spending {
      var repository: String
      var tokens: String
      var share: String
      /// 0 to 100, for `<meter>`.
      var percent: Int
      var isSpent: Bool
    }

    struct Budget {
      var perDay: String
      var spendings: [Spending]
    }

    var counts: [Count]
    var waiting: String
    var isLate: Bool
    var runs: [RunRow]
    var failures: [Failure]
    var queues: [Queue]
    var budget: Budget?
    var proposals: String?
  }

  /// A job that waits for longer means that no worker takes it.
  private static let late = Duration.seconds(300)

  let ports: ServerPorts
  let links: PageLinks

  @Sendable func show(_ request: Request, _ context: ServerContext) async throws -> Response {
    let overview = try await ReadOverview(
      jobs: ports.jobs, runs: ports.runs, notes: ports.dashboard.notes,
      budget: ports.dashboard.budget
    ).overview()
    return try PageTemplates.response(
      "overview", try await view(overview), title: "Overview", context: context)
  }

  private func view(_ overview: Overview) async throws -> View {
    let now = ports.now()
    let proposals = try await waitingProposals()
    return View(
      counts: JobState.allCases.map { state in
        let count = overview.jobs[state] ?? 0
        return View.Count(
          state: state.rawValue, count: PageText.grouped(count),
          place: "/ui/jobs?state=\(state.rawValue)", isBad: state == .discarded && count > 0)
      },
      waiting: overview.oldestDue.map {
        "The oldest job that is due has waited for \(PageText.span($0 / .seconds(1)))."
      } ?? "No job that is due waits.",
      isLate: overview.oldestDue.map { $0 >= Self.late } ?? false,
      runs: overview.runs.map { RunRow($0, links, now) }, failures: failures(overview, now),
      queues: overview.queues.map(queue), budget: overview.budget.map(Self.budget),
      proposals: proposals)
  }

  private func waitingProposals() async throws -> String? {
    guard let publications = ports.dashboard.publications else { return nil }
    let most = 20
    let page = try await ReadProposals(
      jobs: ports.jobs, publications: publications, runs: ports.runs
    ).page(limit: most)
    let count = page.proposals.count { $0.word == nil }
    guard count > 0 else { return nil }
    return page.next == nil
      ? PageText.count(count, "proposal") + (count == 1 ? " waits" : " wait")
      : "More than \(count) proposals wait"
  }

  private func failures(_ overview: Overview, _ now: Date) -> [View.Failure] {
    let ofJobs = overview.failedJobs.map { job in
      View.Failure(
        what: job.kind,
        place: job.run.map { PageLinks.jobs(ofRun: $0) }
          ?? "/ui/jobs?state=\(job.state.rawValue)",
        why: PageText.line(
          job.errors.last?.message ?? "It left no message.", limit: 400),
        when: TimeView(job.errors.last?.at ?? job.finishedAt ?? job.createdAt, now: now),
        state: job.state == .discarded
          ? "given up after \(PageText.count(job.attempt, "try", "tries"))"
          : "is tried again \(TimeView(job.scheduledAt, now: now).ago)",
        retries: job.id)
    }
    // A job that failed has told already.
    let told = Set(overview.failedJobs.compactMap(\.run))
    let ofRuns = overview.failedRuns.filter { !told.contains($0.id) }.map { run in
      View.Failure(
        what: "\(run.kind.rawValue) of \(PageText.line(run.subject, limit: 100))",
        place: PageLinks.run(run.id),
        why: PageText.line(run.failure ?? "It left no message.", limit: 400),
        when: TimeView(run.startedAt, now: now), state: "failed", retries: nil)
    }
    return ofJobs + ofRuns
  }

  private func queue(_ queue: MergeQueueState) -> View.Queue {
    View.Queue(
      name: "\(queue.repository), \(PageText.line(queue.branch, limit: 100))",
      link: PageLinks.report(queue.repository),
      size: PageText.count(queue.count, "pull request"),
      freeze: queue.freeze.map { PageText.line($0, limit: 300) },
      stopped: queue.stopped.map { PageText.line($0, limit: 400) },
      entries: queue.entries.map { entry in
        View.Entry(
          number: entry.number,
          entryLink: links.issue(queue.forge, queue.repository, entry.number),
          why: PageText.line(Self.reason(entry), limit: 400), isUrgent: entry.priority > .normal,
          priority: entry.priority.rawValue)
      }, isCut: queue.count > queue.entries.count)
  }

  /// The sentence without the number at its beginning, which stands before it as a link.
  private static func reason(_ entry: MergeQueueState.Entry) -> String {
    let number = "#\(entry.number) "
    return entry.why.hasPrefix(number) ? String(entry.why.dropFirst(number.count)) : entry.why
  }

  private static func budget(_ budget: Overview.Budget) -> View.Budget {
    View.Budget(
      perDay: PageText.grouped(budget.perDay),
      spendings: budget.uses.map { use in
        let share = Double(use.tokens) / Double(max(1, budget.perDay))
        return View.Spending(
          repository: PageText.line(use.repository), tokens: PageText.grouped(use.tokens),
          share: "\(Int((share * 100).rounded(.down))) %",
          percent: min(100, max(0, Int(share * 100))), isSpent: share >= 1)
      })
  }
}
