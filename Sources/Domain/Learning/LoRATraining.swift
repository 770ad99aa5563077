public import Foundation

/// An adapter is called by what it is: the SHA-256 of its weights and their configuration, lower-case
/// hex. No server is ever given other weights under a name that it has seen.
public struct AdapterName: Sendable, Hashable, Codable, CustomStringConvertible {
  public let hash: String

  /// - Returns: `nil` unless it is 64 lower-case hexadecimal digits.
  public init?(_ hash: String) {
    guard hash.utf8.count == 64, hash.utf8.allSatisfy({ "0123456789abcdef".utf8.contains($0) })
    else { return nil }
    self.hash = hash
  }

  public var description: String { "stet-\(hash.prefix(16))" }
}

/// One training that ended with an adapter, and what it was found to be worth.
public struct TrainedAdapter: Sendable, Hashable, Codable {
  public var name: AdapterName
  /// The model that it belongs to.
  public var base: String
  /// `peft`, `mlx`, `torchtune` or `command`.
  public var trainer: String
  public var at: Date
  public var seconds: Double
  public var steps: Int
  public var examples: Int
  /// The training loss of the first and of the last steps.
  public var firstLoss: Double?
  public var lastLoss: Double?
  /// Mean negative log-probability for each token of the held-out comments.
  public var heldOut: HeldOut?
  /// What the gate said, in a sentence.
  public var verdict: String
  /// Where it lies on the machine that trained it, as `StoredAdapter` has it.
  public var folder: String?
  public var gguf: String?

  /// The verdict until the gate has spoken.
  public static let unjudged = "The newest adapter is not judged yet."

  public struct HeldOut: Sendable, Hashable, Codable {
    public var comments: Int
    public var adapter: Double
    public var base: Double
    /// `nil` where no other reviewer was there to compare with.
    public var other: Double?

    public init(comments: Int, adapter: Double, base: Double, other: Double?) {
      self.comments = comments
      self.adapter = adapter
      self.base = base
      self.other = other
    }

    /// Better than the base model and than another person's adapter, on what none of them saw.
    public var passes: Bool { adapter < base && other.map { adapter < $0 } != false }
  }

  public init(
    name: AdapterName, base: String, trainer: String, at: Date, seconds: Double, steps: Int,
    examples: Int, firstLoss: Double?, lastLoss: Double?, heldOut: HeldOut?,
    verdict: String, folder: String? = nil, gguf: String? = nil
  ) {
    self.folder = folder
    self.gguf = gguf
    self.name = name
    self.base = base
    self.trainer = trainer
    self.at = at
    self.seconds = seconds
    self.steps = steps
    self.examples = examples
    self.firstLoss = firstLoss
    self.lastLoss = lastLoss
    self.heldOut = heldOut
    self.verdict = verdict
  }
}

/// What a training is given.
public struct LoRATask: Sendable, Hashable {
  /// For its owner alone; checkpoints are kept here between two tries.
  public var folder: String
  /// What is learned: lines `{"messages": [{"role", "content"}, …]}` whose last message is the
  /// assistant's. They stand in the folder for the training's time only.
  public var training: String
  /// As the catalogue of models calls it.
  public var base: String
  public var rank: Int
  public var steps: Int
  public var learningRate: Double
  public var seed: Int
  public var time: Duration
  public var memory: ByteCount
  /// Goes on from the last checkpoint in the folder where there is one.
  public var resumes: Bool

  public init(
    folder: String, training: String, base: String, rank: Int = 8, steps: Int,
    learningRate: Double = 2e-4, seed: Int = 1, time: Duration, memory: ByteCount,
    resumes: Bool = true
  ) {
    self.folder = folder
    self.training = training
    self.base = base
    self.rank = rank
    self.steps = steps
    self.learningRate = learningRate
    self.seed = seed
    self.time = time
    self.memory = memory
    self.resumes = resumes
  }
}

public struct LoRAProgress: Sendable, Hashable {
  public var step: Int
  public var steps: Int
  public var loss: Double?

  public init(step: Int, steps: Int, loss: Double?) {
    self.step = step
    self.steps = steps
    self.loss = loss
  }
}

/// What a trainer left: files whose content was checked, not what the trainer says of them.
public struct LoRAOutcome: Sendable, Hashable {
  public var name: AdapterName
  /// The folder in the form of PEFT: `adapter_config.json`, `adapter_model.safetensors`.
  public var folder: String
  /// The same for llama.cpp; `nil` where it was not made.
  public var gguf: String?
  public var losses: [Double]
  public var seconds: Double

  public init(
    name: AdapterName, folder: String, gguf: String?, losses: [Double], seconds: Double
  ) {
    self.name = name
    self.folder = folder
    self.gguf = gguf
    self.losses = losses
    self.seconds = seconds
  }
}

/// Why there is no adapter.
public struct TrainingError: Error, Sendable, Equatable {
  public enum Code: String, Sendable, CaseIterable {
    /// What the recipe needs is not on this machine; `detail` says what to install.
    case unavailable
    case invalidData = "invalid_data"
    case outOfMemory = "out_of_memory"
    case outOfTime = "out_of_time"
    /// The program ended with a failure.
    case failed
    /// It said that it succeeded, and what it left is no adapter for this base.
    case notAnAdapter = "not_an_adapter"
    case cancelled
  }

  public var code: Code
  public var detail: String

  public init(code: Code, detail: String) {
    self.code = code
    self.detail = detail
  }
}

/// Trains a LoRA adapter. One at a time on a machine: who calls sees to that.
public protocol LoRATrainer: Sendable {
  /// `peft`, `mlx`, `torchtune` or `command`.
  var name: String { get }
  /// Cancelling the task ends the program and leaves its checkpoints.
  func train(
    _ task: LoRATask, progress: @escaping @Sendable (LoRAProgress) async -> Void
  ) async throws(TrainingError) -> LoRAOutcome
}
