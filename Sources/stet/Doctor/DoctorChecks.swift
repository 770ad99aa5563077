import Domain
import Foundation
import LanguageModels
import Sandbox

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

extension Wiring {
  /// What `stet doctor` looks at, in the order in which it is printed.
  func doctorChecks(offline: Bool) -> [DoctorCheck] {
    let probe = ProgramProbe(environment: settings.environment)
    return [
      DoctorCheck("settings") { settingsFinding },
      DoctorCheck("git") {
        await probe.look(
          "git",
          missing: .broken(
            "not found on the PATH", "install git; without it only --diff can be reviewed"))
      },
      DoctorCheck("data folder") { DataFolder(settings.dataFolder).look() },
      DoctorCheck("database") { await lookAtDatabase() },
      DoctorCheck("isolation") {
        let report = await Isolation(environment: settings.environment).probe()
        let detail = report.version.map { "bubblewrap \($0)" } ?? "bubblewrap"
        return report.works ? .ok(detail) : .absent(detail, report.sentence)
      },
      DoctorCheck("sandbox") { await lookAtSandbox() },
      DoctorCheck("images") { imagesFinding },
      DoctorCheck("python3") {
        await probe.look(
          "python3",
          missing: .absent(
            "not found on the PATH",
            "install python3 to have suggested Python checked by its own parser"))
      },
      DoctorCheck("swiftc") {
        await probe.look(
          "swiftc",
          missing: .absent(
            "not found on the PATH",
            "a Swift toolchain checks suggested Swift; nothing else needs it"))
      },
      DoctorCheck("model server") { await lookAtModelServer(probe) },
      DoctorCheck("local models") { localModelsFinding },
    ] + providerChecks(offline: offline) + [
      DoctorCheck("proxies") { proxiesFinding },
      DoctorCheck("terminal") {
        let terminal = Terminal(environment: settings.environment)
        return .ok(
          "colours \(terminal.colour ? "on" : "off"), progress \(terminal.progress ? "on" : "off")")
      },
    ]
  }

  private var settingsFinding: DoctorFinding {
    settings.warnings.isEmpty
      ? .ok("all right; `stet settings` prints them")
      : .absent(settings.warnings.joined(separator: " "), "`stet settings` prints them")
  }

  private func lookAtDatabase() async -> DoctorFinding {
    let place = settings.database.place
    do {
      let schema = try await schemaVersion()
      if let source = try await database.unfinishedCopy() {
        return .broken(
          "\(place) holds a copy from \(source) that is not finished",
          "run the same stet migrate --to or stet restore again")
      }
      _ = try await runs.runs(limit: 1, before: nil)
      let connections =
        settings.database.isShared ? ", \(settings.service.connections) connections" : ""
      let finding = "\(place), schema \(schema)\(connections)"
      if settings.database.isShared, settings.secretKeys.isEmpty {
        return .broken(finding, "set STET_SECRET_KEY, such as `openssl rand -base64 32` makes it")
      }
      return .ok(finding)
    } catch {
      return .broken(
        error.detail,
        settings.database.isShared
          ? "check DATABASE_URL, and that the server runs"
          : "choose another DATABASE_URL or STET_DATA_DIR, or mend the file")
    }
  }

  private func lookAtModelServer(_ probe: ProgramProbe) async -> DoctorFinding {
    if let path = probe.path(of: "llama-server") { return .ok(path) }
    let installed =
      (try? FileManager.default.contentsOfDirectory(
        atPath: settings.dataFolder + "/llama")) ?? []
    if let venv = installed.first(where: { $0.hasPrefix("venv-") }) {
      return .ok("xllamacpp \(venv.dropFirst(5)), private to Stet")
    }
    guard settings.providers.contains(.local), probe.path(of: "python3") == nil else {
      return .absent(
        "no llama-server on the PATH", "LLM_PROVIDER=local installs one of its own at first use")
    }
    return .broken(
      "no llama-server on the PATH, and no python3 to install one with",
      "install python3 with venv and pip, or llama.cpp")
  }

  private var localModelsFinding: DoctorFinding {
    let ready = modelStore.list().filter { $0.state == .ready }.map(\.entry.name)
    guard ready.isEmpty else { return .ok(ready.joined(separator: ", ")) }
    return settings.providers.contains(.local)
      ? .broken("none, and LLM_PROVIDER asks for one", "run stet model pull")
      : .absent("none", "stet model pull fetches one that runs on this machine")
  }

  /// Runs a program that does nothing; that it comes back is the proof that all measures hold.
  private func lookAtSandbox() async -> DoctorFinding {
    let report = await sandbox.report()
    await sandbox.shutDown()
    guard report.backend != "none" else {
      return .absent(
        "programs cannot be kept apart here, so no code of others is run",
        report.problems.joined(separator: " "))
    }
    let found = ([report.backend] + report.measures).joined(separator: ", ")
    return report.problems.isEmpty
      ? .ok(found) : .absent(found, report.problems.joined(separator: " "))
  }

