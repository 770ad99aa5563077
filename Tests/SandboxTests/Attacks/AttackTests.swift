import Domain
import Foundation
import Logging
import Synchronization
import TestKit
import Testing

@testable import Sandbox

private let environment = ProcessInfo.processInfo.environment

/// A way of keeping programs apart that every attack is tried on.
enum AttackedBackend: String, Sendable, CaseIterable, CustomTestStringConvertible {
  case zygote, bubblewrap

  var testDescription: String { rawValue }

  private static func make(_ mode: SandboxMode) -> IsolatedSandbox {
    IsolatedSandbox(
      images: ImageStore(folder: TestImages.folder), environment: environment, mode: mode,
      bounds: .init(runs: 4, sessions: 4, standbys: 2), logger: Logger(label: "attacks"))
  }
  private static let zygotes = make(.zygote)
  private static let bubblewraps = make(.bubblewrap)

  var sandbox: IsolatedSandbox {
    switch self {
    case .zygote: Self.zygotes
    case .bubblewrap: Self.bubblewraps
    }
  }
}

enum AttackSetting {
  static let user = getuid() == 0 ? "root" : "uid \(getuid())"
  /// `make attack`, and the slow tests.
  static let isOn = environment["STET_ATTACKS"] != nil || SlowTests.isOn
  static let off = "attacks take a minute or two: make attack, or STET_TEST_SLOW=1"
  /// Only those whose name holds the text that `STET_ATTACKS` is, unless it is `1`.
  static func isChosen(_ name: String) -> Bool {
    guard let text = environment["STET_ATTACKS"], text != "1", !text.isEmpty else { return true }
    return name.contains(text)
  }
  static var chosen: [Attack] { Attack.all.filter { isChosen($0.name) } }

  /// `make attack` and `STET_TEST_SLOW=all` try every one on both; `STET_TEST_SLOW=1` every one on
  /// the way that is taken where it can be, and every third on the other.
  static var trials: [(AttackedBackend, Attack)] {
    let isWhole = environment["STET_ATTACKS"] != nil || SlowTests.isWhole
    return AttackedBackend.allCases.flatMap { backend in
      chosen.enumerated().filter { isWhole || backend == .zygote || $0.offset % 3 == 0 }
        .map { (backend, $0.element) }
    }
  }

  private static let table = Mutex(())

  /// A line of the table that `make attack` prints.
  static func note(_ attack: String, _ backend: AttackedBackend, _ complaints: [String]) {
    guard let path = environment["STET_ATTACK_TABLE"] else { return }
    let outcome = complaints.isEmpty ? "held" : "BROKEN: " + complaints.joined(separator: "; ")
    let line = [attack, backend.rawValue, user, outcome]
      .map { Defanged.forTerminal($0, oneLine: true) }.joined(separator: "\t")
    table.withLock { _ in
      if !FileManager.default.fileExists(atPath: path) {
        _ = FileManager.default.createFile(atPath: path, contents: nil)
      }
      guard let file = FileHandle(forWritingAtPath: path) else { return }
      _ = try? file.seekToEnd()
      try? file.write(contentsOf: Data((line + "\n").utf8))
      try? file.close()
    }
  }
}

@Suite(.serialized, .enabled(if: AttackSetting.isOn, Comment(rawValue: AttackSetting.off)))
struct AttackTests {
  @Test func thereAreManyAndEachHasAName() {
    let names = Set(Attack.all.map { $0.name })
    #expect(names.count == Attack.all.count)
    #expect(Attack.all.count >= 60)
  }

  @Test(arguments: AttackSetting.trials)
  func fails(_ backend: AttackedBackend, _ attack: Attack) async throws {
    let scene = try AttackScene()
    let trial = AttackTrial(sandbox: backend.sandbox, scene: scene)
    let complaints = await trial.complaints(of: attack)
    AttackSetting.note(attack.name, backend, complaints)
    #expect(complaints.isEmpty, "\(complaints.joined(separator: "\n"))")
  }
}

/// One attack from before it to after it.
struct AttackTrial {
  let sandbox: IsolatedSandbox
  let scene: AttackScene

