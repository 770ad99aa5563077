import Dispatch
public import Domain
import Foundation

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

extension GitWorkspace {
  public func run(
    _ command: [String], with changes: [SourcePath: [UInt8]?], image: SandboxImage,
    limits: SandboxLimits
  ) async throws(WorkspaceError) -> SandboxResult {
    try checkOpen()
    guard let run else {
      throw WorkspaceError(
        code: .sandbox, detail: "commands are not run here: `stet doctor` says what to install.")
    }
    guard !command.isEmpty else {
      throw WorkspaceError(code: .failed, detail: "there is no command to run.")
    }
    let folder = nextRun()
    let outcome: Result<SandboxResult, WorkspaceError>
    do throws(WorkspaceError) {
      let leftOut = try await write(changes, to: folder)
      let task = SandboxTask(.command(command), image: image, limits: limits)
      var result = try await watched(run, task, folder)
      result.leftOut.merge(leftOut) { known, _ in known }
      outcome = .success(result)
    } catch { outcome = .failure(error) }
    // Whatever happened; a later start removes what a killed process leaves.
    _ = await CheckoutFolder.remove(folder)
    return try outcome.get()
  }

  // MARK: the copy

  /// - Returns: what is not in the copy, with the reason.
  private func write(
    _ changes: [SourcePath: [UInt8]?], to folder: String
  ) async throws(WorkspaceError) -> [String: String] {
    guard mkdir(folder, 0o700) == 0 else {
      throw WorkspaceError(code: .failed, detail: "a folder for the copy could not be made.")
    }
    var leftOut: [String: String] = [:]
    var files: [(path: SourcePath, bytes: [UInt8], isExecutable: Bool)] = []
    var links: [(path: SourcePath, target: [UInt8])] = []
    var pending = 0
    for entry in copied {
      if changes[entry.path] != nil { continue }
      if let reason = reasonToLeaveOut(entry) {
        leftOut[Self.shown(entry.path)] = reason
        continue
      }
      let bytes = try await content(of: entry)
      if entry.isLink {
        if TreeWriter.staysInside(bytes, at: entry.path) {
          links.append((entry.path, bytes))
        } else {
          leftOut[Self.shown(entry.path)] = "it is a link that leads out of the repository"
        }
        continue
      }
      files.append((entry.path, bytes, entry.mode.isExecutable))
      pending += bytes.count
      // The whole commit is never in memory at once.
      if pending > 32 << 20 || files.count >= 1_000 {
        leftOut.merge(try await put(files, [], in: folder)) { first, _ in first }
        (files, pending) = ([], 0)
      }
    }
    for (path, bytes) in changes {
      guard let bytes else { continue }
      guard path.isSafe else {
        throw WorkspaceError(
          code: .failed, detail: "\(Self.shown(path)) is no path of a repository.")
      }
      files.append((path, bytes, entry(path)?.mode.isExecutable ?? false))
    }
    leftOut.merge(try await put(files, links, in: folder)) { first, _ in first }
    if let first = changes.first(where: { $0.value != nil && leftOut[Self.shown($0.key)] != nil }) {
      throw WorkspaceError(
        code: .failed, detail: "\(Self.shown(first.key)) could not be written to the copy.")
    }
    return leftOut
  }

  private func reasonToLeaveOut(_ entry: TreeEntry) -> String? {
    guard String(validating: entry.path.bytes, as: UTF8.self) != nil else {
      return "its name is not UTF-8"
    }
    if !entry.path.isSafe { return "its path is not one that a repository may have" }
    if !entry.isFile && !entry.isLink { return "it is a submodule" }
    guard let size = size(of: entry), size <= store.limits.file.value else {
      return "it is over the limit of \(store.limits.file.value) bytes"
    }
    return nil
  }

  /// - Returns: what could not be written, such as the second of two names that the file system
  ///   takes for one.
  private func put(
    _ files: [(path: SourcePath, bytes: [UInt8], isExecutable: Bool)],
    _ links: [(path: SourcePath, target: [UInt8])], in folder: String
  ) async throws(WorkspaceError) -> [String: String] {
    let answer: Result<[String: String], WorkspaceError> = await withCheckedContinuation { reply in
      queue.async {
        do throws(TreeWriter.Failed) {
          let writer = try TreeWriter(folder)
          defer { writer.close() }
          var failed: [String: String] = [:]
          for file in files {
            do throws(TreeWriter.Failed) {
              try writer.write(
                file.bytes, to: file.path, executable: file.isExecutable, replaces: false)
            } catch { failed[Self.shown(file.path)] = error.description }
          }
          // Last, so that no file is written where a link stands.
          for link in links {
            do throws(TreeWriter.Failed) {
              try writer.link(link.target, at: link.path)
            } catch { failed[Self.shown(link.path)] = error.description }
          }
          reply.resume(returning: .success(failed))
        } catch {
          reply.resume(
            returning: .failure(WorkspaceError(code: .failed, detail: error.description)))
        }
      }
    }
    return try answer.get()
  }

  // MARK: the run

  /// The copy lies on this machine's disk, which no limit of the sandbox covers as a whole: it is
  /// measured from time to time, and what grows too large is ended.
  private func watched(
    _ run: @escaping SandboxFolderRun, _ task: SandboxTask, _ folder: String
  ) async throws(WorkspaceError) -> SandboxResult {
    let watch = await DiskWatch(folder, limits: store.limits)
    let outcome = await withTaskGroup(of: Result<SandboxResult, WorkspaceError>?.self) { group in
      group.addTask {
        do throws(SandboxError) { return .success(try await run(task, folder)) } catch {
          return .failure(WorkspaceError(error))
        }
      }
      group.addTask {
        var looking = watch
        while !Task.isCancelled {
          try? await Task.sleep(for: .milliseconds(500))
          if Task.isCancelled { return nil }
          if let excess = await looking.look() {
            return .failure(WorkspaceError(code: .tooLarge, detail: excess))
          }
        }
        return nil
      }
      var first: Result<SandboxResult, WorkspaceError>?
      while let next = await group.next() {
        if first == nil { first = next }
        group.cancelAll()
      }
      return first
    }
    guard let outcome else {
      throw WorkspaceError(code: .cancelled, detail: "the command was cancelled.")
    }
    return try outcome.get()
  }
}

extension WorkspaceError {
  init(_ error: SandboxError) {
    switch error.code {
    case .cancelled: self.init(code: .cancelled, detail: error.detail)
    case .invalid: self.init(code: .failed, detail: error.detail)
    default: self.init(code: .sandbox, detail: error.detail)
    }
  }
}
