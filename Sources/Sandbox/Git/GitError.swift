/// Why a repository could not be read.
public struct GitError: Error, Sendable, Equatable {
  public enum Code: String, Sendable {
    /// git itself is missing, or too old to be made safe.
    case noGit = "no_git"
    case notARepository = "not_a_repository"
    /// Another user owns the folder, so git refuses to read it.
    case notTrusted = "not_trusted"
    case noCommits = "no_commits"
    case badRange = "bad_range"
    case tooLarge = "too_large"
    case timedOut = "timed_out"
    case failed
  }
  public var code: Code
  /// One sentence that says what is wrong and what to do.
  public var detail: String

  public init(code: Code, detail: String) {
    self.code = code
    self.detail = detail
  }
}

extension GitError {
  init(_ error: CommandError) {
    switch error.code {
    case .notFound:
      self.init(
        code: .noGit, detail: "git was not found on the PATH: install it (apt install git).")
    case .timedOut: self.init(code: .timedOut, detail: error.detail)
    case .outputTooLarge: self.init(code: .tooLarge, detail: error.detail)
    case .notStarted, .cancelled: self.init(code: .failed, detail: error.detail)
    }
  }

  /// Reads what git said on standard error. - Parameter doing: what was tried, as `reading X`.
  init(_ result: CommandResult, doing: String, folder: String) {
    let line = Self.firstLine(result.errorText)
    if line.contains("dubious ownership") {
      self.init(
        code: .notTrusted,
        detail: "git does not trust \(folder), because another user owns it; if you do, run: "
          + "git config --global --add safe.directory \(folder)")
    } else if line.contains("not a git repository") {
      self.init(
        code: .notARepository,
        detail: "\(folder) is not inside a git repository; go to one, or name a diff with "
          + "--diff FILE.")
    } else if line.contains("must be run in a work tree")
      || line.contains("cannot use bare repository")
    {
      self.init(
        code: .notARepository,
        detail: "\(folder) is a bare git repository, which has no working folder; review from a "
          + "clone of it, or name a diff with --diff FILE.")
    } else {
      let said = line.isEmpty ? "it said nothing" : line
      self.init(code: .failed, detail: "git failed at \(doing) in \(folder): \(said)")
    }
  }

  /// Without git's `fatal:` and without control characters, since names in it may be hostile.
  static func firstLine(_ text: String) -> String {
    var line = text.split(whereSeparator: \.isNewline).first.map(String.init) ?? ""
    for prefix in ["fatal: ", "error: ", "warning: "] where line.hasPrefix(prefix) {
      line.removeFirst(prefix.count)
    }
    line.unicodeScalars.removeAll { $0.properties.generalCategory == .control }
    return String(line.prefix(300))
  }
}
