import Domain
import Foundation

/// One attempt at installing an image's packages into a folder of its own.
struct ImageInstallation: Sendable {
  let definition: ImageDefinition
  let python: SystemPython
  let folder: String
  /// Does not exist before.
  let made: String
  let environment: [String: String]

  private let runner = CommandRunner()

  init(
    definition: ImageDefinition, python: SystemPython, folder: String, made: String,
    environment: [String: String]
  ) {
    self.definition = definition
    self.python = python
    self.folder = folder
    self.made = made
    self.environment = environment
  }

  /// Kept between attempts, so that one goes on where the last was killed.
  var downloads: String { "\(folder)/.\(definition.image.rawValue).downloads" }
  private var site: String { made + "/site" }
  private var packages: [PinnedPackage] { definition.packages(for: python.version) }

  func install(_ progress: @Sendable (ImageProgress) -> Void) async throws(ImageError) {
    try ImageStore.makeFolder(site)
    let version = try await exactVersion()
    progress(.installing(packages: packages.count))
    try await runPip()
    try await openToReaders()
    progress(.trying)
    try await tryImports()
    if packages.contains(where: { $0.name == "mypy" }) {
      await TypeCache(python: python.path, site: site, environment: environment).make()
      try await openToReaders()
    }
    try write(
      JSONEncoder.image.encode,
      ImageStore.Note(
        name: definition.image.rawValue, python: python.path, version: version,
        packages: ImageStore.versions(packages), preload: definition.preload),
      to: made + "/image.json")
  }

  /// The interpreter says its whole version, `3.11.2`; its place says only `3.11`.
  private func exactVersion() async throws(ImageError) -> String {
    let result = try await step(
      python.path, ["-I", "-S", "-c", "import platform; print(platform.python_version())"])
    let text =
      String(decoding: result.output, as: UTF8.self)
      .split(whereSeparator: \.isWhitespace).first.map(String.init) ?? ""
    guard PythonVersion(text) == python.version else {
      throw ImageError(
        code: .noPython,
        detail: "\(python.path) says that it is Python \(text), and lies where \(python.version) "
          + "should. Mend the system's Python.")
    }
    return text
  }

  // MARK: pip

  private func runPip() async throws(ImageError) {
    let requirements = made + "/requirements.txt"
    try write(
      { (text: String) in Data(text.utf8) },
      packages.map(\.requirement).joined(separator: "\n") + "\n", to: requirements)
    let result: CommandResult
    do {
      result = try await runner.run(
        Command(
          python.path,
          [
            // Isolated, so that nothing of the working folder or of PYTHONPATH is imported.
            "-I", "-m", "pip", "install", "--target", site, "--require-hashes", "--no-deps",
            "--only-binary", ":all:", "--no-warn-script-location", "--no-input",
            "--disable-pip-version-check", "--progress-bar", "off", "--retries", "2",
            "--cache-dir", downloads, "-r", requirements,
          ],
          environment: pipEnvironment, workingFolder: made, timeout: .seconds(1_800)))
    } catch {
      throw told(error)
    }
    try? FileManager.default.removeItem(atPath: requirements)
    guard !result.succeeded else { return }
    let said = String(decoding: result.output, as: UTF8.self) + "\n" + result.errorText
    throw PipFailure(
      said: said, image: definition.image.rawValue, python: python.path, folder: folder
    ).error
  }

  /// pip's own settings and the network's, and nothing that could send it elsewhere.
  private var pipEnvironment: [String: String] {
    let conflicting: Set = [
      "PIP_TARGET", "PIP_USER", "PIP_PREFIX", "PIP_ROOT", "PIP_REQUIRE_VIRTUALENV", "PIP_UPGRADE",
      "PIP_CACHE_DIR", "PIP_NO_CACHE_DIR", "PIP_QUIET", "PIP_PYTHON", "PIP_DRY_RUN", "PIP_LOG",
      "PIP_REQUIREMENT", "PIP_EDITABLE", "PIP_CONSTRAINT", "PIP_NO_BINARY", "PIP_PRE",
    ]
    let network: Set = [
      "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR",
      "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NETRC", "HOME", "XDG_CONFIG_HOME", "TMPDIR",
    ]
    var kept = environment.filter { name, _ in
      network.contains(name.uppercased())
        || (name.hasPrefix("PIP_") && !conflicting.contains(name))
    }
    kept["PATH"] = "/usr/bin:/bin"
    kept["LC_ALL"] = "C.UTF-8"
    kept["PIP_ROOT_USER_ACTION"] = "ignore"
    // Its temporary files on the same disk, for `/tmp` is often small.
    kept["TMPDIR"] = made
    return kept
  }

  // MARK: Trying

