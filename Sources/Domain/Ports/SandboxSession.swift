/// A Python interpreter in the sandbox that keeps its names from cell to cell. One cell at a time.
public protocol SandboxSession: Sendable {
  /// Unique and not to be guessed: whoever knows it may use the session.
  var id: String { get }
  /// Runs one cell. The value of a last line that is an expression comes back as its `repr`.
  /// - Parameter onOutput: told of output as it comes, in order.
  /// - Throws: `.ended` where the interpreter is no more; its names are lost then.
  func run(
    _ code: String, limit: Duration,
    onOutput: @escaping @Sendable (SandboxOutput) -> Void
  ) async throws(SandboxError) -> CellResult
  /// As Control-C in a terminal. Nothing where no cell runs.
  func interrupt() async
  /// Kills the interpreter with all that it started.
  func close() async
}

/// How a session is started.
public struct SessionPlan: Sendable, Hashable {
  public var image: SandboxImage
  /// `time` is the longest of one cell; `output` is for each cell.
  public var limits: SandboxLimits
  public var files: [SandboxFile]

  public init(
    image: SandboxImage = .python, limits: SandboxLimits = SandboxLimits(),
    files: [SandboxFile] = []
  ) {
    self.image = image
    self.limits = limits
    self.files = files
  }
}

public enum SandboxOutput: Sendable, Hashable {
  case output([UInt8])
  case error([UInt8])
}

/// What one cell came to. `error` is null where it ended well.
public struct CellResult: Sendable, Hashable, Codable {
  public struct Failure: Sendable, Hashable, Codable {
    /// The exception's class, `TimedOut`, or `Interrupted`.
    public var name: String
    public var message: String
    /// As Python prints it, without our own frames.
    public var traceback: String

    public init(name: String, message: String, traceback: String) {
      self.name = name
      self.message = message
      self.traceback = traceback
    }
  }

  public var stdout: String
  public var stderr: String
  public var value: String?
  public var error: Failure?
  public var seconds: Double

  public init(stdout: String, stderr: String, value: String?, error: Failure?, seconds: Double) {
    self.stdout = stdout
    self.stderr = stderr
    self.value = value
    self.error = error
    self.seconds = seconds
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(stdout, forKey: .stdout)
    try container.encode(stderr, forKey: .stderr)
    try container.encode(value, forKey: .value)  // null, never absent
    try container.encode(error, forKey: .error)
    try container.encode(seconds, forKey: .seconds)
  }

  enum CodingKeys: String, CodingKey { case stdout, stderr, value, error, seconds }
}
