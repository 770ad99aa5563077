import Domain
import Foundation

/// Looks at code, and tries it out, in the sandbox.
///
/// What code that ran says of itself here is its own word: it ranks candidates and drops tests, and
/// decides no verdict.
struct CodeProbe: Sendable {
  /// What a text is, without running it.
  struct Look: Sendable {
    var error: CodeComplaint?
    /// Functions and classes that it defines.
    var names: [String]
    /// Public names: functions, classes, constants, and imports that are there for others.
    var exported: [String] = []
    /// All names that its top level binds.
    var bound: [String] = []
    /// The same names with nothing in them.
    var stub: String
    /// It defines and does nothing.
    var isEmpty: Bool
  }

  /// What tests ask of the code.
  struct Wanted: Sendable {
    var modules: [String]
    var names: [String]
    var called: [String]
    /// Tests that cannot be parsed.
    var broken: [(path: String, complaint: CodeComplaint)]
  }

  let sandbox: any CodeSandbox
  /// Of the run that it works for; `nil`: none.
  var end: ContinuousClock.Instant?
  private static let program = TrustedPython.program(
    Array(names.utf8) + PackageResources.code_probe_py)

  /// Makes the module that the program imports, of a text within the program's own.
  private static let names: String = {
    let encoder = JSONEncoder()
    encoder.outputFormatting = .withoutEscapingSlashes
    let text = String(decoding: PackageResources.code_names_py, as: UTF8.self)
    // A text in JSON is one in Python, too.
    let literal = (try? encoder.encode(text)).map { String(decoding: $0, as: UTF8.self) } ?? "\"\""
    return """
      import types
      made = types.ModuleType("code_names")
      exec(compile(\(literal), "code_names.py", "exec"), vars(made))
      sys.modules["code_names"] = made

      """
  }()

  func look(_ code: String) async throws(SandboxError) -> Look {
    guard let answer = try await ask(["do": .string("look"), "code": .string(code)]) else {
      return Look(
        error: CodeComplaint(line: nil, message: "it is more than a parser can take"), names: [],
        stub: "", isEmpty: true)
    }
    return Look(
      error: CodeComplaint(answer["error"]), names: Self.texts(answer["names"]),
      exported: Self.texts(answer["exported"]), bound: Self.texts(answer["bound"]),
      stub: answer["stub"]?.string ?? "", isEmpty: answer["empty"] == .bool(true))
  }

  func wanted(by tests: [TestSource]) async throws(SandboxError) -> Wanted {
    let answer = try await ask([
      "do": .string("wanted"),
      "tests": .array(
        tests.map { .object(["path": .string($0.path), "text": .string($0.text)]) }),
    ])
    return Wanted(
      modules: Self.texts(answer?["modules"]), names: Self.texts(answer?["names"]),
      called: Self.texts(answer?["called"]),
      broken: (answer?["broken"]?.array ?? []).compactMap { entry in
        CodeComplaint(entry).map { (entry["path"]?.string ?? "", $0) }
      })
  }

  /// Tests in one form, a function each. - Parameter keep: only these; `nil`: all.
  func joined(
    _ text: String, keep: [String]? = nil
  ) async throws(SandboxError) -> (names: [String], text: String, error: CodeComplaint?) {
    var order: [String: JSONValue] = ["do": .string("join"), "text": .string(text)]
    if let keep { order["keep"] = .array(keep.map(JSONValue.string)) }
    let answer = try await ask(order)
    return (
      Self.texts(answer?["names"]), answer?["text"]?.string ?? "", CodeComplaint(answer?["error"])
    )
  }

  /// Each test against one text of the code: `pass`, or why not. Empty where it came to no end.
  func attempt(
    _ code: String, module: String, tests: String
  ) async throws(SandboxError) -> [String: String] {
    let answer = try await ask(
      [
        "do": .string("attempt"), "code": .string(code), "module": .string(module),
        "tests": .string(tests),
      ], of: [code, tests])
    guard case .object(let results)? = answer?["results"] else { return [:] }
    return results.compactMapValues(\.string)
  }

  /// Inputs on which candidates can be compared, the same for the same texts.
  /// - Parameter texts: tests and prompts, whose own calls are varied.
  func inputs(for code: String, texts: [String]) async throws(SandboxError) -> [JSONValue] {
    let answer = try await ask(
      [
        "do": .string("inputs"), "code": .string(code),
        "texts": .array(texts.map(JSONValue.string)),
        "seed": .integer(1),
      ], of: [code])
    return answer?["inputs"]?.array ?? []
  }

  /// What the code gives for each input; `nil` where it came to no end.
  func outputs(
    of code: String, module: String, inputs: [JSONValue]
  ) async throws(SandboxError) -> [String]? {
    let answer = try await ask(
      [
        "do": .string("outputs"), "code": .string(code), "module": .string(module),
        "inputs": .array(inputs), "each": .integer(1),
      ], of: [code])
    guard let answer, answer["error"] == .null else { return nil }
    let outputs = Self.texts(answer["outputs"])
    return outputs.count == inputs.count ? outputs : nil
  }

  /// The smallest image in which texts can run, by what they import: as the evaluation chooses it.
  static func image(for texts: [String]) -> SandboxImage {
    let needsData = texts.contains { text in
      text.split(whereSeparator: \.isNewline).contains { line in
        let words = line.split { !($0.isLetter || $0.isNumber || $0 == "_") }
        switch words.first {
        case "import": return words.contains("numpy") || words.contains("pandas")
        case "from":
          return words.dropFirst().first == "numpy" || words.dropFirst().first == "pandas"
        default: return false
        }
      }
    }
    return needsData ? .data : .python
  }

  /// Whether the run's time is up.
  var isLate: Bool { end.map { ContinuousClock.now >= $0 } ?? false }

  /// What the run has left, and one second where that is less: a look takes milliseconds.
  private var limit: Duration {
    let left = end.map { $0 - .now } ?? .seconds(10)
    return min(.seconds(10), max(left, .seconds(1)))
  }

  /// - Parameter texts: what is run; where nothing is, Python alone reads it.
  /// - Returns: `nil` where the program was killed or told nothing.
  private func ask(
    _ order: [String: JSONValue], of texts: [String] = []
  ) async throws(SandboxError) -> JSONValue? {
    guard let input = try? JSONEncoder().encode(JSONValue.object(order)) else { return nil }
    let result = try await sandbox.run(
      SandboxTask(
        .python(Self.program), image: Self.image(for: texts), input: Array(input),
        limits: SandboxLimits(time: limit, processorTime: min(limit, .seconds(8)))))
    return result.report
  }

  private static func texts(_ value: JSONValue?) -> [String] {
    (value?.array ?? []).compactMap(\.string)
  }
}

/// Where a text does not parse.
struct CodeComplaint: Sendable, Hashable {
  var line: Int?
  var message: String

  init(line: Int?, message: String) {
    self.line = line
    self.message = message
  }

  init?(_ value: JSONValue?) {
    guard let message = value?["message"]?.string else { return nil }
    line = value?["line"]?.integer
    self.message = Defanged.forTerminal(message, oneLine: true, limit: 200)
  }

  var sentence: String { (line.map { "line \($0): " } ?? "") + message }
}
