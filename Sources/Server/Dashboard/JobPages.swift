import Domain
import Foundation
import Hummingbird
import Jobs
import UseCases

/// `/ui/jobs`: what is done in the background.
struct JobPages {
  struct View {
    struct Filter {
      var name: String
      var count: String
      var place: String
      var isChosen: Bool
    }

    struct Row {
      var id: String
      var kind: String
      var isUnknown: Bool
      var state: String
      var tone: String
      var created: TimeView
      var group: String?
      var attempts: String
      var due: String?
      var note: String?
      var errors: [Failure]
      var lastError: String?
      var runPlace: String?
      var canRetry: Bool
      var canCancel: Bool
    }

    struct Failure {
      var attempt: Int
      var at: TimeView
      var message: String
    }

    var filters: [Filter]
    var jobs: [Row]
    var older: String?
    var isFirst: Bool
    /// What the list holds, such as `discarded`.
    var chosen: String?
  }

  let ports: ServerPorts

  @Sendable func list(_ request: Request, _ context: ServerContext) async throws -> Response {
    let query = Query(request)
    let before = try Paging.before(request)
    let state = try query["state"].flatMap { $0.isEmpty ? nil : $0 }.map { name in
      guard let state = JobState(rawValue: name) else {
        let words = JobState.allCases.map(\.rawValue).joined(separator: ", ")
        throw Problem.fields([.init(field: "state", message: "It has to be one of \(words).")])
      }
      return state
    }
    let run = query["run"].map { String($0.lowercased().prefix(100)) }
    let jobs = try await ports.jobs.jobs(
      JobFilter(states: state.map { [$0] } ?? [], run: run, before: before, limit: Paging.rows))
    let counts = try await ports.jobs.counts()
    let now = ports.now()
    var further = state.map { "&state=\($0.rawValue)" } ?? ""
    if let run { further += "&run=\(DashboardDoor.encoded(run))" }
    let all = counts.values.reduce(0, +)
    let view = View(
      filters: [
        View.Filter(
          name: "all", count: PageText.grouped(all), place: "/ui/jobs",
          isChosen: state == nil && run == nil)
      ]
        + JobState.allCases.map {
          View.Filter(
            name: $0.rawValue, count: PageText.grouped(counts[$0] ?? 0),
            place: "/ui/jobs?state=\($0.rawValue)", isChosen: state == $0)
        },
      jobs: jobs.map { Self.row($0, now) },
      older: jobs.count == Paging.rows
        ? jobs.last.map { "/ui/jobs?before=\(DashboardDoor.encoded($0.id))\(further)" } : nil,
      isFirst: before == nil,
      chosen: state?.rawValue ?? run.map { "of the run \(PageText.line($0, limit: 60))" })
    var context = context
    context.said = query["said"]
    return try PageTemplates.response("jobs", view, title: "Jobs", context: context)
  }

  private static func row(_ job: Job, _ now: Date) -> View.Row {
    let waits = [.scheduled, .retryable, .available].contains(job.state)
    let errors = job.errors.reversed().map { failure in
      View.Failure(
        attempt: failure.attempt, at: TimeView(failure.at, now: now),
        message: PageText.line(failure.message, limit: 1_000))
    }
    let tone =
      switch job.state {
      case .completed: "good"
      case .discarded: "bad"
      case .retryable: "warn"
      default: "mild"
      }
    return View.Row(
      id: job.id, kind: PageText.line(job.kind, limit: 80),
      isUnknown: !Work.kinds.contains(job.kind), state: job.state.rawValue, tone: tone,
      created: TimeView(job.createdAt, now: now),
      group: job.group.map { PageText.line($0, limit: 120) },
      attempts: "\(job.attempt) of \(PageText.count(job.maxAttempts, "try", "tries"))",
      due: waits && job.scheduledAt > now ? TimeView(job.scheduledAt, now: now).ago : nil,
      note: job.isWaitingNote ? job.note.map { PageText.line($0, limit: 400) } : nil,
      errors: errors, lastError: errors.first?.message,
      runPlace: job.run.map(PageLinks.run), canRetry: JobActions.canRetry(job),
      canCancel: !job.state.isFinal && !job.cancelRequested)
  }

  @Sendable func retry(_ request: Request, _ context: ServerContext) async throws -> Response {
    let job = try await JobActions(ports: ports).retry(context)
    return DashboardDoor.redirect("/ui/jobs?state=\(job.state.rawValue)&said=retried")
  }

  @Sendable func cancel(_ request: Request, _ context: ServerContext) async throws -> Response {
    let job = try await JobActions(ports: ports).cancel(context)
    return DashboardDoor.redirect(
      "/ui/jobs?state=\(job.state.rawValue)&said=\(job.state.isFinal ? "cancelled" : "stopping")")
  }
}

extension Job {
  /// A note says why it waits, or why it was cancelled.
  fileprivate var isWaitingNote: Bool { state != .completed && state != .running }
}
