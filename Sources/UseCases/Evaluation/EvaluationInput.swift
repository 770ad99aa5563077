public import Domain
import Foundation

extension EvaluateCode {
  /// Holds a request to its bounds; `run` does so too.
  public static func check(_ request: Request) throws(EvaluateError) {
    try EvaluationInput.check(request)
  }

  /// The report of an earlier run, to compare with.
  /// - Throws: `.invalid` with `field` where no such run holds one.
  public static func evaluation(
    of run: String, in runs: (any RunStore)?, field: String
  ) async throws(EvaluateError) -> Evaluation {
    let found: Run?
    do throws(StoreError) {
      found = try await runs?.run(id: run)
    } catch {
      throw EvaluateError(
        code: .invalid, detail: "cannot be read: \(error.detail)", field: field)
    }
    guard let found, found.kind == .evaluate,
      let kept = found.result.flatMap({ try? JSONEncoder().encode($0) }),
      let evaluation = try? JSONDecoder().decode(Evaluation.self, from: kept)
    else {
      throw EvaluateError(
        code: .invalid, detail: "must be the run of an evaluation that is kept here", field: field)
    }
    return evaluation
  }

  /// Reads criteria as a person or a program wrote them. Keys that are absent are as in `base`.
  /// - Throws: `.invalid` with the field that is wrong, a key that nobody knows among them.
  public static func criteria(
    _ value: JSONValue, over base: EvaluationCriteria = EvaluationCriteria()
  ) throws(EvaluateError) -> EvaluationCriteria {
    try EvaluationInput.criteria(value, over: base)
  }

  /// The same of a text such as `{"complexity": 10}`.
  public static func criteria(
    json text: String, over base: EvaluationCriteria = EvaluationCriteria()
  ) throws(EvaluateError) -> EvaluationCriteria {
    guard let value = try? JSONDecoder().decode(JSONValue.self, from: Data(text.utf8)) else {
      throw EvaluateError(
        code: .invalid, detail: "must be a JSON object such as {\"complexity\": 10}")
    }
    return try criteria(value, over: base)
  }
}

/// What is asked, held to its bounds before anything is run.
enum EvaluationInput {
  static func check(_ request: EvaluateCode.Request) throws(EvaluateError) {
    if request.code.allSatisfy(\.isWhitespace) { throw invalid("code", "must not be empty") }
    try limit(request.code, "code")
    if let previous = request.previous { try limit(previous, "previous") }
    if let path = request.path { try check(path, "path") }
    guard request.tests.count <= EvaluateCode.mostTests else {
      throw invalid(
        "tests", "must be at most \(EvaluateCode.mostTests) texts, not \(request.tests.count)")
    }
    for test in request.tests {
      try check(test.path, "tests")
      try limit(test.text, "tests")
      if test.text.allSatisfy(\.isWhitespace) {
        throw invalid("tests", "must not be empty: \(shown(test.path)) holds nothing")
      }
    }
    try checkPlaces(request)
    let all = request.tests.reduce(0) { $0 + $1.text.utf8.count }
    guard all <= EvaluateCode.largestTests.value else {
      throw invalid(
        "tests", "must have at most \(EvaluateCode.largestTests.value) bytes together, not \(all)")
    }
    let criteria = request.criteria
    if criteria.axes.isEmpty { throw invalid("criteria.axes", noAxes) }
    if criteria.complexity < 1 { throw invalid("criteria.complexity", "must be at least 1") }
    try positive(criteria.slowdown, "slowdown")
    try positive(criteria.growth, "growth")
    try positive(criteria.memory, "memory")
  }

