import Domain
import Forges
import Foundation
import Jobs
import Logging
import Sandbox
import Storage
import TestKit
import UseCases
import WebClient

/// A pull request of a real bare repository over HTTP, the fake GitHub in front of it, the real git
/// checkout and the real sandbox.
final class FixBench: Sendable {
  static let repository = RepositoryName(owner: "octo-org", name: "stats")
  static let own = "stet-account"

  static let good = """
    def mean(values):
        total = 0
        for value in values:
            total += value
        return total / len(values)

    """
  static let bad = good.replacingOccurrences(of: "total += value", with: "total = value")
  static let tests = """
    import unittest

    from stats import mean


    class MeanTests(unittest.TestCase):
        def test_of_one(self):
            self.assertEqual(mean([2]), 2)

        def test_of_two(self):
            self.assertEqual(mean([2, 4]), 3)

    """
  static let policy = """
    version: 1
    fix:
      test_command: [python3, -m, unittest]
      image: python
      timeout: 30

    """

  let hub = FakeGitHub()
  let git: GitHTTPServer
  let server: FaultServer
  let publications = InMemoryPublicationStore()
  let runs = InMemoryRunStore()
  let audit = InMemoryAuditTrail()
  let sandbox: IsolatedSandbox
  let reference: PullRequestReference
  let access = ForgeAccess(forge: "github", repository: FixBench.repository)
  let folder: String
  private let connection: GitHubConnection

  /// - Parameters:
  ///   - base: of `main`, over the usual files.
  ///   - head: contents by path over the base's; `nil` deletes.
  ///   - fork: where the head's branch is; Stet may not push there.
  init(
    base: [String: String] = [:], head: [String: String?] = ["stats.py": FixBench.bad],
    fork: RepositoryName? = nil, policy: String? = FixBench.policy
  ) async throws {
    git = try GitHTTPServer()
    server = try await hub.listen()
    hub.attach(git)
    var files = ["stats.py": Self.good, "test_stats.py": Self.tests].merging(base) { $1 }
    if let policy { files[".stet.yml"] = policy }
    reference = try await hub.addGitPullRequest(
      in: Self.repository, base: files.mapValues { Array($0.utf8) },
      head: head.mapValues { $0.map { Array($0.utf8) } }, headRepository: fork)
    let token = ["token", "of", "the", "bench"].joined(separator: "-")
    hub.addToken(token, for: Self.own)
    hub.setPermission(.write, of: Self.own, in: Self.repository)
    hub.setPermission(.write, of: "grace", in: Self.repository)
    hub.setPermission(.read, of: "mallory", in: Self.repository)
    connection = try GitHubConnection(
      GitHubConfiguration(
        apiURL: server.url, credentials: .token(token),
        client: WebClient(configuration: WebClientConfiguration(userAgent: "stet/test")),
        deadline: .seconds(10), retry: .never))
    folder = NSTemporaryDirectory() + "/stet-fix-\(UUID().uuidString)"
    sandbox = IsolatedSandbox(
      images: ImageStore(folder: TestImages.folder),
      environment: ProcessInfo.processInfo.environment, bounds: .init(standbys: 0),
      logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }))
  }

  deinit { try? FileManager.default.removeItem(atPath: folder) }

  /// Ends what was started.
  func end() async {
    await sandbox.shutDown()
    await server.stop()
  }

  var checkouts: GitCheckouts {
    GitCheckouts(
      folder: folder, environment: ProcessInfo.processInfo.environment,
      run: { [sandbox] task, folder async throws(SandboxError) in
        try await sandbox.run(task, in: folder)
      }, logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }))
  }

  func fixing(
    _ model: (any LanguageModel)?, workspaces: WorkspaceOpener? = nil,
    limits: FixPullRequest.Limits = .init(time: .seconds(120))
  ) -> FixPullRequest {
    FixPullRequest(
      ports: .init(
        openForge: { [connection] access throws(ForgeError) in
          connection.forge(for: access.repository, installation: access.installation)
        }, workspaces: workspaces ?? checkouts.opener, model: model, syntax: syntax,
        sandbox: sandbox, runs: runs, publications: publications, audit: audit, limits: limits))
  }

  private var syntax: any SyntaxChecker {
    BubblewrapSyntaxChecker(environment: ProcessInfo.processInfo.environment)
  }

  func work(
    _ run: String = "run-1", paths: [String] = [], by login: String? = "grace",
    finding: String? = nil, thread: Int64? = nil
  ) -> Work.FixPullRequest {
    Work.FixPullRequest(
      access: access, reference: reference, askedBy: "github:\(login ?? "nobody")", run: run,
      paths: paths, thread: thread, finding: finding, login: login)
  }

  // MARK: What came of it

  var answers: [String] {
    (hub.comments(on: reference) + hub.reviewComments(on: reference)).map(\.body)
      .filter { $0.hasPrefix("<!-- stet:fix ") && $0.contains("<sub>Run") }
  }

  var suggestions: [String] {
    hub.reviewComments(on: reference).map(\.body).filter { $0.contains("```suggestion") }
  }

  func text(_ path: String, branch: String = "change") async throws -> String? {
    try await git.files(at: branch, in: Self.repository)[path].map {
      String(decoding: $0, as: UTF8.self)
    }
  }

  /// Messages of the branch's commits, newest first.
  func messages(branch: String = "change") async throws -> [String] {
    let ids = try await git.git("rev-list", branch, "^main", in: Self.repository)
      .split(separator: "\n").map(String.init)
    var messages: [String] = []
    for id in ids {
      messages.append(try await git.git("show", "-s", "--format=%B", id, in: Self.repository))
    }
    return messages
  }

  func push(_ files: [String: String?], onTopOf parent: String? = nil) async throws {
    try await git.commit(
      files.mapValues { $0.map { Array($0.utf8) } }, to: "change", in: Self.repository,
      onTopOf: parent)
  }

  /// Does something to the repository right before a commit is made, or when a checkout was opened,
  /// as somebody else would.
  func interfering(
    times: Int = 1, _ moment: WatchedWorkspace.Moment = .commit,
    _ deed: @escaping @Sendable (FixBench) async throws -> Void
  ) -> WorkspaceOpener {
    let left = Noted(times)
    return watching { now async throws(WorkspaceError) in
      guard now == moment, left.now > 0 else { return }
      left.change { $0 -= 1 }
      do { try await deed(self) } catch {
        throw WorkspaceError(code: .failed, detail: "the test failed: \(error)")
      }
    }
  }

  /// The sandbox is lost in these runs of a command, counted from 1.
  func losing(_ runs: ClosedRange<Int>) -> WorkspaceOpener {
    let count = Noted(0)
    return watching { now async throws(WorkspaceError) in
      guard now == .run else { return }
      count.change { $0 += 1 }
      if runs.contains(count.now) {
        throw WorkspaceError(code: .sandbox, detail: "the sandbox was killed")
      }
    }
  }

  private func watching(_ watch: @escaping WatchedWorkspace.Watch) -> WorkspaceOpener {
    let opener = checkouts.opener
    return { plan async throws(WorkspaceError) in
      let workspace = try await opener(plan)
      try await watch(.open)
      return WatchedWorkspace(workspace: workspace, watch: watch)
    }
  }
}