  /// What went as it should not have; empty where the sandbox held.
  func complaints(of attack: Attack) async -> [String] {
    var complaints: [String] = []
    do throws(SandboxError) {
      try await answers()
      let before = await Self.settled()
      let watch = AttackWatch()
      let watching = watch.start()
      defer { watching.cancel() }
      let result: SandboxResult
      let word = "NEIGHBOUR-\(UUID().uuidString)"
      let task = attack.task(in: scene)
      if let neighbour = attack.neighbour {
        let beside = Task { [self] in
          await Self.outcome { () async throws(SandboxError) in
            try await run(neighbour, input: word)
          }
        }
        result = try await sandbox.run(task)
        let other = try await beside.value.get()
        if other.outputText != word + "\n" {
          complaints.append(
            "the run beside it ended with \(other.end) and said \(other.outputText.prefix(200)) "
              + "\(other.errorText.suffix(200))")
        }
      } else {
        result = try await sandbox.run(task)
      }
      watching.cancel()
      complaints += said(by: attack, result, word: word)
      complaints += attack.check(.init(result: result, scene: scene, seen: watch.sofar))
      complaints += await after(before)
      if watch.sofar.longestPause > .seconds(10) {
        complaints.append("the machine stood still for \(watch.sofar.longestPause)")
      }
    } catch {
      complaints.append("the sandbox failed: \(error.code.rawValue): \(error.detail)")
    }
    return complaints + scene.touched()
  }

  private static func outcome(
    _ body: () async throws(SandboxError) -> SandboxResult
  ) async -> Result<SandboxResult, SandboxError> {
    do throws(SandboxError) { return .success(try await body()) } catch { return .failure(error) }
  }

  private func run(_ program: String, input: String) async throws(SandboxError) -> SandboxResult {
    try await sandbox.run(
      SandboxTask(.python(program), input: Array(input.utf8), limits: .ofAttacks()))
  }

  /// How the run ended, what it reported, and that nothing of ours is in what came back.
  private func said(by attack: Attack, _ result: SandboxResult, word: String) -> [String] {
    var complaints: [String] = []
    if !attack.endings.contains(Attack.Ending(result.end)) {
      complaints.append("it ended with \(result.end): \(result.errorText.suffix(400))")
    }
    var members: [String: JSONValue] = [:]
    if case .object(let object)? = result.report { members = object }
    if case .array(let won)? = members["won"], !won.isEmpty {
      complaints.append("what worked: \(won.prefix(8))")
    }
    if attack.reports, case .integer(let tried)? = members["tried"], tried > 0 {
      // It did try.
    } else if attack.reports {
      complaints.append(
        "it told of no try: \(result.end) \(result.outputText.suffix(200)) "
          + "\(result.errorText.suffix(400))")
    }
    let text =
      result.outputText + result.errorText + "\(members)" + result.files.map(\.path).joined()
      + result.files.map { String(decoding: $0.bytes, as: UTF8.self) }.joined()
    if text.contains(scene.secret) { complaints.append("the secret came back") }
    if text.contains(word) { complaints.append("the word of the run beside it came back") }
    if result.output.count > attack.limits.output.value
      || result.error.count > attack.limits.output.value
    {
      complaints.append("more output came back than is allowed")
    }
    let seconds = attack.limits.time / .seconds(1)
    // That it ends is what counts; a busy machine may be slow at it.
    if result.seconds > seconds + 15 {
      complaints.append("it took \(result.seconds) s, with \(seconds) s allowed")
    }
    return complaints
  }

  /// That no process is left, that the warm interpreter lives, and that the next run is right.
  private func after(_ before: (all: Int, children: Set<Int32>)) async -> [String] {
    var complaints: [String] = []
    let end = ContinuousClock.now + .seconds(5)
    var left = ProcessTable.descendants().count
    while left > before.all, .now < end {
      try? await Task.sleep(for: .milliseconds(50))
      left = ProcessTable.descendants().count
    }
    if left > before.all { complaints.append("\(left - before.all) processes are left") }
    if !before.children.isSubset(of: ProcessTable.children()) {
      complaints.append("the warm interpreter was killed")
    }
    do throws(SandboxError) { try await answers() } catch {
      complaints.append("the next run failed: \(error.detail)")
    }
    return complaints
  }

  /// A run like any other, which is right only if nothing of another's is seen in it.
  private func answers() async throws(SandboxError) {
    let program = """
      import json, os, sys
      print(json.dumps([6 * 7, sorted(os.listdir("/work")), sorted(os.listdir("/tmp")), \
      "STET_TRACE" in os.environ, "stet_trace" in sys.modules]))
      """
    let result = try await run(program, input: "")
    guard result.end == .exited(0), result.outputText == "[42, [], [], false, false]\n" else {
      throw SandboxError(
        code: .lost,
        detail: "a plain program ended with \(result.end) and said \(result.outputText) "
          + "\(result.errorText)")
    }
  }

  /// Waits until as many processes stand as stay: the runs that are made ready in advance, too.
  static func settled() async -> (all: Int, children: Set<Int32>) {
    var last = -1
    var same = 0
    let end = ContinuousClock.now + .seconds(10)
    while same < 3, .now < end {
      let now = ProcessTable.descendants().count
      same = now == last ? same + 1 : 0
      last = now
      try? await Task.sleep(for: .milliseconds(40))
    }
    return (last, ProcessTable.children())
  }
}
