public import Domain
public import Logging

/// What every trainer is given.
public struct TrainerPlace: Sendable {
  /// Absolute: adapters, the recipe and what it needs lie below it.
  public var dataFolder: String
  /// Of the user; no key of it is passed on.
  public var environment: [String: String]
  /// The Python that has what a recipe needs; `nil`: one that Stet makes.
  public var python: String?
  public var settings: TrainerSettings
  public var findBase: BaseModelFinder
  public var logger: Logger

  public init(
    dataFolder: String, environment: [String: String], python: String? = nil,
    settings: TrainerSettings = TrainerSettings(), findBase: @escaping BaseModelFinder,
    logger: Logger
  ) {
    self.dataFolder = dataFolder
    self.environment = environment
    self.python = python
    self.settings = settings
    self.findBase = findBase
    self.logger = logger
  }

  fileprivate func program(
    _ name: String,
    _ command: @escaping @Sendable (String) async throws(TrainingError) -> ProgramTrainer.Command
  ) -> ProgramTrainer {
    ProgramTrainer(
      name: name, dataFolder: dataFolder, files: AdapterFiles(dataFolder: dataFolder),
      findBase: findBase, settings: settings, logger: logger, command: command)
  }

  /// One of the recipes of `Trainer/`.
  fileprivate func recipe(_ recipe: TrainerRecipe) -> ProgramTrainer {
    program(recipe.rawValue) { [self] (task) async throws(TrainingError) in
      let python = try await TrainerPython.prepare(recipe, self)
      return ProgramTrainer.Command(
        arguments: [python.path, "-m", "stet_trainer", recipe.rawValue, task],
        environment: TrainerPython.environment(from: environment, code: python.code))
    }
  }
}

/// The recipe of `Trainer/`: PEFT on a processor, or in bfloat16 on a GPU.
public struct PeftTrainer: LoRATrainer {
  public var name: String { program.name }
  private let program: ProgramTrainer

  public init(_ place: TrainerPlace) { program = place.recipe(.peft) }

  public func train(
    _ task: LoRATask, progress: @escaping @Sendable (LoRAProgress) async -> Void
  ) async throws(TrainingError) -> LoRAOutcome {
    try await program.train(task, progress: progress)
  }
}

/// `mlx_lm`, for those who have it.
public struct MLXTrainer: LoRATrainer {
  public var name: String { program.name }
  private let program: ProgramTrainer

  public init(_ place: TrainerPlace) { program = place.recipe(.mlx) }

  public func train(
    _ task: LoRATask, progress: @escaping @Sendable (LoRAProgress) async -> Void
  ) async throws(TrainingError) -> LoRAOutcome {
    try await program.train(task, progress: progress)
  }
}

/// torchtune, for those who have it: its configuration and its data are written for it.
public struct TorchtuneTrainer: LoRATrainer {
  public var name: String { program.name }
  private let program: ProgramTrainer

  public init(_ place: TrainerPlace) { program = place.recipe(.torchtune) }

  public func train(
    _ task: LoRATask, progress: @escaping @Sendable (LoRAProgress) async -> Void
  ) async throws(TrainingError) -> LoRAOutcome {
    try await program.train(task, progress: progress)
  }
}

/// Any program that follows the contract of docs/adapters.md.
public struct CommandTrainer: LoRATrainer {
  public var name: String { program.name }
  private let program: ProgramTrainer

  /// - Parameter command: the program and its first arguments; the task's file comes last.
  public init(command: [String], _ place: TrainerPlace) {
    program = place.program("command") { (task) async throws(TrainingError) in
      guard let first = command.first,
        let path = first.hasPrefix("/")
          ? first : ProgramSearch.find(first, environment: place.environment)
      else {
        throw TrainingError(
          code: .unavailable,
          detail: "The training program \(command.first ?? "") is not on the PATH. Give its whole "
            + "path.")
      }
      return ProgramTrainer.Command(
        arguments: [path] + command.dropFirst() + [task],
        environment: TrainerPython.environment(from: place.environment, code: nil))
    }
  }

  public func train(
    _ task: LoRATask, progress: @escaping @Sendable (LoRAProgress) async -> Void
  ) async throws(TrainingError) -> LoRAOutcome {
    try await program.train(task, progress: progress)
  }
}
