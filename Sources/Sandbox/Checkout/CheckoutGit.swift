import Domain
import Foundation

/// Builds git calls on a bare store of our own making, which holds objects of a repository that
/// nobody vouches for.
///
/// There is no working tree, no index and no settings file of the repository, so that nothing of
/// it can name a hook, a filter, a merge driver or a transport; what git would still take from
/// elsewhere is switched off by the environment, which outranks every file. The settings of the
/// user and of the machine are not read.
struct CheckoutGit: Sendable {
  /// What the remote is called inside the store. Its address stands in the environment alone.
  static let remoteName = "forge"

  let store: String
  let address: CheckoutAddress
  private let environment: [String: String]
  /// `Authorization: …`, or `nil`.
  private let header: String?
  private let runner = CommandRunner()

  /// How a machine reaches the network, as curl reads it.
  private static let passed = [
    "PATH", "http_proxy", "https_proxy", "all_proxy", "no_proxy", "HTTPS_PROXY", "ALL_PROXY",
    "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR", "GIT_SSL_CAINFO", "GIT_SSL_CAPATH",
  ]

  private static let settings = [
    ("core.hooksPath", "/dev/null"), ("core.fsmonitor", "false"), ("core.sshCommand", "false"),
    ("core.gitProxy", ""), ("core.askPass", ""), ("core.attributesFile", "/dev/null"),
    ("core.alternateRefsCommand", "true"), ("core.logAllRefUpdates", "false"),
    ("core.bigFileThreshold", "16m"), ("credential.helper", ""), ("protocol.version", "2"),
    ("submodule.recurse", "false"), ("fetch.recurseSubmodules", "false"),
    ("fetch.negotiationAlgorithm", "noop"), ("fetch.unpackLimit", "1"),
    ("fetch.writeCommitGraph", "false"), ("transfer.bundleURI", "false"),
    ("transfer.credentialsInUrl", "die"), ("push.recurseSubmodules", "no"),
    ("push.gpgSign", "false"), ("push.negotiate", "false"), ("gc.auto", "0"),
    ("maintenance.auto", "false"), ("pack.threads", "1"), ("http.followRedirects", "false"),
    ("http.lowSpeedLimit", "512"), ("http.lowSpeedTime", "30"), ("http.saveCookies", "false"),
    ("http.cookieFile", ""), ("http.proactiveAuth", "none"),
  ]

  /// The other end of a local path is git too, in a repository whose hooks and settings are not
  /// ours: they are switched off there, since git clears the environment's settings for it.
  private static let disarmed =
    "git -c core.hooksPath=/dev/null -c core.fsmonitor=false -c core.alternateRefsCommand=true "
    + "-c uploadpack.allowFilter=true -c uploadpack.allowAnySHA1InWant=true -c gc.auto=0 -c receive.autogc=false "