  /// Imports what the nursery will, in the sandbox, where code of packages runs for the first time.
  private func tryImports() async throws(ImageError) {
    guard !definition.preload.isEmpty else { return }
    let program = """
      import importlib, sys
      sys.path.append(sys.argv[1])
      for name in sys.argv[2:]:
          importlib.import_module(name)
      """
    let isolation = Isolation(environment: environment)
    let wanted = isolation.command(
      [python.path, "-I", "-S", "-B", "-c", program, site] + definition.preload,
      readOnly: [site], timeout: .seconds(120))
    // Without bubblewrap nothing will run in the image either; `stet doctor` says so.
    guard let wanted else { return }
    let result: CommandResult
    do {
      result = try await runner.run(wanted)
    } catch {
      throw told(error)
    }
    guard !result.succeeded, !result.errorText.hasPrefix("bwrap:") else { return }
    let last = result.errorText.split(whereSeparator: \.isNewline).last.map(String.init) ?? ""
    throw ImageError(
      code: .failed,
      detail: "The packages of the image \(definition.image.rawValue) were installed, but cannot "
        + "be imported with \(python.path): \(Defanged.forTerminal(last, oneLine: true, limit: 400))."
    )
  }

  // MARK: Steps

  /// Whatever the umask of this process is, an unprivileged user reads the image.
  private func openToReaders() async throws(ImageError) {
    try await step("/bin/chmod", ["-R", "u+rwX,go=rX", made])
  }

  @discardableResult
  private func step(
    _ program: String, _ arguments: [String]
  ) async throws(ImageError) -> CommandResult {
    let result: CommandResult
    do {
      result = try await runner.run(
        Command(program, arguments, workingFolder: made, timeout: .seconds(120)))
    } catch {
      throw told(error)
    }
    guard !result.succeeded else { return result }
    throw ImageError(
      code: .failed,
      detail: "The image \(definition.image.rawValue) was not prepared: \(program) failed: "
        + "\(GitError.firstLine(result.errorText)).")
  }

  private func told(_ error: CommandError) -> ImageError {
    ImageError(
      code: error.code == .cancelled ? .cancelled : .failed,
      detail: "The image \(definition.image.rawValue) was not prepared: "
        + SecretMask.masked(error.detail).text)
  }

  private func write<Value>(
    _ encode: (Value) throws -> Data, _ value: Value, to path: String
  ) throws(ImageError) {
    do {
      try encode(value).write(to: URL(filePath: path), options: .atomic)
      try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: path)
    } catch {
      throw ImageError(
        code: .storage, detail: "\(path) cannot be written: \(ImageStore.reason(error)).")
    }
  }
}

extension JSONEncoder {
  fileprivate static var image: JSONEncoder {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    return encoder
  }
}

/// What pip's own words mean for whoever wants the image.
struct PipFailure {
  var said: String
  var image: String
  var python: String
  var folder: String

  var error: ImageError {
    if said.contains("No module named pip") {
      return ImageError(
        code: .noPip,
        detail: "\(python) has no pip, which installs the packages of the image \(image). Install "
          + "it, on Debian or Ubuntu with `apt install python3-pip`.")
    }
    if said.contains("No space left on device") || said.contains("Errno 28") {
      return ImageError(
        code: .diskFull,
        detail:
          "The disk of \(folder) is full. Free some space and run the command again; what was "
          + "fetched is kept.")
    }
    // Before anything else that pip says of packages: without a network it says that there are none.
    let unreachable = [
      "Failed to establish a new connection", "Temporary failure in name resolution",
      "ConnectTimeoutError", "ReadTimeoutError", "ProxyError", "Connection refused",
      "NewConnectionError", "Network is unreachable", "SSLError", "RemoteDisconnected",
      "Connection reset", "Connection broken", "ProtocolError",
    ]
    if let sign = unreachable.first(where: { said.contains($0) }) {
      return ImageError(
        code: .network,
        detail: "The package index could not be reached for the image \(image) (pip: \(sign)). "
          + "Check the network, the proxy settings and pip's index-url, and run the command again; "
          + "what was fetched is kept.")
    }
    if said.contains("DO NOT MATCH THE HASHES") {
      return ImageError(
        code: .packages,
        detail: "The package index has other bytes than those that Stet was made with, so nothing "
          + "was installed for the image \(image). Check pip's index-url; a proxy that changes "
          + "packages must be left out.")
    }
    if said.contains("No matching distribution") || said.contains("Could not find a version") {
      return ImageError(
        code: .packages,
        detail: "The package index has no wheel for this machine of what the image \(image) needs: "
          + "\(reason) Images need Linux with glibc on x86-64 or ARM 64, and pip's index-url one "
          + "that has what pypi.org has.")
    }
    return ImageError(
      code: .failed, detail: "pip could not install the image \(image): \(reason)")
  }

  /// pip's last line that says what was wrong.
  private var reason: String {
    let lines = said.split(whereSeparator: \.isNewline).map(String.init)
    let line = lines.last { $0.hasPrefix("ERROR:") } ?? lines.last ?? "it said nothing"
    let masked = SecretMask.masked(Defanged.forTerminal(line, oneLine: true, limit: 400)).text
    return masked.hasSuffix(".") ? masked : masked + "."
  }
}
