import Domain

/// Builds git calls that read a hostile checkout and run nothing of it.
///
/// A repository's own `.git/config` can name programs in many places. Each is switched off by
/// settings of higher rank: the environment's `GIT_CONFIG_KEY_n`, which unlike `-c` takes any name.
/// The settings of the user and of the machine are read, because they hold `safe.directory`.
struct HardenedGit: Sendable {
  /// Where git runs.
  var folder: String
  private var environment: [String: String]
  private let runner: CommandRunner

  /// Variables of the caller that say where the user's own settings are. None of them names a
  /// repository, so a surrounding git hook cannot turn us to another one.
  private static let passed = [
    "PATH", "HOME", "XDG_CONFIG_HOME", "USER", "SUDO_UID", "GIT_CONFIG_GLOBAL",
    "GIT_CONFIG_SYSTEM", "GIT_CONFIG_NOSYSTEM", "GIT_CEILING_DIRECTORIES",
    "GIT_DISCOVERY_ACROSS_FILESYSTEM",
  ]

  private static let fixed = [
    "LC_ALL": "C",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_PAGER": "cat",
    // Stronger than `protocol.allow`, which a repository can undo for one protocol.
    "GIT_ALLOW_PROTOCOL": "none",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_LITERAL_PATHSPECS": "1",
  ]

  private static let settings = [
    ("stet.hardened", "yes"),
    ("core.hooksPath", "/dev/null"),
    ("core.fsmonitor", "false"),
    ("core.pager", "cat"),
    ("core.sshCommand", "false"),
    ("core.gitProxy", ""),
    ("core.askPass", ""),
    ("core.untrackedCache", "false"),
    ("core.quotePath", "true"),
    ("credential.helper", ""),
    ("protocol.allow", "never"),
    ("safe.bareRepository", "explicit"),
    ("submodule.recurse", "false"),
    ("diff.noprefix", "false"),
    ("diff.mnemonicPrefix", "false"),
    ("diff.suppressBlankEmpty", "false"),
    ("diff.autoRefreshIndex", "true"),
  ]

  init(folder: String, environment: [String: String], runner: CommandRunner) {
    self.folder = folder
    self.runner = runner
    var own = Self.fixed
    for name in Self.passed { own[name] = environment[name] }
    self.environment = own
    set(Self.settings)
  }

  /// Adds settings that outrank every file.
  private mutating func set(_ pairs: [(String, String)]) {
    var count = Int(environment["GIT_CONFIG_COUNT"] ?? "") ?? 0
    for (key, value) in pairs {
      environment["GIT_CONFIG_KEY_\(count)"] = key
      environment["GIT_CONFIG_VALUE_\(count)"] = value
      count += 1
    }
    environment["GIT_CONFIG_COUNT"] = "\(count)"
  }

  func command(_ arguments: [String]) -> Command {
    Command(
      "git", ["--no-pager"] + arguments, environment: environment, workingFolder: folder,
      timeout: .seconds(30))
  }

  func run(_ command: Command) async throws(GitError) -> CommandResult {
    do { return try await runner.run(command) } catch { throw GitError(error) }
  }

  /// Runs and hands back the result whatever the exit status.
  func run(_ arguments: [String]) async throws(GitError) -> CommandResult {
    try await run(command(arguments))
  }

  /// Standard output of a call that has to succeed, without its last newline.
  func line(_ arguments: [String], doing: String) async throws(GitError) -> String {
    let result = try await run(arguments)
    guard result.succeeded else { throw GitError(result, doing: doing, folder: folder) }
    var text = String(decoding: result.output, as: UTF8.self)
    if text.hasSuffix("\n") { text.removeLast() }
    return text
  }

  /// Reads all settings once: proves that ours took effect, and empties every filter driver, since
  /// `git diff` of the working folder would run them.
  mutating func disarm() async throws(GitError) -> [String: String] {
    let result = try await run(["config", "--list", "-z"])
    guard result.succeeded else {
      throw GitError(result, doing: "reading its settings", folder: folder)
    }
    let all = Self.parse(result.output)
    guard all["stet.hardened"] == "yes" else {
      throw GitError(
        code: .noGit,
        detail: "git is older than 2.31, which cannot be kept from running programs that a "
          + "checkout names; install a newer one.")
    }
    let drivers = try Self.filterDrivers(in: result.output, folder: folder)
    for driver in drivers.sorted() {
      set([
        ("\(driver).clean", ""), ("\(driver).smudge", ""), ("\(driver).process", ""),
        ("\(driver).required", "false"),
      ])
    }
    return all
  }

  /// Names of the filters, `filter.` included. They are compared as git compares them, by bytes: two
  /// names that Swift takes for one, or bytes that are no text, would leave a filter armed. So what
  /// is not plain ASCII is refused.
  private static func filterDrivers(
    in output: [UInt8], folder: String
  ) throws(GitError) -> Set<String> {
    var drivers: Set<String> = []
    for entry in output.split(separator: 0) {
      let key = entry.prefix { $0 != UInt8(ascii: "\n") }
      guard key.starts(with: "filter.".utf8), let dot = key.lastIndex(of: UInt8(ascii: ".")),
        dot - key.startIndex > 6
      else { continue }
      guard key.allSatisfy({ $0 >= 0x20 && $0 < 0x7F }) else {
        throw GitError(
          code: .notTrusted,
          detail: "the git settings of \(folder) name a filter in letters that cannot be switched "
            + "off safely; remove it from .git/config, or name a diff with --diff FILE.")
      }
      drivers.insert(String(decoding: key[..<dot], as: UTF8.self))
    }
    return drivers
  }

  /// `key LF value NUL`; the last of several values wins. Keys arrive with section and variable in
  /// lower case.
  private static func parse(_ output: [UInt8]) -> [String: String] {
    var found: [String: String] = [:]
    for entry in output.split(separator: 0) {
      let newline = entry.firstIndex(of: UInt8(ascii: "\n"))
      let key = String(decoding: entry[..<(newline ?? entry.endIndex)], as: UTF8.self)
      let value = newline.map { String(decoding: entry[($0 + 1)...], as: UTF8.self) }
      found[key] = value ?? "true"
    }
    return found
  }
}