/// A real checkout, and a word before what changes or runs something.
struct WatchedWorkspace: Workspace {
  enum Moment: Sendable { case open, run, commit }
  typealias Watch = @Sendable (Moment) async throws(WorkspaceError) -> Void

  let workspace: any Workspace
  let watch: Watch

  var head: String { workspace.head }

  func file(_ path: SourcePath) async throws(WorkspaceError) -> [UInt8]? {
    try await workspace.file(path)
  }

  func run(
    _ command: [String], with changes: [SourcePath: [UInt8]?], image: SandboxImage,
    limits: SandboxLimits
  ) async throws(WorkspaceError) -> SandboxResult {
    try await watch(.run)
    return try await workspace.run(command, with: changes, image: image, limits: limits)
  }

  func commit(
    _ changes: [SourcePath: [UInt8]?], message: String, author: CommitAuthor
  ) async throws(WorkspaceError) -> String {
    try await watch(.commit)
    return try await workspace.commit(changes, message: message, author: author)
  }

  func push(_ commit: String, expecting: String) async throws(WorkspaceError) {
    try await workspace.push(commit, expecting: expecting)
  }

  func fetch() async throws(WorkspaceError) -> String? { try await workspace.fetch() }

  func close() async { await workspace.close() }
}

/// Runs a test on a bench, and ends the bench whatever happens.
func withFixBench(
  base: [String: String] = [:], head: [String: String?] = ["stats.py": FixBench.bad],
  fork: RepositoryName? = nil, policy: String? = FixBench.policy,
  _ body: (FixBench) async throws -> Void
) async throws {
  let bench = try await FixBench(base: base, head: head, fork: fork, policy: policy)
  do { try await body(bench) } catch {
    await bench.end()
    throw error
  }
  await bench.end()
}

extension FakeModelServer.Reply {
  /// An answer of edits, a search text and its replacement each.
  static func edits(
    _ edits: [(String, String)], because reason: String = "The loop overwrites the total."
  ) throws -> Self {
    struct Edit: Encodable {
      var search: String
      var replace: String
    }
    struct Answer: Encodable {
      var reason: String
      var edits: [Edit]
    }
    let answer = Answer(
      reason: reason, edits: edits.map { Edit(search: $0.0, replace: $0.1) })
    return .text(String(decoding: try JSONEncoder().encode(answer), as: UTF8.self))
  }
}
