import Domain
import Foundation

/// A task as a warden is told of it.
struct TaskOrder: Encodable, Sendable {
  enum Program: Encodable, Sendable {
    case text(String)
    case words([String])

    func encode(to encoder: any Encoder) throws {
      var container = encoder.singleValueContainer()
      switch self {
      case .text(let text): try container.encode(text)
      case .words(let words): try container.encode(words)
      }
    }
  }

  struct File: Encodable, Sendable {
    var path: String
    /// In Base64.
    var content: String
  }

  /// Seconds, bytes and numbers.
  struct Limits: Encodable, Sendable {
    var time: Double
    var processorTime: Double
    var memory: Int
    var processes: Int
    var descriptors: Int
    var disk: Int
    var inodes: Int
    var output: Int
    var collected: Int

    enum CodingKeys: String, CodingKey {
      case time, memory, processes, descriptors, disk, inodes, output, collected
      case processorTime = "processor_time"
    }

    init(_ limits: SandboxLimits) {
      time = limits.time / .seconds(1)
      processorTime = limits.processorTime / .seconds(1)
      memory = limits.memory.value
      processes = limits.processes
      descriptors = limits.descriptors
      disk = limits.disk.value
      inodes = limits.inodes
      output = limits.output.value
      collected = limits.collected.value
    }
  }

  var nonce: String
  var mode: String
  var program: Program
  var arguments: [String]
  var files: [File]
  var input: String
  var environment: [String: String]
  var limits: Limits
  var collects: [String]

  init(_ task: SandboxTask, nonce: String) throws(SandboxError) {
    self.nonce = nonce
    switch task.program {
    case .python(let text):
      mode = "python"
      program = .text(text)
    case .command(let words):
      mode = "command"
      program = .words(words)
    }
    arguments = task.arguments
    files = Self.written(task.files)
    input = Self.base64(task.input)
    environment = task.environment
    limits = Limits(task.limits)
    collects = task.collects
    try Self.check(task)
  }

  init(_ plan: SessionPlan, nonce: String) throws(SandboxError) {
    try self.init(
      SandboxTask(.python(""), image: plan.image, files: plan.files, limits: plan.limits),
      nonce: nonce)
    mode = "session"
  }

  func bytes() throws(SandboxError) -> [UInt8] {
    let bytes = try JSONText.encoded(self)
    guard bytes.count <= Self.mostBytes else {
      throw SandboxError(
        code: .invalid, detail: "The files and input of one run may have 90 MB together.")
    }
    return bytes
  }

  private static let mostBytes = 128 << 20

  private static func written(_ files: [SandboxFile]) -> [File] {
    files.map { File(path: $0.path, content: base64($0.bytes)) }
  }

  private static func base64(_ bytes: [UInt8]) -> String {
    bytes.isEmpty ? "" : Data(bytes).base64EncodedString()
  }

  // MARK: - What can be seen to be wrong before anything is started

  private static func check(_ task: SandboxTask) throws(SandboxError) {
    func refuse(_ detail: String) throws(SandboxError) -> Never {
      throw SandboxError(code: .invalid, detail: detail)
    }
    for path in task.files.map(\.path) where !isBeneath(path) {
      try refuse("The file \(quoted(path)) would not lie beneath the working folder.")
    }
    for path in task.collects where path != "." && !isBeneath(path) {
      try refuse("The path to collect \(quoted(path)) is not beneath the working folder.")
    }
    if Set(task.files.map(\.path)).count < task.files.count {
      try refuse("Two files of the run have the same path.")
    }
    if case .command(let words) = task.program {
      guard let first = words.first, !first.isEmpty else { try refuse("The command is empty.") }
      if words.contains(where: { $0.utf8.contains(0) }) {
        try refuse("A word of the command contains a NUL byte.")
      }
    }
    if task.arguments.contains(where: { $0.utf8.contains(0) }) {
      try refuse("An argument contains a NUL byte.")
    }
    for (name, value) in task.environment {
      guard !name.isEmpty, !name.utf8.contains(0), !name.contains("="), !value.utf8.contains(0)
      else { try refuse("The variable \(quoted(name)) cannot be set.") }
    }
    let limits = task.limits
    let counts = [
      limits.memory.value, limits.processes, limits.descriptors, limits.disk.value, limits.inodes,
    ]
    guard limits.time > .zero, limits.processorTime > .zero, counts.allSatisfy({ $0 > 0 }),
      limits.output.value >= 0, limits.collected.value >= 0
    else { try refuse("Every limit of a run must be more than nothing.") }
  }

  private static func isBeneath(_ path: String) -> Bool {
    guard !path.isEmpty, path.utf8.count <= 4_000, !path.utf8.contains(0) else { return false }
    return path.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
      .allSatisfy { step in
        !step.isEmpty && step.count <= 255 && !step.elementsEqual(".".utf8)
          && !step.elementsEqual("..".utf8)
      }
  }

  private static func quoted(_ text: String) -> String {
    let shown = text.unicodeScalars.prefix(80).map { $0.isASCII && $0.value >= 32 ? $0 : "?" }
    return "\"" + String(String.UnicodeScalarView(shown)) + "\""
  }
}
