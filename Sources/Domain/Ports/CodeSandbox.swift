/// Runs Python, and programs of an image, that nobody vouches for, apart from this machine.
///
/// Nothing that a model or a pull request wrote runs elsewhere. What comes back was told by a
/// process that the judged one cannot reach; see `docs/sandbox.md` for what that does not cover.
public protocol CodeSandbox: Sendable {
  /// Runs a program to its end. Whatever the program does, short of what breaks the sandbox, is a
  /// result. Cancelling the task kills it.
  func run(_ task: SandboxTask) async throws(SandboxError) -> SandboxResult
  /// Starts an interpreter that keeps its state from cell to cell.
  func session(_ plan: SessionPlan) async throws(SandboxError) -> any SandboxSession
  /// Whether and how programs are kept apart here.
  func report() async -> SandboxReport
}

/// What a sandboxed program finds installed. Made by `stet sandbox prepare`.
public enum SandboxImage: String, Sendable, Hashable, Codable, CaseIterable {
  /// The standard library alone. Works unprepared, with the machine's own `python3`.
  case python
  /// With numpy and pandas.
  case data
  /// With pytest, hypothesis, ruff, bandit and mypy.
  case test
}

/// A file beneath the folder in which a sandboxed program runs.
public struct SandboxFile: Sendable, Hashable {
  /// Relative, of plain steps: no `..`, no empty part, no leading slash.
  public var path: String
  public var bytes: [UInt8]

  public init(_ path: String, _ bytes: [UInt8]) {
    self.path = path
    self.bytes = bytes
  }

  public init(_ path: String, text: String) { self.init(path, Array(text.utf8)) }
}

/// One program to run, with all that it is given.
public struct SandboxTask: Sendable, Hashable {
  public enum Program: Sendable, Hashable {
    /// Python source that runs as `__main__` in a forked, warm interpreter.
    case python(String)
    /// A program of the image, such as `["ruff", "check"]`; the first word is looked up in the
    /// image's own `bin`, then in `/usr/bin` and `/bin`.
    case command([String])
  }

  public var image: SandboxImage
  public var program: Program
  /// `sys.argv[1:]` of Python source.
  public var arguments: [String]
  /// Written beneath the working folder before it starts.
  public var files: [SandboxFile]
  public var input: [UInt8]
  /// Added to the few variables that every program gets.
  public var environment: [String: String]
  public var limits: SandboxLimits
  /// Files to hand back: relative paths, a folder with all that is beneath it. Links are not
  /// followed, and what is no regular file is left out.
  public var collects: [String]

  public init(
    _ program: Program, image: SandboxImage = .python, arguments: [String] = [],
    files: [SandboxFile] = [], input: [UInt8] = [], environment: [String: String] = [:],
    limits: SandboxLimits = SandboxLimits(), collects: [String] = []
  ) {
    self.program = program
    self.image = image
    self.arguments = arguments
    self.files = files
    self.input = input
    self.environment = environment
    self.limits = limits
    self.collects = collects
  }
}

/// What one run may use, all its processes together where the machine lets that be counted.
public struct SandboxLimits: Sendable, Hashable, Codable {
  /// Wall clock, after which the whole tree is killed. Of a session: for each cell.
  public var time: Duration
  /// Of each process.
  public var processorTime: Duration
  /// Address space of each process; resident memory of all where control groups are writable.
  public var memory: ByteCount
  public var processes: Int
  public var descriptors: Int
  /// Of the working folder and `/tmp` together, and of the largest file.
  public var disk: ByteCount
  public var inodes: Int
  /// Of standard output and of standard error, each. What is more is thrown away and counted.
  public var output: ByteCount
  /// Of all files handed back together.
  public var collected: ByteCount

