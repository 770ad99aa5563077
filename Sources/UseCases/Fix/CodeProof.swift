import Domain

/// Holds a corrected text against the one that came, by all that can be shown of it.
///
/// The text that came is looked at once, however many corrections are held against it.
struct CodeProof: Sendable {
  /// What was shown of a text that may be given out.
  struct Shown: Sendable {
    var proofs: [Proof]
    /// Sentences for a person: what was not run, and why.
    var notes: [String]
  }

  let syntax: any SyntaxChecker
  let sandbox: (any CodeSandbox)?
  let original: [UInt8]
  let path: SourcePath?
  let given: [String]
  /// False where the text is a part of more, which has tests of its own.
  let runsTests: Bool
  /// When all has to be over.
  let end: ContinuousClock.Instant

  private var before: CodeChecks.Outcome?

  init(
    _ original: [UInt8], path: SourcePath?, given: [String], syntax: any SyntaxChecker,
    sandbox: (any CodeSandbox)?, runsTests: Bool = true, end: ContinuousClock.Instant
  ) {
    self.original = original
    self.path = path
    self.given = given
    self.syntax = syntax
    self.sandbox = sandbox
    self.runsTests = runsTests
    self.end = end
  }

  private var language: Language? { path.flatMap { Language(path: $0) } }
  private var left: Duration { end - .now }

  /// - Parameter mayStayBroken: a text that the parser refused before may be refused still.
  mutating func hold(
    _ text: [UInt8], mayStayBroken: Bool = false
  ) async -> Result<Shown, CodeFault> {
    var shown = Shown(proofs: [], notes: [])
    guard let path, let language else { return .success(shown) }
    switch await syntax.check(text, language: language, path: path) {
    case .parses: shown.proofs.append(.parses)
    case .unknown: break
    case .broken(let line, let message):
      if mayStayBroken,
        case .broken = await syntax.check(original, language: language, path: path)
      {
        return .success(shown)
      }
      let place = line.map { " at line \($0)" } ?? ""
      let told = Defanged.forTerminal(
        SecretMask.masked(message).text, oneLine: true, limit: 200)
      return .failure(
        CodeFault(
          forModel: "it does not parse\(place): \(told)",
          forPeople: "it does not parse as \(language.rawValue)\(place)"))
    }
    guard language == .python else { return .success(shown) }
    guard let sandbox else {
      shown.notes.append("Linters and tests were not run: no sandbox is set up here.")
      return .success(shown)
    }
    do throws(SandboxError) {
      if let fault = try await lint(text, path, in: sandbox, &shown) { return .failure(fault) }
      if runsTests, let fault = try await check(text, in: sandbox, &shown) {
        return .failure(fault)
      }
      // What was cut short by the end of all the time shows nothing.
      guard left > .zero else { return .failure(Self.late) }
    } catch {
      let detail = SecretMask.masked(error.detail).text
      shown.notes.append("Linters and tests were not run to their end: \(detail)")
    }
    return .success(shown)
  }

  private static let late = CodeFault(
    forModel: "the time to prove it is up", forPeople: "the time to prove it was up")

  // MARK: Linters

  private func lint(
    _ text: [UInt8], _ path: SourcePath, in sandbox: any CodeSandbox, _ shown: inout Shown
  ) async throws(SandboxError) -> CodeFault? {
    switch try await RuffLint(sandbox: sandbox).compare(original, text, path: path, time: left) {
    case .notWorse: shown.proofs.append(.lints)
    case .notRun(let why): shown.notes.append("Linters were not run: \(why).")
    case .worse(let complaints):
      let told = complaints.prefix(5).map {
        "line \($0.line): \($0.rule)"
          + Defanged.forTerminal(SecretMask.masked($0.message).text, oneLine: true, limit: 160)
      }
      return CodeFault(
        forModel: "a linter finds more in it than before: " + told.joined(separator: "; "),
        forPeople: "a linter finds more in it than before ("
          + Set(complaints.map(\.rule)).sorted().joined(separator: ", ") + ")")
    }
    return nil
  }

