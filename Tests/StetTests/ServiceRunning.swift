import Domain
import Foundation
import Jobs
import Storage
import TestKit
import Testing
import WebClient

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// `stet serve` as a user runs it: the built program on a data folder of its own, a GitHub behind a
/// socket, and no setting that a test did not give.
final class ServiceRunning {
  enum Credentials: String, Sendable, CaseIterable { case token, app, none }

  let program: ProgramRunning
  let hub = FakeGitHub()
  let forge: FaultServer
  let data: String
  /// Made at run time, so that no secret stands in the repository.
  let token = ["token", "of", "the", "service", UUID().uuidString].joined(separator: "-")
  let secret = ["secret", "of", "webhooks", UUID().uuidString].joined(separator: "-")
  let appKey: GitHubAppKey?
  var environment: [String: String] = [:]
  private(set) var current: StartedService?
  private static let client = WebClient(
    configuration: WebClientConfiguration(userAgent: "GitHub-Hookshot/fake"))
  private var database: (any SQLDatabase)?

  var folder: TemporaryFolder { program.folder }

  /// One pair of keys for all tests: making one takes a while.
  private static let sharedKey = try? GitHubAppKey()

  /// - Parameters:
  ///   - data: the data folder; one in the test's own folder by default.
  ///   - note: told of each exchange with the forge before its answer is sent.
  init(
    _ credentials: Credentials = .token, data: String? = nil,
    note: @escaping @Sendable (FakeGitHub.Exchange) -> Void = { _ in }
  ) async throws {
    program = try ProgramRunning()
    self.data = data ?? program.folder.path + "/data"
    forge = try await hub.listen(note: note)
    environment = [
      "STET_LISTEN": "127.0.0.1:0", "STET_DATA_DIR": self.data, "GITHUB_API_URL": forge.url,
      "GITHUB_WEBHOOK_SECRET": secret, "STET_GRACE": "2",
    ]
    switch credentials {
    case .none: appKey = nil
    case .token:
      appKey = nil
      hub.addToken(token, for: "stet-account")
      environment["GITHUB_TOKEN"] = token
    case .app:
      let key = try #require(Self.sharedKey)
      appKey = key
      hub.addApp(id: 77, slug: "stet-test", publicKeyPEM: key.publicPEM)
      environment["GITHUB_APP_ID"] = "77"
      environment["GITHUB_APP_PRIVATE_KEY"] = try program.folder.write(
        key.privatePEM, to: "app.pem")
    }
  }

  deinit { current?.kill() }

  // MARK: The program

  /// Starts a server, and waits until it says where it listens.
  @discardableResult
  func start(_ arguments: [String] = []) async throws -> StartedService {
    let service = try StartedService(try launched(["serve"] + arguments))
    current = service
    try await service.listens()
    return service
  }

  /// Starts a server that is expected to end by itself.
  func startInVain(
    _ arguments: [String] = [], environment: [String: String] = [:]
  ) async throws -> ReviewOutcome {
    let service = try StartedService(
      try launched(["serve"] + arguments, environment: environment))
    return try await service.ended(within: .seconds(10))
  }

  /// Starts another server or worker beside the first; whoever asks for it ends it.
  func startBeside(
    _ arguments: [String], environment: [String: String] = [:]
  ) async throws -> StartedService {
    let service = try StartedService(try launched(arguments, environment: environment))
    if arguments.first == "serve" {
      try await service.listens()
    } else {
      try await eventually("a worker that is ready", within: .seconds(15)) {
        service.log.contains(" ready ") || !service.process.isRunning
      } told: {
        service.log
      }
    }
    return service
  }

  /// Any other command, with the same settings.
  func stet(
    _ arguments: [String], environment: [String: String] = [:]
  ) async throws -> ReviewOutcome {
    try await StartedService(try launched(arguments, environment: environment))
      .ended(within: .seconds(60))
  }

  /// - Parameter program: the built one by default.
  func launched(
    _ arguments: [String], environment: [String: String] = [:],
    program: String = ProgramRunning.program
  ) throws -> Launch {
    let path = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin"
    let process = Process()
    process.executableURL = URL(filePath: program)
    process.arguments = arguments
    process.environment = ["HOME": folder.path + "/home", "PATH": path]
      .merging(self.environment) { $1 }.merging(environment) { $1 }
    process.currentDirectoryURL = URL(filePath: folder.path)
    // Files rather than pipes: they take any amount while nobody reads.
    let out = try folder.write("", to: "stdout-\(UUID().uuidString)")
    let err = try folder.write("", to: "stderr-\(UUID().uuidString)")
    process.standardOutput = FileHandle(forWritingAtPath: out)
    process.standardError = FileHandle(forWritingAtPath: err)
    process.standardInput = FileHandle.nullDevice
    return Launch(process: process, output: out, error: err)
  }

  // MARK: Asking it

  func ask(
    _ method: String = "GET", _ path: String, headers: [(String, String)] = [],
    body: String? = nil
  ) async throws -> WebResponse {
    let url = try #require(current).url
    var all = WebHeaders()
    for (name, value) in headers { all.add(name, value) }
    if body != nil, all["content-type"] == nil { all.add("content-type", "application/json") }
    return try await Self.client.send(
      WebRequest(
        method: method, url: url + path, headers: all, body: body.map { Array($0.utf8) },
        deadline: .seconds(30), acceptsErrorStatus: true))
  }

  /// Sends a webhook as GitHub does. - Parameter secret: that of this service by default.
  /// - Parameter server: another than the one that was started last.
  @discardableResult
  func deliver(
    _ delivery: GitHubDelivery, secret: String? = nil, without left: Set<String> = [],
    to server: StartedService? = nil
  ) async throws -> WebResponse {
    try await Self.deliver(
      delivery, to: try #require(server ?? current).url, secret: secret ?? self.secret,
      without: left)
  }

