public import Domain

extension GitWorkspace {
  public func push(_ commit: String, expecting: String) async throws(WorkspaceError) {
    try checkOpen()
    guard let planned = made[commit] else {
      throw WorkspaceError(code: .failed, detail: "only a commit of this checkout is pushed.")
    }
    // With the lease this makes sure that nobody's commits are thrown away: the branch must stand
    // at `expecting`, and the commit stands on that.
    guard planned.parent == expecting else {
      throw WorkspaceError(
        code: .moved,
        detail: "the commit stands on \(planned.parent.prefix(12)), not on "
          + "\(GitError.firstLine(String(expecting.prefix(12)))): pushing it could undo others' work."
      )
    }
    let reference = "refs/heads/\(store.branch)"
    let result: CommandResult
    do throws(WorkspaceError) {
      result = try await store.git.run(
        store.git.remote(
          [
            "push", "--porcelain", "--no-verify", "--no-thin", "--no-follow-tags",
            "--no-signed", "--recurse-submodules=no",
            "--force-with-lease=\(reference):\(expecting)", CheckoutGit.remoteName,
            "\(commit):\(reference)",
          ], time: store.limits.time))
    } catch {
      try await settle(commit, after: error)
      return
    }
    if result.succeeded { return }
    let error = refusal(result, at: reference)
    if [.unreachable, .failed, .moved].contains(error.code) {
      try await settle(commit, after: error)
    } else {
      throw error
    }
  }

  /// A connection that broke may have broken after the push was taken: the branch tells. So it may
  /// where the branch is said to have moved: libcurl sends a request again whose answer was lost.
  private func settle(
    _ commit: String, after error: WorkspaceError
  ) async throws(WorkspaceError) {
    // Not part of the caller's task: after a cancellation it is asked all the same.
    let store = store
    let tip = await Task { await Self.tip(of: store, time: .seconds(20)) }.value
    switch tip {
    case .success(let tip?) where tip == commit: return
    case .success(nil) where error.code == .moved:
      throw WorkspaceError(
        code: .notFound,
        detail: "the branch \(GitError.firstLine(store.branch)) was deleted.")
    case .success: throw error
    case .failure:
      // Neither is that the branch has moved: a push that was sent twice meets itself.
      throw WorkspaceError(
        code: error.code == .cancelled ? .cancelled : .unreachable,
        detail: error.detail + " Whether the push was taken is not known.")
    }
  }

  /// Where the branch stands; `nil` where it is gone.
  static func tip(
    of store: CheckoutStore, time: Duration
  ) async -> Result<String?, WorkspaceError> {
    do throws(WorkspaceError) {
      let result = try await store.git.run(
        store.git.remote(
          ["ls-remote", "--heads", CheckoutGit.remoteName, "refs/heads/\(store.branch)"],
          time: time))
      guard result.succeeded else {
        return .failure(WorkspaceError(result, doing: "asking where the branch stands"))
      }
      let line = result.output.split(separator: UInt8(ascii: "\n")).first { line in
        line.split(separator: 0x09).last.map {
          $0.elementsEqual("refs/heads/\(store.branch)".utf8)
        } ?? false
      }
      let name = line?.split(separator: 0x09).first.map { String(decoding: $0, as: UTF8.self) }
      return .success(name.flatMap { CheckoutGit.isObjectName($0) ? $0 : nil })
    } catch { return .failure(error) }
  }

  /// Reads `git push --porcelain`: `<flag> TAB <from>:<to> TAB <summary> (<reason>)`.
  private func refusal(_ result: CommandResult, at reference: String) -> WorkspaceError {
    let lines = String(decoding: result.output, as: UTF8.self).split(separator: "\n")
    guard let line = lines.first(where: { $0.hasPrefix("!\t") && $0.contains(":\(reference)\t") })
    else { return WorkspaceError(result, doing: "pushing to \(store.branch)") }
    let reason = GitError.firstLine(String(line.split(separator: "\t").last ?? ""))
    let isStale =
      [
        "stale info", "fetch first", "non-fast-forward", "cannot lock ref", "failed to lock",
        "failed to update ref", "incorrect old value", "reference already exists",
      ].contains { reason.contains($0) }
    if isStale {
      return WorkspaceError(
        code: .moved,
        detail: "the branch \(GitError.firstLine(store.branch)) has moved: \(reason).")
    }
    // What the server's hooks printed says which rule it was.
    let said = WorkspaceError.remoteWords(result.errorText)
    let why = said.isEmpty ? reason : "\(reason): \(said)"
    if ["permission", "not allowed to push", "access denied", "unauthorized"].contains(where: {
      why.lowercased().contains($0)
    }), !why.lowercased().contains("protected") {
      return WorkspaceError(
        code: .unauthorized, detail: "the credentials may not push to this branch: \(why).")
    }
    return WorkspaceError(code: .rejected, detail: "the server refused the push: \(why).")
  }

  public func fetch() async throws(WorkspaceError) -> String? {
    try checkOpen()
    return try await store.fetch(withFiles: false)
  }
}

extension WorkspaceError {
  /// Lines that a server's hooks print come with `remote: ` before them.
  static func remoteWords(_ text: String) -> String {
    let lines = text.split(whereSeparator: \.isNewline).filter { $0.hasPrefix("remote: ") }
      .map { GitError.firstLine(String($0.drop { $0 != " " }.drop { $0 == " " })) }
      .filter { !$0.isEmpty }
    let words = String(lines.prefix(3).joined(separator: " ").prefix(300))
    return SecretMask.masked(words).text
  }
}
