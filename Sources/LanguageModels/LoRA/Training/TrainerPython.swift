import Domain
import Logging

/// The recipes that `Trainer/` has.
enum TrainerRecipe: String, Sendable, CaseIterable {
  case peft, mlx, torchtune
}

/// The Python that a recipe runs in: the user's own, or a private environment in the data folder.
struct TrainerPython: Sendable {
  var path: String
  /// The folder that holds the package `stet_trainer`.
  var code: String

  /// Why the pinned set cannot be imported is what its own check says; where that fails, so does
  /// every training.
  static func prepare(
    _ recipe: TrainerRecipe, _ place: TrainerPlace
  ) async throws(TrainingError) -> TrainerPython {
    do throws(LocalModelError) {
      let code = try TrainerCode.write(below: place.dataFolder + "/trainer")
      if let own = place.python {
        guard own.hasPrefix("/"), StoredFile.identity(of: own) != nil else {
          throw LocalModelError(
            .pythonMissing, "STET_TRAINER_PYTHON \(own) is not the whole path of a program.")
        }
        let python = TrainerPython(path: own, code: code)
        try await python.check(recipe, place)
        return python
      }
      guard recipe == .peft else {
        throw LocalModelError(
          .installFailed,
          "The trainer \(recipe.rawValue) is for those who have it: set STET_TRAINER_PYTHON to a "
            + "Python with \(recipe == .mlx ? "mlx-lm" : "torchtune"), gguf and safetensors.")
      }
      return try await made(place, code)
    } catch {
      throw TrainingError(error)
    }
  }

  /// What a training needs to see of the user's environment; keys of services are not in it.
  static func environment(from user: [String: String], code: String?) -> [String: String] {
    let names: Set = ["PATH", "HOME", "LANG", "TMPDIR", "LD_LIBRARY_PATH", "LD_PRELOAD", "USER"]
    let families = [
      "CUDA_", "NVIDIA_", "HIP_", "HSA_", "ROCR_", "LC_", "OMP_", "OPENBLAS_", "MKL_", "PYTORCH_",
      "TORCH_", "MLX_",
    ]
    var values = user.filter { name, _ in
      names.contains(name) || families.contains { name.hasPrefix($0) }
    }
    // Nothing is fetched while a person's words are at hand.
    values["HF_HUB_OFFLINE"] = "1"
    values["TRANSFORMERS_OFFLINE"] = "1"
    values["HF_HUB_DISABLE_TELEMETRY"] = "1"
    values["TOKENIZERS_PARALLELISM"] = "false"
    values["PYTHONDONTWRITEBYTECODE"] = "1"
    values["PYTHONUNBUFFERED"] = "1"
    if let code { values["PYTHONPATH"] = code }
    return values
  }

  private func check(
    _ recipe: TrainerRecipe, _ place: TrainerPlace
  ) async throws(LocalModelError) {
    let outcome = try await PythonProgram(
      path: path, environment: Self.environment(from: place.environment, code: code)
    ).run(
      ["-m", "stet_trainer", "check", recipe.rawValue], in: code, limit: .seconds(300))
    guard outcome.succeeded else {
      let line = OutputTail.lastLine(of: outcome.tail) { $0.hasPrefix("{") }
      var why = OutputTail.lastLine(of: outcome.tail) ?? "nothing"
      if let line, case .error(let error)? = TrainerEvent(line: Array(line.utf8)) {
        why = error.detail
      }
      throw LocalModelError(
        .installFailed,
        "\(path) lacks what the trainer \(recipe.rawValue) needs: \(why) docs/adapters.md says "
          + "what to install.")
    }
  }

  // MARK: A private environment

  private static func made(
    _ place: TrainerPlace, _ code: String
  ) async throws(LocalModelError) -> TrainerPython {
    let root = place.dataFolder + "/trainer"
    let lock = try await FileLock(root + "/install.lock")
    defer { withExtendedLifetime(lock) {} }
    let system = try await systemPython(place.environment, in: code)
    let set = system.hasOldTorch ? TrainerCode.oldSet : TrainerCode.newSet
    let venv =
      "\(root)/venv-\(system.hasOldTorch ? "torch1" : "torch2")-\(TrainerCode.mark(of: set))"
    let python = TrainerPython(path: venv + "/bin/python3", code: code)
    if StoredFile.exists(venv + "/installed") { return python }
    place.logger.notice("installing what training needs, once, by pip; this may take minutes")
    // What a break left behind is not built upon.
    StoredFile.removeFolder(venv)
    let made = try await system.python.run(
      ["-m", "venv", "--system-site-packages", venv], in: root, limit: .seconds(300))
    guard made.succeeded else {
      StoredFile.removeFolder(venv)
      throw LocalModelError(
        .pythonMissing,
        "Python could not make a private environment in \(root). On Debian or Ubuntu `apt-get "
          + "install python3-venv` mends that. Python said: "
          + "\(OutputTail.lastLine(of: made.tail) ?? "nothing").")
    }
    var arguments = [
      "-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check",
      "--only-binary", ":all:", "-r", "\(code)/stet_trainer/\(set)",
    ]
    // The system's own torch stays: it is what the set was chosen for.
    if system.hasOldTorch { arguments.insert("--no-deps", at: 6) }
    let installed = try await PythonProgram(path: python.path, environment: place.environment).run(
      arguments, in: root, limit: .seconds(3600))
    guard installed.succeeded else {
      let reason =
        OutputTail.lastLine(of: installed.tail) { $0.hasPrefix("ERROR") }
        ?? OutputTail.lastLine(of: installed.tail) ?? "nothing"
      throw LocalModelError(
        .installFailed,
        "Could not install what training needs with pip, which said: \(reason). Check the network "
          + "and pip's settings, or set STET_TRAINER_PYTHON to a Python that has it.")
    }
    try await python.check(.peft, place)
    try StoredFile.replace(venv + "/installed", with: Array("\(set)\n".utf8))
    return python
  }

  private struct SystemPython {
    var python: PythonProgram
    var hasOldTorch: Bool
  }

  /// The Python whose packages are built upon: one that has torch 1.13, which needs nothing of
  /// CUDA, before the first on the PATH.
  private static func systemPython(
    _ environment: [String: String], in folder: String
  ) async throws(LocalModelError) -> SystemPython {
    let first = try PythonProgram(environment: environment)
    var candidates = [first]
    if first.path != "/usr/bin/python3", StoredFile.exists("/usr/bin/python3") {
      candidates.append(PythonProgram(path: "/usr/bin/python3", environment: environment))
    }
    for candidate in candidates {
      let answer = try await candidate.run(
        ["-c", "import torch; print('torch ' + torch.__version__)"], in: folder,
        limit: .seconds(120))
      if answer.succeeded, answer.tail.contains("torch 1.13") {
        return SystemPython(python: candidate, hasOldTorch: true)
      }
    }
    return SystemPython(python: first, hasOldTorch: false)
  }
}
