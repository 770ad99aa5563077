import Domain
import Foundation
import Jobs
import Logging
import Notifications
import Storage
import Synchronization
import TestKit
import UseCases
import WebClient

/// The jobs by which people are told, on a real queue, with a receiver behind a socket.
final class NotifyBench: Sendable {
  let receiver: FaultServer
  let notices: SQLNoticeStore
  let jobs: SQLJobStore
  let audit = InMemoryAuditTrail()
  let people: NotifyPeople
  /// Statuses that the receiver answers with, one for each request, then 200.
  let answers: Noted<[Int]>
  private let client = WebClient(configuration: WebClientConfiguration(userAgent: "stet/test"))
  private let folder: URL

  static let now = Date(timeIntervalSince1970: 1_800_014_400)

  init(
    _ policy: NotifyPolicy, mailDomains: [String] = [], signs: Bool = true, answers: [Int] = [],
    forge: (any ForgeOpening)? = nil
  ) async throws {
    let noted = Noted(answers)
    self.answers = noted
    receiver = try await FaultServer { _ in
      var status = 200
      noted.change { if !$0.isEmpty { status = $0.removeFirst() } }
      return .text("", status: status)
    }
    folder = FileManager.default.temporaryDirectory.appending(path: "stet-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    let database = SQLiteDatabase(path: folder.appending(path: "stet.db").path)
    notices = SQLNoticeStore(database)
    jobs = SQLJobStore(database)
    people = NotifyPeople(
      ports: .init(
        notifier: EveryNotifier(
          slack: SlackNotifier(client: client, webhooks: [("slack", receiver.url + "/slack")]),
          mail: nil,
          webhook: WebhookNotifier(
            client: client, address: receiver.url + "/hook",
            key: WebhookKey(String(repeating: "k", count: 32)), addressGuard: AddressGuard())),
        notices: notices, jobs: jobs, audit: audit,
        openForge: { access async throws(ForgeError) in
          guard let forge else {
            throw ForgeError(code: .unauthorized, detail: "no credentials")
          }
          return try await forge.open(access)
        },
        server: NoticeServer(
          policy: policy, mailTo: ["ann@example.org"], mailDomains: mailDomains, signs: signs),
        now: { Self.now }))
  }

  deinit { try? FileManager.default.removeItem(at: folder) }

  var queue: NoticeQueue { NoticeQueue(jobs: jobs) }

  func notice(_ id: String = "review-1", _ severity: Severity = .warning) -> Notice {
    Notice(
      id: id, event: .review, severity: severity, forge: "github",
      repository: RepositoryName(owner: "acme", name: "app"), subject: "acme/app#7",
      headline: "Changes are requested.", at: Self.now, run: "run-1")
  }

  /// Runs what is due. - Returns: what became of each job, by its kind.
  @discardableResult
  func work() async throws -> [String] {
    var endings: [String] = []
    while true {
      let claimed = try await jobs.claim(
        kinds: Array(Work.kinds), limit: 10, worker: "w", lease: .seconds(60))
      if claimed.isEmpty { return endings }
      for one in claimed { endings.append(try await run(one)) }
    }
  }

  private func run(_ claimed: ClaimedJob) async throws -> String {
    let context = JobContext(job: claimed.job, logger: Logger(label: "test"))
    let result: JobResult
    do {
      let outcome =
        switch claimed.job.kind {
        case Work.NotifyPeople.kind: try await people.route(context)
        case Work.DeliverNotice.kind: try await people.deliver(context)
        default: try await people.deliverDigest(context)
        }
      switch outcome {
      case .completed: result = .completed
      case .cancelled(let reason): result = .cancelled(reason: reason)
      case .snoozed(let time, let why): result = .snoozed(time, because: why)
      }
    } catch let failure as JobFailure {
      result =
        failure.isFinal
        ? .discarded(message: failure.message)
        : .failed(message: failure.message, retryAfter: failure.retryAfter ?? .seconds(5))
    }
    _ = try await jobs.finish(claimed.lease, result)
    return "\(claimed.job.kind) \(String("\(result)".prefix { $0 != "(" }))"
  }

  func actions() async throws -> [String] {
    try await audit.entries(after: 0, limit: 100).map(\.event.action)
  }
}

/// Opens a forge, for benches that have one.
protocol ForgeOpening: Sendable {
  func open(_ access: ForgeAccess) async throws(ForgeError) -> any Forge
}
