import Domain
import Synchronization
import Testing
import UseCases

@Suite struct NoticedBudgetTests {
  private actor Sums: TokenBudget {
    private var spent: [String: Int] = [:]
    func left(for repository: String) async throws(StoreError) -> Int? { nil }
    func spend(_ tokens: Int, for repository: String) async throws(StoreError) -> Int {
      spent[repository, default: 0] += tokens
      return spent[repository, default: 0]
    }
  }

  private final class Told: Sendable {
    private let marks = Mutex<[BudgetMark]>([])
    var all: [BudgetMark] { marks.withLock { $0 } }
    func add(_ mark: BudgetMark) { marks.withLock { $0.append(mark) } }
  }

  @Test(arguments: [
    ([79], []), ([79, 1], [80]), ([79, 2, 18], [80]), ([80, 19, 1, 50], [80, 100]),
    ([300], [80, 100]), ([0, 100, 0], [80, 100]),
  ])
  func eachMarkIsToldOnce(spent: [Int], percents: [Int]) async throws {
    let told = Told()
    let budget = NoticedBudget(Sums(), perDay: 100) { told.add($0) }
    for tokens in spent { try await budget.spend(tokens, for: "github:o/r") }
    #expect(told.all.map(\.percent) == percents)
    #expect(told.all.allSatisfy { $0.repository == "github:o/r" && $0.perDay == 100 })
  }

  @Test func alsoWhereManySpendAtOnce() async throws {
    let told = Told()
    let budget = NoticedBudget(Sums(), perDay: 1_000) { told.add($0) }
    await withTaskGroup(of: Void.self) { group in
      for _ in 0..<50 {
        group.addTask { _ = try? await budget.spend(30, for: "a") }
        group.addTask { _ = try? await budget.spend(10, for: "b") }
      }
    }
    #expect(told.all.filter { $0.repository == "a" }.map(\.percent).sorted() == [80, 100])
    #expect(told.all.count { $0.repository == "b" } == 0)
  }
}
