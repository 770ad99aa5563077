public import Domain

/// What is judged: the code with its tests, checked already for size.
public struct EvaluationSubject: Sendable {
  public enum Note: Sendable, Hashable {
    /// What the tests printed.
    case printed(output: String, error: String)
    /// A line of progress.
    case progress(String)
  }

  public var code: String
  /// Relative, of plain steps, as the user named it; `solution.py` where nobody did.
  public var path: String
  public var tests: [TestSource]
  public var criteria: EvaluationCriteria
  /// The code as it was before the change that is judged; `nil`: there was none.
  public var previous: String?
  /// When every axis has to be known. What is later counts as not run.
  public var end: ContinuousClock.Instant
  /// Of one test.
  public var testLimit: Duration
  /// A function that gives something else than in `previous` fails the code.
  public var keepsBehaviour: Bool
  /// Told what belongs to no axis. May be called from any task.
  public var tell: @Sendable (Note) -> Void

  public init(
    code: String, path: String = "solution.py", tests: [TestSource] = [],
    criteria: EvaluationCriteria = EvaluationCriteria(), previous: String? = nil,
    end: ContinuousClock.Instant = .now + .seconds(60), testLimit: Duration = .seconds(5),
    keepsBehaviour: Bool = false,
    tell: @escaping @Sendable (Note) -> Void = { _ in }
  ) {
    self.code = Self.unmarked(code)
    self.path = path
    self.tests = tests.map {
      TestSource(path: $0.path, text: Self.unmarked($0.text), isUsers: $0.isUsers)
    }
    self.criteria = criteria
    self.previous = previous.map(Self.unmarked)
    self.end = end
    self.testLimit = testLimit
    self.keepsBehaviour = keepsBehaviour
    self.tell = tell
  }

  /// Without the byte order mark that editors of Windows put first: Python's own reader takes it for
  /// no part of the text, and its parser of strings refuses it.
  private static func unmarked(_ text: String) -> String {
    let mark = Unicode.Scalar(0xFEFF)
    guard let mark, text.unicodeScalars.first == mark else { return text }
    return String(String.UnicodeScalarView(text.unicodeScalars.dropFirst()))
  }

  /// The last step of `path`.
  public var fileName: String { path.split(separator: "/").last.map(String.init) ?? path }

  /// What is left until `end`, at least a tenth of a second.
  public var left: Duration { max(end - .now, .milliseconds(100)) }
}
