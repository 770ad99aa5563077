import Domain
import Forges
import Foundation
import Jobs
import LanguageModels
import Logging
import Storage
import TestKit
import Testing
import WebClient

@testable import UseCases

/// A forge on which somebody has reviewed for long, a model, and a database on disk.
final class LearningBench: Sendable {
  static let repository = RepositoryName(owner: "octo-org", name: "orders")
  static let lin = ForgeAccount(id: 107, login: "lin", isBot: false)
  static let ada = ForgeAccount(id: 101, login: "ada", isBot: false)
  static let start = Date(timeIntervalSince1970: 1_700_000_000)
  /// In no word of ours.
  static let phrase = "zanzibar quokka"

  let hub = FakeGitHub()
  let server: FaultServer
  let client: WebClient
  let model: AnsweringModel
  let database: SQLiteDatabase
  let jobs: SQLJobStore
  let publications = InMemoryPublicationStore()
  let runs = InMemoryRunStore()
  let audit = InMemoryAuditTrail()
  let consents: SQLConsentStore
  let folder: String
  let ports: LearningPorts
  let time = Noted(Date())
  let access = ForgeAccess(forge: "github", repository: repository)

  /// - Parameter replies: of the model, to whatever it is asked.
  init(
    always reply: FakeModelServer.Reply = .text("Wrap this error: who reads it has no context."),
    trainer: (any LoRATrainer)? = nil, adapters: (any AdapterServer)? = nil,
    settings: LearningSettings = LearningSettings(), usesModel: Bool = true
  ) async throws {
    hub.addRepository(Self.repository, files: ["go.mod": Array("module orders\n".utf8)])
    for account in [Self.lin, Self.ada] { hub.addAccount(account.login, id: account.id) }
    hub.addAccount("ci[bot]", id: 190, isBot: true)
    let token = ["token", "of", "the", "bench"].joined(separator: "-")
    hub.addToken(token, for: "stet-account")
    hub.setPermission(.write, of: "stet-account", in: Self.repository)
    server = try await hub.listen()
    client = WebClient(configuration: WebClientConfiguration(userAgent: "stet/test"))
    model = try await AnsweringModel([], always: reply)
    folder = FileManager.default.temporaryDirectory.path + "/stet-learn-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    database = SQLiteDatabase(path: folder + "/stet.db")
    jobs = SQLJobStore(database)
    let vault = Vault(
      keys: [try #require(SecretKey(bytes: [UInt8](repeating: 7, count: 32)))])
    consents = SQLConsentStore(database, vault: vault)
    // As the service has it: what it keeps of answers is in the same database.
    let validators = SQLValidatorStore(database)
    let connection = try GitHubConnection(
      GitHubConfiguration(
        apiURL: server.url, credentials: .token(token), client: client, validators: validators,
        deadline: .seconds(10), retry: .never))
    // What is read of the past is not.
    let history = try GitHubConnection(
      GitHubConfiguration(
        apiURL: server.url, credentials: .token(token), client: client, deadline: .seconds(10),
        retry: .never))
    let open: ForgeOpener = { access throws(ForgeError) in
      connection.forge(for: access.repository, installation: access.installation)
    }
    let time = self.time
    ports = LearningPorts(
      openForge: open, openHistory: { access, _ in history.forge(for: access.repository) },
      reviewers: SQLReviewerStore(database, vault: vault),
      gatherings: SQLGatheringStore(database, vault: vault),
      index: SQLVectorIndex(database, vault: vault), consents: consents, embedder: nil,
      model: usesModel ? model.model : nil, trainer: trainer, adapters: adapters,
      folders: ReviewerFolders(root: folder + "/reviewers"), publications: publications,
      runs: runs, audit: audit, jobs: jobs,
      dropAnswers: { repository async throws(StoreError) in
        try await validators.removeAll(of: repository)
      },
      settings: settings, callDeadline: .seconds(20), now: { time.now })
  }

  deinit {
    try? FileManager.default.removeItem(atPath: folder)
    let (client, server) = (client, server)
    Task {
      await client.shutdown()
      await server.stop()
    }
  }

  var identity: ReviewerIdentity {
    ReviewerIdentity(forge: "github", repository: Self.repository, user: Self.lin)
  }

  // MARK: The past

  static func source(_ name: String, _ lines: [String]) -> [UInt8] {
    Array((["package \(name)", ""] + lines).map { $0 + "\n" }.joined().utf8)
  }

  /// Pull requests on which lin speaks at errors that are passed on bare, and says nothing of
  /// documents; others speak too.
  @discardableResult
  func addPast(pulls: Int = 12) -> [PullRequestReference] {
    (1...pulls).map { number in
      let lines = [
        "func load\(number)(path string) error {", "\tdata, err := os.ReadFile(path)",
        "\tif err != nil {", "\t\treturn err", "\t}", "\treturn parse\(number)(data)", "}",
      ]
      let pull = hub.addPullRequest(
        in: Self.repository, title: "Load \(number)", author: "ada",
        head: [
          "load\(number).go": Self.source("orders", lines),
          "docs/page\(number).md": Array("# Page \(number)\n\nWords about \(number).\n".utf8),
        ], headBranch: "change-\(number)")
      let hunk =
        "@@ -0,0 +1,9 @@\n+package orders\n+\n"
        + lines.prefix(4).map { "+\($0)" }
        .joined(separator: "\n")
      let at = Self.start.addingTimeInterval(Double(number) * 86_400)
      hub.addPastComment(
        "Wrap this error in load\(number): \(Self.phrase) \(Self.remarks[number % 6]), "
          + (0..<6).map { "reason\(number)x\($0)" }.joined(separator: " ") + ".",
        by: "lin", on: pull, path: "load\(number).go", line: 6, hunk: hunk, at: at)
      hub.addPastComment(
        "LGTM", by: "lin", on: pull, path: "load\(number).go", line: 6, hunk: hunk,
        at: at.addingTimeInterval(60))
      hub.addPastComment(
        "I never say this: \(number) strangers.", by: "grace", on: pull,
        path: "load\(number).go", line: 5, hunk: hunk, at: at.addingTimeInterval(90))
      return pull
    }
  }

  private static let remarks = [
    "who reads it has no context", "name the path that failed", "callers compare it by identity",
    "the retry above hides it", "say which order it was", "it is logged twice otherwise",
  ]

  /// One to be reviewed.
  func addPresent(author: String = "ada") -> PullRequestReference {
    hub.addPullRequest(
      in: Self.repository, title: "Save orders", author: author,
      head: [
        "save.go": Self.source(
          "orders",
          [
            "func save(path string, data []byte) error {",
            "\tif err := os.WriteFile(path, data, 0o600); err != nil {", "\t\treturn err",
            "\t}", "\treturn nil", "}",
          ]),
        "docs/save.md": Array("# Saving\n\nWords about saving.\n".utf8),
      ], headBranch: "save")
  }

  // MARK: Working

  func learning(forceReload: Bool = false, asker: ForgeAccount? = nil) -> Work.LearnReviewer {
    Work.LearnReviewer(
      access: access, user: Self.lin, asker: asker, askedBy: "github:ada",
      forceReload: forceReload, run: "run-learn")
  }

  @discardableResult
  func learn(forceReload: Bool = false) async throws -> JobOutcome {
    try await LearnReviewer(ports: ports).run(learning(forceReload: forceReload), job: nil) { _ in }
  }

  func reviewer() async throws -> LearnedReviewer? { try await ports.reviewers.reviewer(identity) }

  func agree() async throws {
    try await consents.save(
      ReviewerConsent(identity: identity, isGiven: true, at: time.now, by: "comment 1"))
  }

  func asking(
    _ reference: PullRequestReference, tone: ReviewTone = .learned, forceReload: Bool = false,
    run: String = "run-as", asker: ForgeAccount? = ada
  ) -> Work.ReviewAs {
    Work.ReviewAs(
      access: access, reference: reference, user: Self.lin, forceReload: forceReload, tone: tone,
      asker: asker, askedBy: "github:ada", run: run)
  }

  /// Puts a job into the queue.
  func enqueue(_ work: Work.ReviewAs) async throws {
    _ = try await jobs.enqueue([
      NewJob(
        kind: Work.ReviewAs.kind, arguments: try work.json(), uniqueKey: work.run,
        maxAttempts: 2, run: work.run)
    ])
  }

  /// Runs what is enqueued, as a worker does, until nothing is left that is due soon.
  func work(
    within limit: Duration = .seconds(60), with ports: LearningPorts? = nil
  ) async throws {
    let ports = ports ?? self.ports
    let (learn, review) = (
      LearnReviewer(ports: ports), ReviewAs(ports: ports, syntax: DataSyntaxChecker())
    )
    let train = TrainReviewer(ports: ports)
    let worker = Worker(
      store: jobs,
      handlers: [
        JobHandler(
          Work.LearnReviewer.kind, run: { try await learn.handle($0) },
          onGivenUp: { job, _ in await learn.givenUp(job) }),
        JobHandler(
          Work.TrainReviewer.kind, run: { try await train.handle($0) },
          onGivenUp: { job, _ in await train.givenUp(job) }),
        JobHandler(
          Work.ReviewAs.kind,
          run: { context in
            let outcome = try await review.handle(context)
            // Nobody waits for seconds here.
            if case .snoozed(_, let because) = outcome {
              return .snoozed(.milliseconds(20), because: because)
            }
            return outcome
          }, onGivenUp: { await review.givenUp($0, reason: $1) }),
      ],
      signal: JobSignal(), events: JobEvents(),
      settings: WorkerSettings(
        concurrency: 4, grace: .seconds(1), poll: .milliseconds(20),
        retry: JobRetryPolicy(first: .milliseconds(20)), describe: { "\($0)" }, mask: { $0 }),
      logger: Logger(label: "test"))
    let running = Task { try await worker.run() }
    let deadline = ContinuousClock.now + limit
    var isDone = false
    while !isDone, ContinuousClock.now < deadline {
      isDone = try await jobs.jobs(
        JobFilter(states: [.available, .running, .scheduled, .retryable])
      ).isEmpty
      if !isDone { try await Task.sleep(for: .milliseconds(20)) }
    }
    running.cancel()
    _ = await running.result
    if !isDone { Issue.record("jobs are left after \(limit)") }
  }

  // MARK: What came of it

  func likenesses(on reference: PullRequestReference) -> [FakeGitHub.Posted] {
    hub.reviewComments(on: reference).filter { $0.body.hasPrefix("<!-- stet:likeness ") }
  }

  func answers(on reference: PullRequestReference) -> [String] {
    (hub.comments(on: reference).map(\.body) + hub.reviews(of: reference).map(\.body))
      .filter { $0.hasPrefix("<!-- stet:likeness-answer ") }
  }

  /// Everything on disk, as bytes: the database, its log, and the folder of trainings.
  func everythingOnDisk() throws -> [String: Data] {
    var found: [String: Data] = [:]
    let files = FileManager.default.enumerator(atPath: folder)
    while let name = files?.nextObject() as? String {
      let path = folder + "/" + name
      var isFolder: ObjCBool = false
      guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder),
        !isFolder.boolValue
      else { continue }
      found[name] = try Data(contentsOf: URL(filePath: path))
    }
    return found
  }

  func filesHolding(_ text: String) throws -> [String] {
    try everythingOnDisk().filter { $0.value.range(of: Data(text.utf8)) != nil }.map(\.key)
  }

  func rows(_ table: String) async throws -> Int64? {
    try await database.query(SQLStatement("SELECT count(*) FROM \(table)")).first?.integer(0)
  }
}