  static func criteria(
    _ value: JSONValue, over base: EvaluationCriteria
  ) throws(EvaluateError) -> EvaluationCriteria {
    guard case .object(let members) = value else {
      throw invalid("criteria", "must be a JSON object")
    }
    var criteria = base
    for (key, member) in members.sorted(by: { $0.key < $1.key }) where member != .null {
      let field = "criteria.\(shown(key))"
      func number() throws(EvaluateError) -> Double {
        guard let number = member.number, number.isFinite, number > 0 else {
          throw invalid(field, "must be a number of more than 0")
        }
        return number
      }
      switch key {
      case "axes":
        let names = (member.array ?? []).map { $0.string.flatMap(EvaluationAxis.Name.init) }
        let known = names.compactMap(\.self)
        guard member.array != nil, known.count == names.count else {
          throw invalid(
            field, "must be a list of \(list(EvaluationAxis.Name.allCases.map(\.rawValue)))")
        }
        if known.isEmpty { throw invalid(field, noAxes) }
        criteria.axes = Set(known)
      case "complexity":
        guard let most = member.integer, most > 0 else {
          throw invalid(field, "must be a whole number of more than 0")
        }
        criteria.complexity = most
      case "slowdown": criteria.slowdown = try number()
      case "growth": criteria.growth = try number()
      case "memory": criteria.memory = try number()
      case "severity":
        guard let severity = member.string.flatMap(EvaluationCriteria.Severity.init) else {
          throw invalid(
            field, "must be \(list(EvaluationCriteria.Severity.allCases.map(\.rawValue)))")
        }
        criteria.severity = severity
      default:
        throw invalid(
          field, "is not known; there are axes, complexity, slowdown, growth, memory, severity")
      }
    }
    return criteria
  }

  private static let noAxes = "must name an axis: without one nothing could fail"

  private static func list(_ names: [String]) -> String {
    names.dropLast().joined(separator: ", ") + " or " + (names.last ?? "")
  }

  private static func positive(_ value: Double?, _ name: String) throws(EvaluateError) {
    guard let value, !(value.isFinite && value > 0) else { return }
    throw invalid("criteria.\(name)", "must be more than 0")
  }

  private static func limit(_ text: String, _ field: String) throws(EvaluateError) {
    let most = EvaluateCode.largest.value
    guard text.utf8.count > most else { return }
    throw invalid(field, "must have at most \(most) bytes, not \(text.utf8.count)")
  }

  /// In bytes; file systems take 255, and endings may be added.
  private static let longestStep = 240

  /// No file may stand where another needs a folder.
  private static func checkPlaces(_ request: EvaluateCode.Request) throws(EvaluateError) {
    if request.path == "tests" {
      throw invalid("path", "must not be `tests`, the folder that tests are put into")
    }
    let paths = Set(request.tests.map(\.path))
    func parent(of path: String) -> String? {
      var rest = path[...]
      while let slash = rest.lastIndex(of: "/") {
        rest = rest[..<slash]
        if paths.contains(String(rest)) { return String(rest) }
      }
      return nil
    }
    for path in paths.sorted() {
      guard let file = parent(of: path) else { continue }
      throw invalid(
        "tests",
        "must not name \(shown(file)) both as a file and as the folder of "
          + shown(path))
    }
  }

  /// The rule of `SandboxFile.path`, so that no name of a user's can lead outside.
  private static func check(_ path: String, _ field: String) throws(EvaluateError) {
    let parts = path.split(separator: "/", omittingEmptySubsequences: false)
    if let long = parts.first(where: { $0.utf8.count > longestStep }) {
      throw invalid(
        field,
        "must have steps of at most \(longestStep) bytes, and \(shown(String(long))) has "
          + "\(long.utf8.count)")
    }
    let isPlain =
      !path.isEmpty && path.utf8.count <= EvaluateCode.longestPath
      && parts.allSatisfy { !$0.isEmpty && $0 != "." && $0 != ".." }
      && !path.unicodeScalars.contains { $0.value < 0x20 || $0.value == 0x7F }
    guard isPlain else {
      throw invalid(
        field, "must name files by plain relative paths, which \(shown(path)) is not")
    }
  }

  private static func shown(_ text: String) -> String {
    Defanged.forTerminal(text, oneLine: true, limit: 100)
  }

  private static func invalid(_ field: String, _ detail: String) -> EvaluateError {
    EvaluateError(code: .invalid, detail: detail, field: field)
  }
}
