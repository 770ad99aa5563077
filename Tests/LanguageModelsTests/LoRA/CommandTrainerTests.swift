import Domain
import Foundation
import Logging
import Synchronization
import TestKit
import Testing

@testable import LanguageModels

/// Training programs that end well, badly, never, or lie.
@Suite struct CommandTrainerTests {
  let folder: TemporaryFolder
  let base: BaseModelFiles
  let task: String

  init() throws {
    folder = try TemporaryFolder()
    task = folder.path + "/task"
    try FileManager.default.createDirectory(atPath: task, withIntermediateDirectories: true)
    let gguf = folder.path + "/base.gguf"
    try Data(AdapterSample(1).base()).write(to: URL(fileURLWithPath: gguf))
    base = BaseModelFiles(name: "tiny", gguf: gguf, folder: nil, sha256: "aa")
    try AdapterSample(7).write(folder.path + "/sound")
    var still = AdapterSample(7)
    still.constant = 0
    try still.write(folder.path + "/still")
    var wide = AdapterSample(7)
    wide.width = 16
    try wide.write(folder.path + "/wide")
  }

  /// A trainer that runs a shell script; `$OUT` is where the adapter is to lie.
  private func trainer(_ script: String, patience: Duration = .seconds(2)) throws -> CommandTrainer
  {
    let lines = """
      #!/bin/sh
      cd '\(folder.path)'
      OUT=$(python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["output"])' "$1")
      done_() { echo '{"event": "done", "losses": [2.5, 1.5], "seconds": 1}'; }
      \(script)
      """
    let path = try folder.write("train.sh", lines, executable: true)
    let base = base
    return CommandTrainer(
      command: [path],
      TrainerPlace(
        dataFolder: folder.path + "/data", environment: ProcessInfo.processInfo.environment,
        settings: TrainerSettings(patience: patience), findBase: { _ in base },
        logger: Logger(label: "test")))
  }

  private func order(
    time: Duration = .seconds(60), memory: ByteCount = .mebibytes(2048)
  ) -> LoRATask {
    LoRATask(
      folder: task, training: "{\"messages\":[]}\n", base: "tiny", rank: 2, steps: 3,
      time: time, memory: memory)
  }

