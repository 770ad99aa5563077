import Domain

/// What there is to run, as the texts alone tell: read in a run that imports nothing of them.
struct TestPlan: Sendable {
  struct Problem: Sendable, Decodable {
    var line: Int?
    var message: String
    /// It parses, and Python would read its bytes as another text.
    var encoding: Bool?

    /// About the judged code, without an end.
    var sentence: String {
      let told = TestText.shown(message, 300)
      return encoding == true
        ? "What would run is not the code as it stands: \(told)"
        : "The code does not parse: \(told)"
    }
  }

  struct Counted: Sendable, Decodable {
    var name: String
    var line: Int?
    /// How many of it have to be run: 1, or the cases of a parametrized test.
    var least: Int
    /// False where the text does not tell whether there are more.
    var exact: Bool
    var marks: [String]
  }

  /// One text of tests.
  struct Source: Sendable {
    enum Form: String, Sendable, Decodable {
      case pytest, unittest, functions, script, check, doctest, docstrings, examples
      /// No test, but what other tests may need.
      case support
      case none
      /// It cannot be read.
      case broken
    }

    var test: TestSource
    /// The path in the working folder.
    var file: String
    var form: Form
    var tests: [Counted]
    var problem: Problem?
    /// As it was reported, for the run of the tests.
    var given: JSONValue
    var usesHypothesis: Bool
    /// The first parts of the names of the modules that it imports.
    var imports: Set<String>

    var isRun: Bool {
      switch form {
      case .support, .none, .broken: false
      default: true
      }
    }

    /// A text that says that it is tests, by its form or its name, and holds none that can be told.
    var isEmpty: Bool {
      guard tests.isEmpty else { return false }
      switch form {
      case .pytest, .unittest: return true
      case .none:
        let name = test.path.split(separator: "/").last ?? ""
        return name.hasSuffix("_test.py") || name.hasPrefix("test_") && name.hasSuffix(".py")
      default: return false
      }
    }

    var tools: [String] {
      form == .pytest ? (usesHypothesis ? ["pytest", "hypothesis"] : ["pytest"]) : []
    }
  }

  /// Why the code cannot be read.
  var problem: Problem?
  var functions: [String]
  var imports: Set<String>
  var sources: [Source]
  /// The examples in the code's own docstrings.
  var own: Source?

  /// The first parts of the names of the modules that the tests, and what they need, import.
  /// - Parameter byPytest: whether it runs them, which alone reads `conftest.py`.
  func testImports(byPytest: Bool) -> Set<String> {
    sources.reduce(into: []) { found, source in
      let isSettings = source.test.path.split(separator: "/").last == "conftest.py"
      if byPytest || !isSettings { found.formUnion(source.imports) }
    }
  }

  private struct Report: Decodable {
    struct Code: Decodable {
      var problem: Problem?
      var functions: [String]
      var imports: [String]
    }
    struct Text: Decodable {
      var form: Source.Form
      var tests: [Counted]
      var problem: Problem?
      var hypothesis: Bool?
      var imports: [String]?
    }
    var code: Code
    var sources: [Text]
    var own: Text?
  }

  /// - Returns: `nil` with the reason where the texts make Python itself end.
  static func of(
    _ subject: EvaluationSubject, in sandbox: any CodeSandbox
  ) async throws(SandboxError) -> Result<TestPlan, PlanFailure> {
    let sources: [JSONValue] = subject.tests.map {
      .object(["path": .string($0.path), "text": .string($0.text)])
    }
    let task = PythonHarness.plan.task(
      ["code": .string(subject.code), "sources": .array(sources)], image: .python,
      limits: SandboxLimits(time: min(subject.left, .seconds(10))))
    let result = try await sandbox.run(task)
    guard result.succeeded, let report = result.report,
      let read = report.decoded(as: Report.self), read.sources.count == subject.tests.count
    else {
      return .failure(
        PlanFailure(sentence: RunEnd.sentence(result), isLate: result.end == .timedOut))
    }
    let given = report["sources"]?.array ?? []
    var files = Set([subject.path])
    let plan = TestPlan(
      problem: read.code.problem, functions: read.code.functions,
      imports: Set(read.code.imports),
      sources: zip(zip(subject.tests, read.sources), given).map { pair, given in
        let file = Self.file(of: pair.0, as: pair.1.form, besides: &files)
        return source(pair.0, pair.1, file, given)
      },
      own: read.own.flatMap { own in
        report["own"].map { source(Self.ownTests(subject), own, subject.path, $0) }
      })
    return .success(plan)
  }

  private static func source(
    _ test: TestSource, _ text: Report.Text, _ file: String, _ given: JSONValue
  ) -> Source {
    Source(
      test: test, file: file, form: text.form, tests: text.tests, problem: text.problem,
      given: given, usesHypothesis: text.hypothesis ?? false, imports: Set(text.imports ?? []))
  }

  /// They were written with the code, so they say less than the user's.
  private static func ownTests(_ subject: EvaluationSubject) -> TestSource {
    TestSource(path: subject.path, text: subject.code, isUsers: false)
  }

  private static func file(
    of test: TestSource, as form: Source.Form, besides files: inout Set<String>
  ) -> String {
    let name = form == .pytest && !test.path.hasSuffix(".py") ? test.path + ".py" : test.path
    var file = "tests/\(name)"
    var number = 2
    while !files.insert(file).inserted {
      file = "tests/\(number)/\(name)"
      number += 1
    }
    return file
  }
}

/// Why the texts could not even be read.
struct PlanFailure: Error, Sendable {
  var sentence: String
  /// There was no time for it, which says nothing of the texts.
  var isLate: Bool
}

/// How a run ended, in words.
enum RunEnd {
  static func sentence(_ result: SandboxResult) -> String {
    switch result.end {
    case .exited(0): "it ended without the report that it owes"
    case .exited(let code): "it ended with status \(code)\(last(result))"
    case .signaled(let signal): "it was ended by signal \(signal)"
    case .timedOut: "it did not end in time"
    case .outOfMemory: "it needed more memory than it may have"
    }
  }

  private static func last(_ result: SandboxResult) -> String {
    let line = result.errorText.split(separator: "\n").last.map(String.init) ?? ""
    let told = Defanged.forTerminal(SecretMask.masked(line).text, oneLine: true, limit: 200)
    return told.isEmpty ? "" : ": \(told)"
  }
}
