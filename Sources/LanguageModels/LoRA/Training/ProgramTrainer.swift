import Domain
import Logging

/// Runs a program that follows the contract, holds it to its limits, and looks at what it left. All
/// trainers are this one with another program.
struct ProgramTrainer: Sendable {
  /// How a program is started for a task's file.
  struct Command: Sendable {
    var arguments: [String]
    var environment: [String: String]
  }

  var name: String
  /// Absolute.
  var dataFolder: String
  var files: AdapterFiles
  var findBase: BaseModelFinder
  var settings: TrainerSettings
  var logger: Logger
  var command: @Sendable (_ task: String) async throws(TrainingError) -> Command

  func train(
    _ task: LoRATask, progress: @escaping @Sendable (LoRAProgress) async -> Void
  ) async throws(TrainingError) -> LoRAOutcome {
    try Self.check(task)
    let base = try await findBase(task.base)
    let command = try await command(task.folder + "/task.json")
    let data = task.folder + "/train.jsonl"
    let fresh: String
    let lock: FileLock
    do throws(LocalModelError) {
      try StoredFile.makeFolder(dataFolder + "/trainer")
      // A machine that trains twice at once does neither in time, whichever process began.
      lock = try await FileLock(dataFolder + "/trainer/training.lock") { [logger] in
        logger.notice("another training runs on this machine; this one waits")
      }
      // Of trainings that ended with Stet itself.
      files.removeUnfinished()
      fresh = try files.freshFolder()
      let order = TrainerTask(
        task: task, base: base, output: fresh, cache: dataFolder + "/trainer/bases",
        maxTokens: settings.maxTokens, batch: settings.batch, threads: settings.threads)
      try StoredFile.replace(order.path, with: order.json.bytes)
      // Within the lock: another process may be about to train the same person.
      try StoredFile.replace(data, with: Array(task.training.utf8))
    } catch {
      throw TrainingError(error)
    }
    defer {
      StoredFile.remove(data)
      withExtendedLifetime(lock) {}
    }
    let began = ContinuousClock.now
    let said: (losses: [Double], seconds: Double)
    do throws(TrainingError) {
      said = try await run(command, task, progress)
    } catch {
      StoredFile.removeFolder(fresh)
      throw error
    }
    do throws(AdapterFault) {
      let adapter = try await files.keep(fresh, base: base)
      // Nothing is left to go on with.
      StoredFile.removeFolder(task.folder + "/work")
      return LoRAOutcome(
        name: adapter.name, folder: adapter.folder, gguf: adapter.gguf, losses: said.losses,
        seconds: (ContinuousClock.now - began).inSeconds)
    } catch {
      StoredFile.removeFolder(fresh)
      throw TrainingError(
        code: .notAnAdapter,
        detail: "The trainer \(name) said that it succeeded, and what it left is no adapter for "
          + "\(base.name): \(error.detail).")
    }
  }

  private static func check(_ task: LoRATask) throws(TrainingError) {
    guard (1...256).contains(task.rank), (1...1_000_000).contains(task.steps),
      (1e-9...0.5).contains(task.learningRate), task.time > .zero, task.memory.value > 0,
      (0...Int(Int32.max)).contains(task.seed)
    else {
      throw TrainingError(
        code: .invalidData,
        detail:
          "A training needs a rank of 1 to 256, steps, a learning rate of at most 0.5, time and "
          + "memory.")
    }
    guard !task.training.isEmpty else {
      throw TrainingError(code: .invalidData, detail: "There is nothing to train on.")
    }
  }

