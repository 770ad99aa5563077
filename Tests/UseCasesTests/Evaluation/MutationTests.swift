import Domain
import Foundation
import Jobs
import Logging
import Synchronization
import Testing
import UseCases

/// Mutants are tried when the report is there already, and added to it.
@Suite struct MutationTests {
  /// Every record as it was kept, in order.
  private final class Runs: RunStore {
    let kept = Mutex<[Run]>([])
    func save(_ run: Run) async throws(StoreError) { kept.withLock { $0.append(run) } }
    func run(id: String) async throws(StoreError) -> Run? {
      kept.withLock { $0.last { $0.id == id } }
    }
    func runs(limit: Int, before: String?) async throws(StoreError) -> [Run] {
      kept.withLock { $0 }
    }
  }

  private static let code = "def limit(n):\n    if n > 10:\n        return 10\n    return n\n"
  private static let test = TestSource(
    path: "test_it.py", text: "assert limit(3) == 3\nassert limit(50) == 10\n")

  private func ports(_ runs: Runs) -> EvaluateCode.Ports {
    EvaluateCode.Ports(
      sandbox: EvaluationBench.sandbox, runs: runs, evaluators: [CorrectnessEvaluator()])
  }

  private func correctness(_ run: Run?) -> JSONValue? {
    run?.result?["axes"]?.array?.first { $0["name"]?.string == "correctness" }
  }

  private func context(_ work: Work.Evaluate, _ lines: @escaping @Sendable (String) -> Void) throws
    -> JobContext
  {
    JobContext(
      job: Job(
        id: "job-1", kind: Work.Evaluate.kind, arguments: try work.json(), state: .running,
        uniqueKey: nil, supersedeKey: nil, priority: 0, attempt: 1, maxAttempts: 8,
        createdAt: Date(), scheduledAt: Date(), attemptedAt: Date(), finishedAt: nil, errors: [],
        cancelRequested: false, run: work.run), logger: Logger(label: "test"), report: lines)
  }

  @Test func theReportIsKeptFirstAndTheMutantsFollow() async throws {
    let runs = Runs()
    let lines = Mutex<[String]>([])
    let work = Work.Evaluate(
      run: TimeOrderedID.next(Date()), code: Self.code, tests: [Self.test],
      criteria: EvaluationCriteria(axes: [.correctness]), askedBy: "test", mutation: true)
    let outcome = try await EvaluateWork(ports: ports(runs)).handle(
      context(work) { line in lines.withLock { $0.append(line) } })
    #expect(outcome == .completed)
    let kept = runs.kept.withLock { $0 }
    #expect(kept.map(\.id) == [work.run, work.run])
    let first = try #require(correctness(kept.first))
    let whole = try #require(correctness(kept.last))
    #expect(first["verdict"]?.string == "pass" && whole["verdict"]?.string == "pass")
    #expect(first["reason"]?.string?.contains("mutants") == false)
    #expect(whole["reason"]?.string?.contains("mutants were noticed by a test.") == true)
    // At 10 both give 10, so only a test at 11 would see the other bound.
    let survivors = (whole["evidence"]?.array ?? []).filter { $0["rule"]?.string == "mutation" }
    #expect(survivors.contains { $0["line"]?.integer == 2 && $0["is_failure"] == .bool(false) })
    let told = lines.withLock { $0 }
    let report = try #require(told.firstIndex { $0.hasPrefix("report: pass") })
    let mutants = try #require(told.firstIndex { $0.hasPrefix("mutants: ") })
    #expect(report < mutants)
  }

  @Test func whereNoTestPassesNoMutantIsTried() async throws {
    let runs = Runs()
    let evaluate = EvaluateCode(ports: ports(runs))
    let request = EvaluateCode.Request(
      code: "def limit(n):\n    return 0\n", tests: [Self.test], askedBy: "test")
    let report = try await evaluate.run(request)
    let whole = try await evaluate.addMutation(to: report, of: request)
    #expect(whole.verdict == .fail && report.verdict == .fail)
    let reason = whole.axis(.correctness)?.reason ?? ""
    #expect(reason.hasSuffix("No mutant was tried: no test passes that could notice one."))
    #expect(whole.axis(.correctness)?.evidence == report.axis(.correctness)?.evidence)
  }

  @Test func whatIsNotAskedForIsNotTried() async throws {
    let runs = Runs()
    let work = Work.Evaluate(
      run: TimeOrderedID.next(Date()), code: Self.code, tests: [Self.test],
      criteria: EvaluationCriteria(), askedBy: "test")
    _ = try await EvaluateWork(ports: ports(runs)).handle(context(work) { _ in })
    #expect(runs.kept.withLock { $0.count } == 1)
  }
}
