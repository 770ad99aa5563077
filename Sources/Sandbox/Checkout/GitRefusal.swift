import Domain

extension WorkspaceError {
  /// git itself did not come to an end of its own.
  init(git error: CommandError) {
    switch error.code {
    case .notFound, .notStarted:
      self.init(
        code: .failed, detail: "git could not be run: install it (apt install git).")
    case .timedOut:
      self.init(code: .unreachable, detail: "git did not end within its time and was stopped.")
    case .outputTooLarge:
      self.init(
        code: .tooLarge, detail: "git printed more of the repository than the limits allow.")
    case .cancelled: self.init(code: .cancelled, detail: "the work on the checkout was cancelled.")
    }
  }

  /// Reads what git said. The words are those of the remote in part, so they are masked, cut and
  /// made harmless.
  init(_ result: CommandResult, doing: String) {
    if result.errorText.contains("git: not found") || result.status == .exited(127) {
      self.init(git: CommandError(code: .notFound, detail: ""))
      return
    }
    let said = Self.quoted(result.errorText)
    let text = result.errorText.lowercased()
    func says(_ words: [String]) -> Bool { words.contains { text.contains($0) } }
    if says(["redirect", "unable to update url base"]) || Self.isRedirect(text) {
      self.init(
        code: .notFound,
        detail: "the repository's address leads elsewhere, and redirects are not followed: use the "
          + "new address. git said: \(said)")
    } else if says(Self.unauthorized) {
      self.init(
        code: .unauthorized,
        detail: "the server refuses the credentials at \(doing). git said: \(said)")
    } else if says(Self.missing) {
      self.init(
        code: .notFound,
        detail: "the repository, branch or commit is not there at \(doing). git said: \(said)")
    } else if says(["no space left", "cannot allocate memory", "out of memory", "file too large"]) {
      self.init(
        code: .tooLarge, detail: "this machine's limits ended \(doing). git said: \(said)")
    } else if says(Self.unreachable) {
      self.init(
        code: .unreachable, detail: "the server did not serve \(doing). git said: \(said)")
    } else {
      self.init(code: .failed, detail: "git failed at \(doing): \(said)")
    }
  }

  private static let unauthorized = [
    "authentication failed", "could not read username", "could not read password",
    "returned error: 401", "returned error: 403", "http 401", "http 403", "access denied",
    "dubious ownership", "insufficient permission",
  ]
  private static let missing = [
    "not our ref", "couldn't find remote ref", "returned error: 404", "returned error: 410",
    "repository not found", "does not appear to be a git repository", "not found",
    "no such remote ref", "does not exist",
  ]
  private static let unreachable = [
    "could not resolve host", "failed to connect", "couldn't connect", "connection refused",
    "timed out", "too slow", "recv failure", "send failure", "returned error: 5",
    "returned error: 429", "early eof", "hung up", "rpc failed", "ssl", "tls", "empty reply",
    "certificate", "could not resolve proxy", "transfer closed", "unexpected disconnect",
    "invalid index-pack output", "index-pack failed", "bad pack header", "expected flush",
    "protocol error", "not valid: is this a git repository", "connection reset", "bad line length",
    "the remote end", "unable to access", "fetch-pack: unexpected", "expected 'packfile'",
    "unable to rewind rpc", "unable to find remote helper", "expected response end packet",
  ]

  private static func isRedirect(_ text: String) -> Bool {
    ["301", "302", "303", "307", "308"].contains { text.contains("returned error: \($0)") }
  }

  /// The line that says most, without secrets and control characters.
  static func quoted(_ text: String) -> String {
    let lines = text.split(whereSeparator: \.isNewline).map(String.init)
    let line =
      lines.first { $0.hasPrefix("fatal: ") } ?? lines.first { $0.hasPrefix("error: ") }
      ?? lines.first ?? "nothing"
    return SecretMask.masked(GitError.firstLine(line)).text
  }
}