  init(
    store: String, home: String, address: CheckoutAddress, token: String?,
    environment: [String: String]
  ) throws(WorkspaceError) {
    self.store = store
    self.address = address
    var own = [
      "LC_ALL": "C", "HOME": home, "XDG_CONFIG_HOME": home, "GIT_CONFIG_NOSYSTEM": "1",
      "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_ATTR_NOSYSTEM": "1", "GIT_DIR": store,
      "GIT_TERMINAL_PROMPT": "0", "GIT_PAGER": "cat", "GIT_LITERAL_PATHSPECS": "1",
      "GIT_NO_REPLACE_OBJECTS": "1", "GIT_ALLOW_PROTOCOL": "none", "GIT_ADVICE": "0",
    ]
    for name in Self.passed { own[name] = environment[name] }
    for (index, (key, value)) in Self.settings.enumerated() {
      own["GIT_CONFIG_KEY_\(index)"] = key
      own["GIT_CONFIG_VALUE_\(index)"] = value
    }
    own["GIT_CONFIG_COUNT"] = "\(Self.settings.count)"
    self.environment = own
    guard let token, !token.isEmpty, !address.isLocal else {
      header = nil
      return
    }
    guard token.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
      throw WorkspaceError(
        code: .unauthorized,
        detail: "the token for the repository holds a space, a line break or a character outside "
          + "ASCII.")
    }
    let pair = Data("x-access-token:\(token)".utf8).base64EncodedString()
    header = "Authorization: Basic \(pair)"
  }

  /// A call that reaches nothing but the store, and knows no credential.
  func local(
    _ arguments: [String], input: [UInt8] = [], outputLimit: ByteCount = .mebibytes(64)
  ) -> Command {
    var environment = environment
    // What was left out by a filter is missing, and is never fetched behind our back.
    environment["GIT_NO_LAZY_FETCH"] = "1"
    return command(arguments, environment, input: input, outputLimit: outputLimit, time: nil)
  }

  /// A call that speaks with the remote.
  func remote(_ arguments: [String], input: [UInt8] = [], time: Duration) -> Command {
    var environment = environment
    environment["GIT_ALLOW_PROTOCOL"] = address.transport
    var count = Self.settings.count
    func set(_ key: String, _ value: String) {
      environment["GIT_CONFIG_KEY_\(count)"] = key
      environment["GIT_CONFIG_VALUE_\(count)"] = value
      count += 1
    }
    let name = Self.remoteName
    set("remote.\(name).url", address.text)
    if address.isLocal {
      set("remote.\(name).uploadpack", Self.disarmed + "upload-pack")
      set("remote.\(name).receivepack", Self.disarmed + "receive-pack")
    }
    // By address, so that it is sent to no other place whatever git is told there.
    if let header { set("http.\(address.text).extraHeader", header) }
    environment["GIT_CONFIG_COUNT"] = "\(count)"
    return command(
      arguments, environment, input: input, outputLimit: .mebibytes(16), time: time)
  }

  /// The shell sets bounds that no setting of git gives: a pack can be small and its objects huge.
  private static let bounded =
    "ulimit -c 0; ulimit -v 8388608 2>/dev/null; ulimit -t 600 2>/dev/null; exec git \"$@\""

  private func command(
    _ arguments: [String], _ environment: [String: String], input: [UInt8],
    outputLimit: ByteCount, time: Duration?
  ) -> Command {
    Command(
      "/bin/sh", ["-c", Self.bounded, "git", "--no-pager"] + arguments, environment: environment,
      workingFolder: store, input: input, timeout: time ?? .seconds(60), outputLimit: outputLimit)
  }

  func run(_ command: Command) async throws(WorkspaceError) -> CommandResult {
    do { return try await runner.run(command) } catch { throw WorkspaceError(git: error) }
  }

  /// Standard output of a local call that has to succeed.
  /// - Parameter environment: added for this call.
  func output(
    _ arguments: [String], input: [UInt8] = [], outputLimit: ByteCount = .mebibytes(64),
    doing: String, environment: [String: String] = [:]
  ) async throws(WorkspaceError) -> [UInt8] {
    var command = local(arguments, input: input, outputLimit: outputLimit)
    command.environment.merge(environment) { _, new in new }
    let result = try await run(command)
    guard result.succeeded else { throw WorkspaceError(result, doing: doing) }
    return result.output
  }

  /// An object's name as a local call prints it.
  func name(
    _ arguments: [String], input: [UInt8] = [], doing: String,
    environment: [String: String] = [:]
  ) async throws(WorkspaceError) -> String {
    let output = try await output(
      arguments, input: input, doing: doing, environment: environment)
    let text = String(decoding: output, as: UTF8.self)
      .trimmingCharacters(in: .whitespacesAndNewlines)
    guard Self.isObjectName(text) else {
      throw WorkspaceError(
        code: .failed, detail: "git failed at \(doing): it printed no object name.")
    }
    return text
  }

  /// SHA-1 or SHA-256 in full, lower case.
  static func isObjectName(_ text: String) -> Bool {
    [40, 64].contains(text.utf8.count)
      && text.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
  }

  /// A branch as git's own check accepts it: it stands in arguments and refspecs.
  /// Source: git-check-ref-format(1).
  static func isBranch(_ name: String) -> Bool {
    let parts = name.split(separator: "/", omittingEmptySubsequences: false)
    return !name.isEmpty && name.utf8.count <= 1_000 && !name.hasPrefix("-") && name != "@"
      && !name.hasSuffix(".") && !name.contains("..") && !name.contains("@{")
      && name.unicodeScalars.allSatisfy {
        $0.value > 0x20 && $0.value != 0x7F && !" ~^:?*[\\".unicodeScalars.contains($0)
      }
      && parts.allSatisfy { !$0.isEmpty && !$0.hasPrefix(".") && !$0.hasSuffix(".lock") }
  }
}
