import Domain

/// What was found to work on this machine, once tried.
struct BackendChoice: Sendable {
  var backend: SandboxBackend?
  var measures: [String]
  /// One sentence each, the one that matters most first.
  var problems: [String]
  /// The warm interpreter that was tried, to be used on.
  var nursery: NurseryProcess?
  var at = ContinuousClock.now

  static func make(
    _ mode: SandboxMode, launcher: RunLauncher, python: PreparedImage?
  ) async -> BackendChoice {
    guard let python else {
      return BackendChoice(
        backend: nil, measures: [],
        problems: ["There is no python3 in /usr/bin or /usr/local/bin: apt install python3."])
    }
    if mode == .bare {
      return BackendChoice(
        backend: .bare, measures: [],
        problems: ["Programs run bare, as this user, with all that it may do."])
    }
    var problems: [String] = []
    if mode != .bubblewrap {
      do throws(SandboxError) {
        let process = try await launcher.nursery(python)
        let measures = try await tried(launcher.ready(process.open(), backend: .zygote))
        return BackendChoice(
          backend: .zygote, measures: measures, problems: [], nursery: process)
      } catch {
        problems.append(
          "No warm interpreter works here, so that each run costs more time: \(error.detail)")
      }
    }
    if mode != .zygote {
      do throws(SandboxError) {
        return BackendChoice(
          backend: .bubblewrap, measures: try await tryOnce(launcher, python), problems: problems)
      } catch {
        problems.append(error.detail)
      }
    }
    // Where bubblewrap itself fails it says why, and what to do is known.
    let isolation = await launcher.isolation.probe()
    if !isolation.works { problems.insert(isolation.sentence, at: 0) }
    return BackendChoice(backend: nil, measures: [], problems: problems)
  }

  /// Commands on a checkout are never run by a warm interpreter. - Returns: why they cannot be run.
  static func problemOfOneShot(_ launcher: RunLauncher, _ python: PreparedImage) async -> String? {
    do throws(SandboxError) {
      _ = try await tryOnce(launcher, python)
      return nil
    } catch {
      return "Commands on a checkout cannot be run here: \(error.detail)"
    }
  }

  private static func tryOnce(
    _ launcher: RunLauncher, _ python: PreparedImage
  ) async throws(SandboxError) -> [String] {
    try await tried(launcher.once(python))
  }

  /// A result is the only proof that all measures hold together.
  private static func tried(_ opened: OpenedRun) async throws(SandboxError) -> [String] {
    defer { opened.channel.cut() }
    let result = try await opened.carryOut(SandboxTask(.python("pass")))
    guard result.succeeded else {
      throw SandboxError(
        code: .unavailable, detail: "A program that does nothing ended with \(result.end).")
    }
    return opened.measures
  }
}
