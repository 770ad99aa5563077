import Subprocess

/// The program that serves a model: llama.cpp's own `llama-server` where the user has one, else the
/// same server out of a Python package, in a private environment in the data folder.
struct LlamaProgram: Sendable {
  enum Kind: Sendable, Equatable {
    case installed(path: String)
    case python(path: String, launcher: String)
  }

  /// What is installed when there is no `llama-server`. Pinned, because the settings that Stet
  /// passes are those of this version.
  static let package = "xllamacpp"
  static let version = "2026.10.11549"

  /// Without these, waiting threads spin, and generation collapses on a busy machine. The second
  /// line of names is read by `llama-server`, which ignores what it does not know: the first keeps
  /// old prompts in memory within bounds (8 GiB by default), the second leaves out the web pages.
  static let settings = [
    "OMP_WAIT_POLICY": "passive", "GOMP_SPINCOUNT": "0",
    "LLAMA_ARG_CACHE_RAM": String(promptCacheMiB), "LLAMA_ARG_NO_WEBUI": "1",
  ]
  static let promptCacheMiB = 256

  var kind: Kind

  struct Order: Sendable {
    var model: String
    var name: String
    var port: Int
    /// Tokens over all slots together.
    var context: Int
    var slots: Int
    var threads: Int
    /// LoRA adapters for llama.cpp, by whose place each request chooses.
    var adapters: [String] = []

    /// Prompts that are kept beside the slots are not kept apart by adapter.
    var promptCacheMiB: Int { adapters.isEmpty ? LlamaProgram.promptCacheMiB : 0 }
  }

  func arguments(_ order: Order) -> [String] {
    switch kind {
    case .installed(let path):
      [
        path, "--model", order.model, "--alias", order.name, "--host", "127.0.0.1", "--port",
        String(order.port), "--ctx-size", String(order.context), "--parallel", String(order.slots),
        "--threads", String(order.threads), "--metrics",
      ]
        + order.adapters.flatMap { ["--lora", $0] }
        + (order.adapters.isEmpty ? [] : ["--lora-init-without-apply", "--cache-ram", "0"])
    case .python(let path, let launcher):
      [
        path, launcher, "--model", order.model, "--alias", order.name, "--port",
        String(order.port), "--context", String(order.context), "--slots", String(order.slots),
        "--threads", String(order.threads), "--prompt-cache-mib", String(order.promptCacheMiB),
      ]
        + order.adapters.flatMap { ["--lora", $0] }
    }
  }

  /// What the server needs to see of the user's environment; keys of other services are not in it.
  static func environment(from user: [String: String], key: String) -> [String: String] {
    let names: Set = ["PATH", "HOME", "LANG", "TMPDIR", "LD_LIBRARY_PATH", "USER"]
    let families = ["CUDA_", "NVIDIA_", "HIP_", "HSA_", "ROCR_", "GGML_", "VK_", "LC_"]
    var values = user.filter { name, _ in
      names.contains(name) || families.contains { name.hasPrefix($0) }
    }
    values.merge(settings) { $1 }
    values["LLAMA_API_KEY"] = key
    return values
  }

  // MARK: Finding and installing

  /// The program that would be used, without installing anything; `nil` when there is none yet.
  static func present(dataFolder: String, environment: [String: String]) -> LlamaProgram? {
    if let path = ProgramSearch.find("llama-server", environment: environment) {
      return LlamaProgram(kind: .installed(path: path))
    }
    let home = Home(dataFolder: dataFolder)
    guard StoredFile.exists(home.mark), StoredFile.identity(of: home.python) != nil else {
      return nil
    }
    return LlamaProgram(kind: .python(path: home.python, launcher: home.launcher))
  }

  /// The program, installed now if need be (a download of 34 MB, once).
  /// - Throws: `pythonMissing`, `installFailed`, `diskFull`, `storage`, `cancelled`.
  static func prepare(
    dataFolder: String, environment: [String: String], installing: @Sendable () -> Void
  ) async throws(LocalModelError) -> LlamaProgram {
    let home = Home(dataFolder: dataFolder)
    if let program = present(dataFolder: dataFolder, environment: environment) {
      if case .python = program.kind { try home.writeLauncher() }
      return program
    }
    try StoredFile.makeFolder(home.folder)
    let lock = try await FileLock(home.folder + "/install.lock")
    defer { withExtendedLifetime(lock) {} }
    if let program = present(dataFolder: dataFolder, environment: environment) {
      try home.writeLauncher()
      return program
    }
    installing()
    // What a break left behind is not built upon.
    StoredFile.removeFolder(home.venv)
    let python = try PythonProgram(environment: environment)
    let made = try await python.run(
      ["-m", "venv", home.venv], in: home.folder, limit: .seconds(300))
    if !made.succeeded {
      StoredFile.removeFolder(home.venv)
      throw LocalModelError(
        .pythonMissing,
        "Python could not make a private environment in \(home.folder). On Debian or Ubuntu "
          + "`apt-get install python3-venv` mends that. Python said: "
          + "\(OutputTail.lastLine(of: made.tail) ?? "nothing").")
    }
    let installed = try await PythonProgram(path: home.python, environment: environment).run(
      [
        "-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check",
        "--no-deps", "--only-binary", ":all:", "\(package)==\(version)",
      ], in: home.folder, limit: .seconds(900))
    guard installed.succeeded else {
      let reason =
        OutputTail.lastLine(of: installed.tail) { $0.hasPrefix("ERROR") }
        ?? OutputTail.lastLine(of: installed.tail) ?? "nothing"
      throw LocalModelError(
        .installFailed,
        "Could not install the model server (\(package) \(version)) with pip, which said: "
          + "\(reason). Check the network and pip's settings and try again, or put a `llama-server` "
          + "of llama.cpp on the PATH.")
    }
    try home.writeLauncher()
    try StoredFile.replace(home.mark, with: Array("\(version)\n".utf8))
    return LlamaProgram(kind: .python(path: home.python, launcher: home.launcher))
  }

  private struct Home {
    var folder: String
    var venv: String { "\(folder)/venv-\(LlamaProgram.version)" }
    var python: String { "\(venv)/bin/python3" }
    var mark: String { "\(venv)/installed" }
    var launcher: String { "\(folder)/serve.py" }

    init(dataFolder: String) { folder = dataFolder + "/llama" }

    func writeLauncher() throws(LocalModelError) {
      let text = Array(LlamaScripts.launcher.utf8)
      if StoredFile.read(launcher) != text { try StoredFile.replace(launcher, with: text) }
    }
  }
}
