import Domain
import Foundation
import Logging
import Sandbox
import TestKit

/// A real repository over HTTP, and checkouts of it in a folder of their own.
struct CheckoutBench {
  static let repository = RepositoryName(owner: "octo-org", name: "orders")
  static let author = CommitAuthor(name: "Stet", email: "stet@example.org")

  let git: GitHTTPServer
  let server: FaultServer
  let folder: String
  /// May push.
  let token = "writer-\(UUID().uuidString)"

  /// - Parameter files: of the first commit on `main`; `change` begins there.
  static func with(
    _ files: [String: String] = ["a.py": "one\ntwo\nthree\n", "src/deep/b.py": "b = 1\n"],
    _ body: (CheckoutBench) async throws -> Void
  ) async throws {
    let git = try GitHTTPServer()
    let server = try await git.listen()
    let folder = NSTemporaryDirectory() + "/stet-checkout-\(UUID().uuidString)"
    let bench = CheckoutBench(git: git, server: server, folder: folder)
    git.allow(bench.token, .write)
    do {
      let first = try await git.add(repository, files: files.mapValues { Array($0.utf8) })
      try await git.set("change", to: first, in: repository)
      try await body(bench)
    } catch {
      await bench.end()
      throw error
    }
    await bench.end()
  }

  private func end() async {
    await server.stop()
    try? FileManager.default.removeItem(atPath: folder)
  }

  var remote: String { "\(server.url)/\(Self.repository).git" }

  func plan(
    branch: String = "change", commit: String? = nil, token: String? = nil,
    only: [SourcePath]? = nil
  ) -> WorkspacePlan {
    WorkspacePlan(
      remote: remote, branch: branch, commit: commit, token: token ?? self.token, only: only)
  }

  func checkouts(
    limits: CheckoutLimits = CheckoutLimits(), run: SandboxFolderRun? = nil
  ) -> GitCheckouts {
    GitCheckouts(
      folder: folder, environment: ProcessInfo.processInfo.environment, limits: limits, run: run,
      logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }))
  }

  /// Opens a checkout and closes it whatever happens.
  func open(
    _ plan: WorkspacePlan? = nil, limits: CheckoutLimits = CheckoutLimits(),
    from checkouts: GitCheckouts? = nil, _ body: (GitWorkspace) async throws -> Void
  ) async throws {
    let checkouts = checkouts ?? self.checkouts(limits: limits)
    let workspace = try await checkouts.open(plan ?? self.plan())
    do { try await body(workspace) } catch {
      await workspace.close()
      throw error
    }
    await workspace.close()
  }

  /// Why opening fails.
  func refusal(
    _ plan: WorkspacePlan, limits: CheckoutLimits = CheckoutLimits()
  ) async -> WorkspaceError? {
    do throws(WorkspaceError) {
      let workspace = try await checkouts(limits: limits).open(plan)
      await workspace.close()
      return nil
    } catch { return error }
  }

  /// All files beneath the folder of the checkouts.
  var left: [String] {
    (FileManager.default.enumerator(atPath: folder)?.allObjects as? [String]) ?? []
  }

  func tip(_ branch: String = "change") async throws -> String? {
    try await git.branches(in: Self.repository)[branch]
  }

  func file(_ path: String, at branch: String = "change") async throws -> String? {
    try await git.files(at: branch, in: Self.repository)[path].map {
      String(decoding: $0, as: UTF8.self)
    }
  }

  @discardableResult
  func commit(
    _ files: [String: String?], to branch: String = "change", onTopOf parent: String? = nil
  ) async throws -> String {
    try await git.commit(
      files.mapValues { $0.map { Array($0.utf8) } }, to: branch, in: Self.repository,
      onTopOf: parent)
  }
}

extension GitWorkspace {
  func text(_ path: SourcePath) async throws -> String? {
    try await file(path).map { String(decoding: $0, as: UTF8.self) }
  }

  func commit(_ path: SourcePath, _ text: String?, _ message: String = "Mend it") async throws
    -> String
  {
    try await commit(
      [path: text.map { Array($0.utf8) }], message: message, author: CheckoutBench.author)
  }

  /// Why a push fails.
  func pushRefusal(_ commit: String, expecting: String) async -> WorkspaceError? {
    do throws(WorkspaceError) {
      try await push(commit, expecting: expecting)
      return nil
    } catch { return error }
  }
}

/// Bytes that do not shrink when they are packed.
func noise(_ count: Int) -> [UInt8] {
  var generator = SystemRandomNumberGenerator()
  var bytes: [UInt8] = []
  bytes.reserveCapacity(count + 8)
  while bytes.count < count {
    withUnsafeBytes(of: generator.next()) { bytes.append(contentsOf: $0) }
  }
  return Array(bytes.prefix(count))
}
