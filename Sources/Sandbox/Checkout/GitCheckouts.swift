public import Domain
import Foundation
public import Logging

/// Runs one task of the sandbox with a folder of this machine as its working folder, which the
/// judged program may write to.
public typealias SandboxFolderRun =
  @Sendable (_ task: SandboxTask, _ folder: String) async throws(SandboxError) -> SandboxResult

/// Opens checkouts of repositories that nobody vouches for, by git, and tries commands on them in
/// the sandbox. See `docs/fixing.md`, "How a checkout is kept harmless".
public struct GitCheckouts: Sendable {
  /// Where the files of all checkouts lie; nothing else does.
  public var folder: String
  public var environment: [String: String]
  /// Hosts other than this machine that may be reached by `http`.
  public var plainHosts: Set<String>
  public var limits: CheckoutLimits
  private let run: SandboxFolderRun?
  private let logger: Logger

  /// - Parameters:
  ///   - folder: made where it is not there, for this user alone.
  ///   - environment: the caller's; only `PATH` and what says how the network is reached is used.
  ///   - run: how a command is run; `nil` where nothing can be kept apart, so that none is.
  public init(
    folder: String, environment: [String: String], plainHosts: Set<String> = [],
    limits: CheckoutLimits = CheckoutLimits(), run: SandboxFolderRun?, logger: Logger
  ) {
    self.folder = folder
    self.environment = environment
    self.plainHosts = plainHosts
    self.limits = limits
    self.run = run
    self.logger = logger
  }

  /// As the use cases take it.
  public var opener: WorkspaceOpener {
    { plan async throws(WorkspaceError) in try await open(plan) }
  }

  /// Removes what killed processes have left; for the start of the program.
  public func removeStale() async {
    let count = await CheckoutFolder.removeStale(in: folder)
    if count > 0 {
      logger.info("removed checkouts of ended processes", metadata: ["count": "\(count)"])
    }
  }

  public func open(_ plan: WorkspacePlan) async throws(WorkspaceError) -> GitWorkspace {
    guard CheckoutGit.isBranch(plan.branch) else {
      throw WorkspaceError(code: .notFound, detail: "there can be no branch of that name.")
    }
    if let commit = plan.commit, !CheckoutGit.isObjectName(commit) {
      throw WorkspaceError(
        code: .notFound, detail: "a commit is named by all its hexadecimal digits.")
    }
    let address = try CheckoutAddress(plan.remote, plainHosts: plainHosts)
    let place = try CheckoutFolder(in: folder)
    do throws(WorkspaceError) {
      return try await open(plan, address, in: place)
    } catch {
      await place.remove()
      throw error
    }
  }

  private func open(
    _ plan: WorkspacePlan, _ address: CheckoutAddress, in place: CheckoutFolder
  ) async throws(WorkspaceError) -> GitWorkspace {
    for name in ["store", "home"] {
      do {
        try FileManager.default.createDirectory(
          atPath: "\(place.path)/\(name)", withIntermediateDirectories: false)
      } catch {
        throw WorkspaceError(code: .failed, detail: "the checkout's folder could not be made.")
      }
    }
    let git = try CheckoutGit(
      store: place.path + "/store", home: place.path + "/home", address: address,
      token: plan.token, environment: environment)
    let store = CheckoutStore(git: git, branch: plan.branch, limits: limits)
    try await store.begin(sha256: plan.commit?.utf8.count == 64)
    guard let head = try await store.fetch(commit: plan.commit, withFiles: plan.only == nil) else {
      throw WorkspaceError(
        code: .notFound, detail: "the branch \(GitError.firstLine(plan.branch)) is not there.")
    }
    return try await GitWorkspace(
      head: head, store: store, place: place, only: plan.only, run: run, logger: logger)
  }
}
