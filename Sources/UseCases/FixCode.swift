public import Domain
public import Foundation
public import Logging

/// Corrects one text, and the code alone comes back: it parses, linters find no more in it than
/// before, and the checks that it carries or that were given with it do not fail where they held.
/// What cannot be shown to hold is not given out: then the answer is the code as it came.
public struct FixCode: Sendable {
  public struct Ports: Sendable {
    /// `nil`: what the built-in rules can mend.
    public var model: (any LanguageModel)?
    public var runs: (any RunStore)?
    public var syntax: any SyntaxChecker
    /// Where linters and tests of Python run; `nil`: nothing is run, and the answer says so.
    public var sandbox: (any CodeSandbox)?
    public var now: @Sendable () -> Date
    /// 64 random bits, for the fences around what others wrote.
    public var random: @Sendable () -> UInt64
    /// Told when a run cannot be kept; the answer stands.
    public var logger: Logger

    public init(
      model: (any LanguageModel)?, runs: (any RunStore)?, syntax: any SyntaxChecker,
      sandbox: (any CodeSandbox)? = nil,
      now: @escaping @Sendable () -> Date = { Date() },
      random: @escaping @Sendable () -> UInt64 = { UInt64.random(in: .min ... .max) },
      logger: Logger = Logger(label: "stet.fix")
    ) {
      self.model = model
      self.runs = runs
      self.syntax = syntax
      self.sandbox = sandbox
      self.now = now
      self.random = random
      self.logger = logger
    }
  }

  public struct Request: Sendable {
    public var code: String
    /// A change that led to the code, for orientation.
    public var diff: String?
    /// What was said about it, such as an error message.
    public var context: String?
    /// Tells the language. Never opened.
    public var path: String?
    public var askedBy: String
    /// Total time, every retry and a second try of the model included.
    public var deadline: Duration
    /// The run's id where one was promised to somebody; else a new one.
    public var run: String?

    public init(
      code: String, diff: String? = nil, context: String? = nil, path: String? = nil,
      askedBy: String, deadline: Duration = .seconds(30), run: String? = nil
    ) {
      self.code = code
      self.diff = diff
      self.context = context
      self.path = path
      self.askedBy = askedBy
      self.deadline = deadline
      self.run = run
    }
  }

  /// The answer of `POST /fix`.
  public struct Answer: Codable, Sendable, Hashable {
    /// The whole code. Line ends, final newline and byte order mark are those of the original.
    public var fixedCode: String
    public var changed: Bool
    /// One sentence, harmless to show; always there where nothing was changed.
    public var reason: String?
    /// Raw values of `Proof`: `parses`, `lints`, `tests`, and `applies` where rules made the change.
    public var verified: [String]
    public var usage: ModelUsage
    public var run: String

    public init(
      fixedCode: String, changed: Bool, reason: String?, verified: [String], usage: ModelUsage,
      run: String
    ) {
      self.fixedCode = fixedCode
      self.changed = changed
      self.reason = reason
      self.verified = verified
      self.usage = usage
      self.run = run
    }

    enum CodingKeys: String, CodingKey {
      case fixedCode = "fixed_code"
      case changed, reason, verified, usage, run
    }

    public func encode(to encoder: any Encoder) throws {
      var container = encoder.container(keyedBy: CodingKeys.self)
      try container.encode(fixedCode, forKey: .fixedCode)
      try container.encode(changed, forKey: .changed)
      try container.encode(reason, forKey: .reason)  // null, never absent
      try container.encode(verified, forKey: .verified)
      try container.encode(usage, forKey: .usage)
      try container.encode(run, forKey: .run)
    }
  }

  /// Of `code`, of `diff` and of `context`, each.
  public static let largest = ByteCount(256 << 10)
  static let longestPath = 1_024

  let ports: Ports

  public init(ports: Ports) { self.ports = ports }

  public func run(_ request: Request) async throws(FixError) -> Answer {
    try Self.check(request)
    let started = ports.now()
    let id = request.run ?? TimeOrderedID.next(started)
    var work = FixWork(ports: ports, request: request)
    do throws(FixError) {
      var answer = try await work.answer()
      answer.run = id
      await record(answer, nil, work, request, id, started)
      return answer
    } catch {
      await record(nil, error, work, request, id, started)
      throw error
    }
  }