  static func deliver(
    _ delivery: GitHubDelivery, to url: String, secret: String, without left: Set<String> = []
  ) async throws -> WebResponse {
    var headers = WebHeaders()
    for header in delivery.headers(secret: secret)
    where !left.contains(header.name) {
      headers.add(header.name, header.value)
    }
    return try await client.send(
      WebRequest(
        method: "POST", url: url + "/webhooks/github", headers: headers, body: delivery.payload,
        deadline: .seconds(30), acceptsErrorStatus: true))
  }

  // MARK: What it did

  /// As the settings name it; another user of it beside the service.
  var opened: any SQLDatabase {
    if let database { return database }
    let address = environment["DATABASE_URL"].flatMap { try? PostgresAddress(parsing: $0) }
    let opened: any SQLDatabase =
      if let address { PostgresDatabase(address: address) } else {
        SQLiteDatabase(path: data + "/stet.db")
      }
    database = opened
    return opened
  }

  private var store: SQLJobStore { SQLJobStore(opened) }

  /// Every job, the oldest first, but for those that hold a policy against what happened: every
  /// event of a pull request has one, and most services of these tests have no policy.
  func jobs() async throws -> [Job] {
    try await allJobs().filter { $0.kind != "shepherd-pull-request" }
  }

  private func allJobs() async throws -> [Job] {
    try await store.jobs(JobFilter(limit: 200)).reversed()
  }

  func reviewJob() async throws -> Job? {
    try await jobs().last { $0.kind == "review-pull-request" }
  }

  /// Waits until the newest review's job is in one of these states.
  @discardableResult
  func review(
    comesTo states: JobState..., within limit: Duration = .seconds(20)
  ) async throws -> Job {
    var last: Job?
    try await eventually("a review that is \(states.map(\.rawValue))", within: limit) {
      last = try await self.reviewJob()
      return last.map { states.contains($0.state) } ?? false
    } told: {
      "\(last.map { "\($0.state) \($0.errors.map(\.message))" } ?? "no job")"
    }
    return try #require(last)
  }

  /// Waits until no job is left that will still do something.
  /// - Parameter besidesLooks: a look after what a killed process may have sent comes after a while.
  func idles(
    atLeast count: Int = 2, besidesLooks: Bool = false, within limit: Duration = .seconds(20)
  ) async throws {
    var seen: [Job] = []
    try await eventually("an idle service", within: limit) {
      seen = try await self.allJobs()
      let isAtRest = { (job: Job) in
        job.state.isFinal
          || besidesLooks && job.kind == "reconcile-publication" && job.state == .scheduled
      }
      let counted = seen.count { $0.kind != "shepherd-pull-request" }
      return counted >= count && seen.allSatisfy(isAtRest)
    } told: {
      "\(seen.map { "\($0.kind) \($0.state) \($0.errors.map(\.message))" })"
    }
  }

  func closeDatabase() async {
    await database?.close()
    database = nil
  }
}

/// A process that is about to be started.
struct Launch {
  var process: Process
  var output: String
  var error: String
}

/// A process of the program, from its start to its end.
final class StartedService {
  let process: Process
  private let launch: Launch
  private let started: StartedReview
  private(set) var url = ""

  init(_ launch: Launch) throws {
    self.launch = launch
    process = launch.process
    started = try StartedReview(launch.process, output: launch.output, error: launch.error)
  }

  var output: String { (try? String(contentsOfFile: launch.output, encoding: .utf8)) ?? "" }
  var log: String { (try? String(contentsOfFile: launch.error, encoding: .utf8)) ?? "" }

  /// Waits for the line that says where it listens.
  func listens() async throws {
    let words = "stet serves on "
    try await eventually("a server that listens", within: .seconds(15)) {
      guard self.process.isRunning else { throw Ended(log: self.log) }
      guard let line = self.output.split(separator: "\n").first, line.hasPrefix(words),
        self.output.contains("\n")
      else { return false }
      self.url = String(line.dropFirst(words.count))
      return true
    }
  }

  private struct Ended: Error { var log: String }

  /// As the kernel does it when memory runs out, or a plug is pulled.
  func kill() {
    guard process.isRunning else { return }
    Self.kill(process.processIdentifier)
  }

  static func kill(_ process: Int32) {
    #if canImport(Glibc)
      _ = Glibc.kill(process, SIGKILL)
    #elseif canImport(Musl)
      _ = Musl.kill(process, SIGKILL)
    #else
      _ = Darwin.kill(process, SIGKILL)
    #endif
  }

  func killed() async throws {
    kill()
    _ = try await started.outcome()
  }

  func terminate() { process.terminate() }

  func ended(within limit: Duration) async throws -> ReviewOutcome {
    let number = process.processIdentifier
    let guarding = Task.detached {
      try? await Task.sleep(for: limit)
      if !Task.isCancelled { StartedService.kill(number) }
    }
    let outcome = try await started.outcome()
    guarding.cancel()
    return outcome
  }
}

/// Asks again until it is so, for a while.
func eventually(
  _ what: String, within limit: Duration = .seconds(20),
  _ condition: () async throws -> Bool, told: () -> String = { "" }
) async throws {
  let end = ContinuousClock.now + limit
  while try await !condition() {
    guard ContinuousClock.now < end else {
      throw NeverSo(description: "There was not \(what) within \(limit). \(told())")
    }
    try await Task.sleep(for: .milliseconds(25))
  }
}

struct NeverSo: Error, CustomStringConvertible { var description: String }