  private func run(
    _ command: Command, _ task: LoRATask,
    _ progress: @escaping @Sendable (LoRAProgress) async -> Void
  ) async throws(TrainingError) -> (losses: [Double], seconds: Double) {
    if Task.isCancelled { throw .cancelled }
    let errors = task.folder + "/trainer.log"
    defer {
      StoredFile.remove(errors)
      // Copies of a person's words, in whatever form a tool wants them.
      StoredFile.removeFolder(task.folder + "/scratch")
    }
    let (events, feed) = AsyncStream<TrainerEvent>.makeStream()
    let process = TrainerProcess(
      arguments: command.arguments, environment: command.environment, folder: task.folder,
      errors: errors,
      limits: .init(time: task.time, memory: task.memory.value, patience: settings.patience),
      take: { line in if let event = TrainerEvent(line: line) { feed.yield(event) } },
      ended: { feed.finish() })
    var done: (losses: [Double], seconds: Double)?
    var failure: TrainingError?
    await withTaskCancellationHandler {
      for await event in events {
        switch event {
        case .progress(let step): await progress(step)
        case .done(let losses, let seconds): done = (losses, seconds)
        case .error(let error): failure = error
        }
      }
    } onCancel: {
      process.stop(.cancelled)
    }
    if Task.isCancelled { process.stop(.cancelled) }
    let (end, reason) = await process.finished()
    if let error = explained(end, reason, failure, task, errors) { throw error }
    guard let done else {
      throw TrainingError(
        code: .notAnAdapter,
        detail: "The trainer \(name) ended without the line that says what it made.")
    }
    return done
  }

  /// `nil`: it ended well.
  private func explained(
    _ end: TrainerProcess.End, _ reason: TrainerProcess.Reason?, _ failure: TrainingError?,
    _ task: LoRATask, _ errors: String
  ) -> TrainingError? {
    switch reason {
    case .cancelled: return .cancelled
    case .outOfTime:
      return TrainingError(
        code: .outOfTime,
        detail: "The training did not end within \(task.time) and was stopped. What it had learned "
          + "is kept; give it more time, or fewer steps.")
    case .outOfMemory:
      return TrainingError(
        code: .outOfMemory,
        detail: "The training took more than \(task.memory.value >> 20) MiB of memory and was "
          + "stopped. Allow more, or take a smaller base model.")
    case nil: break
    }
    if let failure { return failure }
    let tail = StoredFile.read(errors, limit: 64 << 20).map { String(decoding: $0, as: UTF8.self) }
    let said = TrainerEvent.shown(tail.flatMap { OutputTail.lastLine(of: $0) } ?? "nothing")
    switch end {
    case .exited(0): return nil
    case .exited(let status):
      return TrainingError(
        code: TrainerEvent.code(of: status),
        detail: "The trainer \(name) ended with status \(status). It last said: \(said).")
    case .killed(signal: 9):
      return TrainingError(
        code: .outOfMemory,
        detail: "The trainer \(name) was killed, as systems do when memory runs out. Close other "
          + "programs, or take a smaller base model.")
    case .killed(let signal):
      return TrainingError(
        code: .failed,
        detail: "The trainer \(name) was ended by signal \(signal). It last said: \(said).")
    case .notStarted(let why):
      return TrainingError(
        code: .unavailable,
        detail: "The trainer \(name) could not be started: \(TrainerEvent.shown(why)).")
    }
  }
}

/// What is the same for every training on a machine.
public struct TrainerSettings: Sendable, Hashable {
  /// Tokens of one example at most; the middle of longer hunks is left out.
  public var maxTokens: Int
  /// Examples of one step.
  public var batch: Int
  /// Of the processor; 0: as many as the library likes.
  public var threads: Int
  /// What a program gets to write a checkpoint when it is asked to end.
  public var patience: Duration

  public init(
    maxTokens: Int = 1024, batch: Int = 1, threads: Int = 0, patience: Duration = .seconds(30)
  ) {
    self.maxTokens = maxTokens
    self.batch = batch
    self.threads = threads
    self.patience = patience
  }
}

extension TrainingError {
  static let cancelled = TrainingError(
    code: .cancelled, detail: "The training was cancelled. What it had learned is kept.")

  init(_ error: LocalModelError) {
    switch error.code {
    case .cancelled: self = .cancelled
    default: self.init(code: .unavailable, detail: error.detail)
    }
  }
}