  // MARK: Tests

  private mutating func check(
    _ text: [UInt8], in sandbox: any CodeSandbox, _ shown: inout Shown
  ) async throws(SandboxError) -> CodeFault? {
    let checks = CodeChecks(sandbox: sandbox)
    if before == nil {
      before = try await checks.run(original, given: given, path: path, time: left)
    }
    let after = try await checks.run(text, given: given, path: path, time: left)
    switch after {
    case .notRun(let why):
      // What it would import anew may be what keeps its tests from being run.
      if known.contains(where: { $0.passed == true }) {
        return CodeFault(forModel: "its tests cannot be run with it: \(why)", forPeople: why)
      }
      shown.notes.append("Its tests were not run: \(why).")
      return nil
    case .spoiled(let why, let now):
      if case .ran(let known)? = before, known.contains(where: { $0.passed != nil }) {
        return CodeFault(forModel: "its tests cannot be run: \(why)", forPeople: why)
      }
      // Neither text lets them run. What can be told is that none was taken out.
      if let fault = Self.deletion(known, now) { return fault }
      shown.notes.append("Its tests were not run: \(why).")
      return nil
    case .ran(let now):
      return Self.deletion(known, now) ?? Self.compare(known, now, &shown)
    }
  }

  /// The checks that the text had as it came, whether or not they could be run.
  private var known: [CodeChecks.Check] {
    switch before {
    case .ran(let checks)?, .spoiled(_, let checks)?: checks
    case .notRun?, nil: []
    }
  }

  /// Nothing that was said of the code may be taken back.
  private static func deletion(
    _ before: [CodeChecks.Check], _ after: [CodeChecks.Check]
  ) -> CodeFault? {
    var standing: [String: Int] = [:]
    for check in after { standing[check.id, default: 0] += 1 }
    for check in before {
      standing[check.id, default: 0] -= 1
      guard standing[check.id, default: 0] < 0 else { continue }
      return CodeFault(
        forModel: "it changes or deletes the test `\(check.name)`; tests stay as they are",
        forPeople: "it would have changed or deleted a test")
    }
    return nil
  }

  /// Nothing that held may fail, or become what cannot be tried.
  private static func compare(
    _ before: [CodeChecks.Check], _ after: [CodeChecks.Check], _ shown: inout Shown
  ) -> CodeFault? {
    let held = Set(before.filter { $0.passed == true }.map(\.id))
    let failed = Set(before.filter { $0.passed == false }.map(\.id))
    // A check that failed and cannot be tried any more is not mended.
    let tried = after.filter { $0.passed != nil || failed.contains($0.id) }
    let failing = tried.filter { $0.passed != true }
    let failedBefore = before.count { $0.passed == false }
    if let lost = after.first(where: { held.contains($0.id) && $0.passed == nil }) {
      return CodeFault(
        forModel: "a test that held cannot be run with it: \(told(lost))",
        forPeople: "a test that held cannot be run with it")
    }
    if let broken = failing.first(where: { held.contains($0.id) }) {
      return CodeFault(
        forModel: "a test that held fails now: \(told(broken))",
        forPeople: "a test that held fails with it")
    }
    if !failing.isEmpty, failing.count >= max(1, failedBefore) {
      return CodeFault(
        forModel: "tests still fail: " + failing.prefix(3).map(told).joined(separator: "; "),
        forPeople: "\(failing.count) of \(tried.count) tests still fail with it")
    }
    if !failing.isEmpty {
      shown.notes.append(
        "\(tried.count - failing.count) of its \(tried.count) tests hold now, before "
          + "\(before.count { $0.passed == true }).")
    } else if !tried.isEmpty {
      shown.proofs.append(.tests)
    }
    return nil
  }

  private static func told(_ check: CodeChecks.Check) -> String {
    "`\(check.name)`: \(check.message)"
  }
}