  private func failure(
    _ script: String, time: Duration = .seconds(60), memory: ByteCount = .mebibytes(2048),
    patience: Duration = .seconds(2)
  ) async throws -> TrainingError {
    let trainer = try trainer(script, patience: patience)
    let error = try await #require(throws: TrainingError.self) {
      try await trainer.train(order(time: time, memory: memory)) { _ in }
    }
    #expect(!StoredFile.exists(task + "/scratch") && !StoredFile.exists(task + "/train.jsonl"))
    // Whatever happened, nothing half-made is left among the adapters.
    #expect(StoredFile.names(in: folder.path + "/data/adapters").isEmpty)
    return error
  }

  @Test func aProgramThatFollowsTheContractGivesAnAdapter() async throws {
    let steps = Mutex<[LoRAProgress]>([])
    let outcome = try await trainer(
      """
      echo noise; echo '{"event": "unknown"}'; echo '{"event": "progress", "step": 9}'
      echo '{"event": "progress", "step": 1, "steps": 3, "loss": 2.5}'
      echo 'half a line without an end' >&2
      printf '{"event": "progress", "step": 3, "st'; sleep 0.1; printf 'eps": 3, "loss": null}\\n'
      cp -r sound "$OUT"; done_
      """
    ).train(order()) { step in steps.withLock { $0.append(step) } }
    #expect(
      steps.withLock { $0 } == [
        LoRAProgress(step: 1, steps: 3, loss: 2.5), LoRAProgress(step: 3, steps: 3, loss: nil),
      ])
    #expect(outcome.losses == [2.5, 1.5])
    let files = AdapterFiles(dataFolder: folder.path + "/data")
    #expect(files.stored(outcome.name)?.folder == outcome.folder)
    #expect(outcome.gguf == outcome.folder + "/adapter.gguf")
    #expect(files.stored(outcome.name)?.base == "tiny")
  }

  @Test func itIsToldTheTaskAndNoSecrets() async throws {
    setenv("STET_TEST_ORDERS_API_KEY", "not-to-be-seen", 1)
    _ = try? await trainer("env > env.txt; cp \"$1\" seen.json").train(order()) { _ in }
    unsetenv("STET_TEST_ORDERS_API_KEY")
    let seen = try String(contentsOfFile: folder.path + "/env.txt", encoding: .utf8)
    #expect(!seen.contains("not-to-be-seen"))
    #expect(seen.contains("TRANSFORMERS_OFFLINE=1"))
    let bytes = try Data(contentsOf: URL(fileURLWithPath: folder.path + "/seen.json"))
    let json = try JSONDecoder().decode(JSONValue.self, from: bytes)
    #expect(json["version"]?.integer == 1)
    #expect(json["base_gguf"]?.string == base.gguf)
    #expect(json["train"]?.string == "train.jsonl")
    #expect(json["rank"]?.integer == 2)
    #expect(json["memory_bytes"]?.integer == 2048 << 20)
    #expect(json["resume"] == .bool(true))
  }

  @Test(arguments: [
    "done_", "mkdir \"$OUT\"; done_", "cp -r still \"$OUT\"; done_", "cp -r wide \"$OUT\"; done_",
    "cp -r sound \"$OUT\"; : > \"$OUT/adapter.gguf\"; done_", "cp -r sound \"$OUT\"",
    "cp -r sound \"$OUT\"; rm \"$OUT/adapter_config.json\"; done_",
  ])
  func aProgramThatLiesIsFoundOut(_ script: String) async throws {
    #expect(try await failure(script).code == .notAnAdapter)
  }

  @Test(arguments: [
    ("exit 1", TrainingError.Code.failed), ("exit 2", .invalidData), ("exit 3", .unavailable),
    ("exit 4", .outOfMemory), ("exit 5", .outOfTime), ("kill -9 $$", .outOfMemory),
    ("kill -11 $$", .failed),
    ("echo '{\"event\": \"error\", \"code\": \"out_of_memory\"}'; exit 1", .outOfMemory),
    ("echo '{\"event\": \"error\", \"code\": \"rubbish\", \"detail\": \"x\"}'; exit 9", .failed),
  ])
  func aProgramThatFailsSaysWhy(_ script: String, _ code: TrainingError.Code) async throws {
    let error = try await failure(
      "mkdir task/scratch; echo words > task/scratch/x; echo 'the reason' >&2; \(script)")
    #expect(error.code == code)
    if script.hasPrefix("exit") { #expect(error.detail.contains("the reason")) }
  }

  @Test func itIsStoppedWhenItsTimeIsOver() async throws {
    let began = ContinuousClock.now
    let error = try await failure(
      "sleep 600", time: .milliseconds(200), patience: .milliseconds(300))
    #expect(error.code == .outOfTime)
    #expect(ContinuousClock.now - began < .seconds(20))
  }

  @Test(.enabled(if: isLinux, "what a process holds is read from /proc"))
  func itIsStoppedWhenItTakesTooMuchMemory() async throws {
    let error = try await failure(
      "exec python3 -c 'import time; x = b\"x\" * (300 << 20); time.sleep(600)'",
      memory: .mebibytes(200))
    #expect(error.code == .outOfMemory)
    #expect(error.detail.contains("200 MiB"))
  }

  #if os(Linux)
    private static let isLinux = true
  #else
    private static let isLinux = false
  #endif

  /// The program hears of it and may end by itself; one that does not is made to.
  @Test(arguments: [
    "trap 'echo ended > ended.txt; exit 6' TERM; while :; do sleep 0.1; done",
    "trap '' TERM; while :; do sleep 0.1; done",
  ])
  func cancellingEndsIt(_ script: String) async throws {
    let trainer = try trainer(
      "echo $$ > pid.txt; echo '{\"event\": \"progress\", \"step\": 1, \"steps\": 3}'; \(script)")
    let (started, feed) = AsyncStream<Void>.makeStream()
    let order = order()
    let work = Task { try await trainer.train(order) { _ in feed.yield() } }
    for await _ in started { break }
    work.cancel()
    let result = await work.result
    #expect(throws: TrainingError.cancelled) { try result.get() }
    let text = try String(contentsOfFile: folder.path + "/pid.txt", encoding: .utf8)
    let process = try #require(pid_t(text.trimmingCharacters(in: .whitespacesAndNewlines)))
    #expect(await ProcessLife.endsSoon(process))
    if script.contains("ended.txt") {
      #expect(FileManager.default.fileExists(atPath: folder.path + "/ended.txt"))
    }
  }

  @Test func twoTrainingsTakeTurns() async throws {
    let trainer = try trainer(
      """
      mkdir busy || exit 9
      sleep 0.3; rmdir busy
      cp -r sound "$OUT"; done_
      """)
    let order = order()
    try await withThrowingTaskGroup(of: AdapterName.self) { group in
      for _ in 0..<3 { group.addTask { try await trainer.train(order) { _ in }.name } }
      var names: Set<AdapterName> = []
      for try await name in group { names.insert(name) }
      #expect(names.count == 1)
    }
  }

  @Test func whatCannotBeTrainedIsRefusedBeforeAnythingRuns() async throws {
    let trainer = try trainer("touch ran.txt; cp -r sound \"$OUT\"; done_")
    var wrong = order()
    wrong.steps = 0
    await #expect { try await trainer.train(wrong) { _ in } } throws: {
      ($0 as? TrainingError)?.code == .invalidData
    }
    var empty = order()
    empty.training = ""
    await #expect { try await trainer.train(empty) { _ in } } throws: {
      ($0 as? TrainingError)?.code == .invalidData
    }
    #expect(!FileManager.default.fileExists(atPath: folder.path + "/ran.txt"))
    let place = TrainerPlace(
      dataFolder: folder.path + "/data", environment: ["PATH": "/nowhere"],
      findBase: { [base] _ in base }, logger: Logger(label: "test"))
    await #expect {
      try await CommandTrainer(command: ["my-trainer"], place).train(order()) { _ in }
    } throws: {
      ($0 as? TrainingError)?.code == .unavailable
    }
    await #expect { try await MLXTrainer(place).train(order()) { _ in } } throws: {
      ($0 as? TrainingError)?.code == .unavailable
    }
  }
}