  private var imagesFinding: DoctorFinding {
    let listings = images.list()
    let ready = listings.compactMap { listing in
      listing.prepared.map { "\(listing.definition.image.rawValue) (Python \($0.version))" }
    }
    if let without = listings.first(where: { $0.state == .unavailable }) {
      return .absent(
        ready.isEmpty ? "no Python of the system" : ready.joined(separator: ", "),
        "install Python \(without.definition.pythons) in /usr/bin, where every user may run it, to "
          + "have the image \(without.definition.image.rawValue)")
    }
    let outdated = listings.filter { $0.state == .outdated }.map(\.definition.image.rawValue)
    if !outdated.isEmpty {
      return .absent(
        "outdated: \(outdated.joined(separator: ", "))",
        "stet sandbox prepare \(outdated.joined(separator: " ")) brings them up to date")
    }
    let shown = ready.joined(separator: ", ")
    return listings.contains { $0.definition.image == .test && $0.state == .ready }
      ? .ok(shown)
      : .absent(shown, "stet sandbox prepare fetches what Python is tested and linted with")
  }

  private func providerChecks(offline: Bool) -> [DoctorCheck] {
    guard !settings.providers.isEmpty else {
      return [
        DoctorCheck("provider") {
          .absent(
            "none set, so reviews go by the built-in rules", "set LLM_PROVIDER, such as local")
        }
      ]
    }
    return settings.providers.enumerated().compactMap { place, provider in
      guard provider != .local else { return nil }
      return DoctorCheck(provider.rawValue) {
        if let key = provider.neededKey, settings.value(key) == nil {
          return .absent("\(key) is not set, so it is not asked", "set \(key)")
        }
        if offline { return .ok("not asked (--offline)") }
        return await reach(provider, at: place)
      }
    }
  }

  private var proxiesFinding: DoctorFinding {
    let set = SettingDefinition.proxies.sorted().compactMap { name in
      settings.values[name]?.shown.map { "\(name)=\($0)" }
    }
    return .ok(set.isEmpty ? "none" : set.joined(separator: " "))
  }
}

/// Looks for programs under the absolute folders of the `PATH` and asks them for their version.
struct ProgramProbe: Sendable {
  var environment: [String: String]

  func path(of program: String) -> String? {
    for folder in (environment["PATH"] ?? "").split(separator: ":") where folder.hasPrefix("/") {
      let path = "\(folder)/\(program)"
      if access(path, X_OK) == 0 { return path }
    }
    return nil
  }

  func look(_ program: String, missing: DoctorFinding) async -> DoctorFinding {
    guard let path = path(of: program) else { return missing }
    do {
      let result = try await CommandRunner().run(
        Command(
          path, ["--version"], environment: environment, workingFolder: "/",
          timeout: .seconds(10)))
      guard result.succeeded else {
        return DoctorFinding(
          state: missing.state, detail: "\(path) --version failed", advice: missing.advice)
      }
      let text = String(decoding: result.output, as: UTF8.self)
      let line = text.split(whereSeparator: \.isNewline).first.map(String.init)
      return .ok("\(line ?? "no version") (\(path))")
    } catch {
      return DoctorFinding(state: missing.state, detail: error.detail, advice: missing.advice)
    }
  }
}

/// The folder that holds the database and the models.
struct DataFolder: Sendable {
  var path: String
  init(_ path: String) { self.path = path }

  /// What a review or a small model needs at least.
  static let wantedSpace = 200 << 20

  /// Makes it where it is missing, for its owner alone.
  func make() throws(CommandFailure) {
    do {
      try FileManager.default.createDirectory(
        atPath: path, withIntermediateDirectories: true,
        attributes: [.posixPermissions: 0o700])
    } catch {
      throw .failed(
        "The data folder \(path) cannot be made. Set STET_DATA_DIR to a folder that you may write "
          + "to.")
    }
  }

  func look() -> DoctorFinding {
    do {
      try make()
    } catch {
      return .broken("\(path) cannot be made", "set STET_DATA_DIR to a folder you may write to")
    }
    let trial = "\(path)/.doctor-\(getpid())"
    let descriptor = open(trial, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else {
      return .broken(
        "\(path): \(String(cString: strerror(errno)))",
        "set STET_DATA_DIR to a folder you may write to")
    }
    close(descriptor)
    unlink(trial)
    var facts = statvfs()
    guard statvfs(path, &facts) == 0 else { return .ok(path) }
    let free = Int(facts.f_bavail) * Int(facts.f_frsize)
    let shown = "\(path), \(ModelListing.size(free)) free"
    return free < Self.wantedSpace
      ? .broken(shown, "free some space, or set STET_DATA_DIR to another disk") : .ok(shown)
  }
}