  private static func check(_ request: Request) throws(FixError) {
    func limit(_ text: String?, _ field: String) throws(FixError) {
      guard let text, text.utf8.count > largest.value else { return }
      throw FixError(
        code: .invalid,
        detail: "must have at most \(largest.value) bytes, not \(text.utf8.count)", field: field)
    }
    try limit(request.code, "code")
    try limit(request.diff, "diff")
    try limit(request.context, "context")
    if request.code.allSatisfy(\.isWhitespace) {
      throw FixError(code: .invalid, detail: "must not be empty", field: "code")
    }
    if let path = request.path, path.utf8.count > longestPath || path.isEmpty {
      throw FixError(
        code: .invalid, detail: "must have 1 to \(longestPath) bytes", field: "path")
    }
  }

  /// The code in the record has its secrets masked: who may read runs need not know them.
  private func record(
    _ answer: Answer?, _ error: FixError?, _ work: FixWork, _ request: Request, _ id: String,
    _ started: Date
  ) async {
    guard let runs = ports.runs else { return }
    var result: JSONValue?
    if var answer {
      answer.fixedCode = SecretMask.masked(answer.fixedCode).text
      result = (try? JSONEncoder().encode(answer)).flatMap {
        try? JSONDecoder().decode(JSONValue.self, from: $0)
      }
    }
    var inputs = ["code": ContentHash.of(Array(request.code.utf8))]
    inputs["diff"] = request.diff.map { ContentHash.of(Array($0.utf8)) }
    inputs["context"] = request.context.map { ContentHash.of(Array($0.utf8)) }
    let outcome: Run.Outcome =
      switch error?.code {
      case nil: .completed
      case .cancelled: .cancelled
      default: .failed
      }
    let subject = request.path.map {
      Defanged.forTerminal(SecretMask.masked($0).text, oneLine: true, limit: 300)
    }
    do {
      try await runs.save(
        Run(
          id: id, kind: .fix, startedAt: started,
          seconds: ports.now().timeIntervalSince(started), outcome: outcome,
          askedBy: request.askedBy, subject: subject ?? "code", inputs: inputs,
          modelCalls: work.spending.calls, claims: work.claims, masked: work.masked, review: nil,
          failure: error.map { "\($0.code.rawValue): \($0.detail)" }, result: result))
    } catch {
      ports.logger.error(
        "a run could not be kept", metadata: ["run": "\(id)", "error": "\(error.detail)"])
    }
  }
}

/// Why code was not looked at, in terms a route or command can act on.
public struct FixError: Error, Sendable, Equatable {
  public enum Code: String, Sendable {
    /// `field` is missing or too large.
    case invalid
    /// The model cannot take, or cannot write, as much as this.
    case tooLong = "too_long"
    case timedOut = "timed_out"
    /// The model's key is missing or refused.
    case unauthorized
    case rateLimited = "rate_limited"
    case modelFailed = "model_failed"
    case cancelled
  }

  public var code: Code
  /// One sentence, without a secret; with `field`, the end of one that begins with its name.
  public var detail: String
  public var field: String?
  /// Earliest useful retry; `nil` when waiting cannot help or is not known.
  public var retryAfter: Duration?

  public init(code: Code, detail: String, field: String? = nil, retryAfter: Duration? = nil) {
    self.code = code
    self.detail = detail
    self.field = field
    self.retryAfter = retryAfter
  }

  init(_ error: ModelError) {
    let code: Code =
      switch error.code {
      case .unauthorized: .unauthorized
      case .rateLimited: .rateLimited
      case .tooLong: .tooLong
      case .timedOut: .timedOut
      case .cancelled: .cancelled
      case .unavailable, .rejected, .malformedAnswer, .refused, .suspended,
        .budgetSpent:
        .modelFailed
      }
    self.init(code: code, detail: error.detail, retryAfter: error.retryAfter)
  }
}