  public init(
    time: Duration = .seconds(10), processorTime: Duration = .seconds(10),
    memory: ByteCount = .mebibytes(512), processes: Int = 32, descriptors: Int = 128,
    disk: ByteCount = .mebibytes(64), inodes: Int = 4_096,
    output: ByteCount = .mebibytes(1), collected: ByteCount = .mebibytes(16)
  ) {
    self.time = time
    self.processorTime = processorTime
    self.memory = memory
    self.processes = processes
    self.descriptors = descriptors
    self.disk = disk
    self.inodes = inodes
    self.output = output
    self.collected = collected
  }
}

/// What became of one run.
public struct SandboxResult: Sendable, Hashable {
  public enum End: Sendable, Hashable {
    case exited(Int32)
    case signaled(Int32)
    /// It ran past `limits.time` and was killed.
    case timedOut
    /// A control group killed it for its memory.
    case outOfMemory
  }

  public var end: End
  public var output: [UInt8]
  public var error: [UInt8]
  /// Bytes that were beyond `limits.output` and are not kept.
  public var lostOutput: Int
  public var lostError: Int
  /// The last JSON text that the program wrote to the descriptor named by `STET_REPORT`; `nil` where
  /// it wrote none, or no JSON. The program's own word, no more.
  public var report: JSONValue?
  public var files: [SandboxFile]
  /// Paths asked for that were not handed back, with the reason in words.
  public var leftOut: [String: String]
  public var seconds: Double
  /// User and system time of the whole tree.
  public var processorSeconds: Double
  /// Of its largest process.
  public var peakMemory: ByteCount
  /// `zygote`, `bubblewrap` or `bare`.
  public var backend: String

  public init(
    end: End, output: [UInt8] = [], error: [UInt8] = [], lostOutput: Int = 0, lostError: Int = 0,
    report: JSONValue? = nil, files: [SandboxFile] = [], leftOut: [String: String] = [:],
    seconds: Double, processorSeconds: Double, peakMemory: ByteCount, backend: String
  ) {
    self.end = end
    self.output = output
    self.error = error
    self.lostOutput = lostOutput
    self.lostError = lostError
    self.report = report
    self.files = files
    self.leftOut = leftOut
    self.seconds = seconds
    self.processorSeconds = processorSeconds
    self.peakMemory = peakMemory
    self.backend = backend
  }

  public var succeeded: Bool { end == .exited(0) }
  /// Bytes that are not UTF-8 become U+FFFD.
  public var outputText: String { String(decoding: output, as: UTF8.self) }
  public var errorText: String { String(decoding: error, as: UTF8.self) }
}

/// Why nothing was run, or why its result was lost.
public struct SandboxError: Error, Sendable, Equatable {
  public enum Code: String, Sendable {
    /// Programs cannot be kept apart here; `detail` says what to install.
    case unavailable
    /// The image is not prepared: `stet sandbox prepare`.
    case imageMissing = "image_missing"
    /// The task itself is wrong, such as a path that leads outside.
    case invalid
    /// The sandbox was killed or broke in mid-run: nothing is known of the result.
    case lost
    /// The session has ended, by its own deed, its limits or a close.
    case ended
    /// As many sessions as may be are open.
    case busy
    case cancelled
  }
  public var code: Code
  /// One sentence for a user, without a secret.
  public var detail: String

  public init(code: Code, detail: String) {
    self.code = code
    self.detail = detail
  }
}

/// How programs are kept apart on this machine.
public struct SandboxReport: Sendable, Hashable, Codable {
  /// `zygote`, `bubblewrap` or `none`.
  public var backend: String
  /// What holds, such as `seccomp`, `landlock 7`, `cgroup v1: memory, pids`.
  public var measures: [String]
  /// Images that are ready, with their Python's version.
  public var images: [String: String]
  /// What is missing and what to do, one sentence each.
  public var problems: [String]

  public init(backend: String, measures: [String], images: [String: String], problems: [String]) {
    self.backend = backend
    self.measures = measures
    self.images = images
    self.problems = problems
  }
}
