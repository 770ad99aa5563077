import Domain
import Testing

@Suite struct FailureBudgetTests {
  @Test func aDeadModelIsAskedAsOftenAsTheLimitSaysHoweverManyAskAtOnce() async {
    let budget = FailureBudget(limit: 8)
    let sent = await withTaskGroup(of: Int.self) { group in
      for _ in 0..<50 {
        group.addTask {
          var sent = 0
          while true {
            switch budget.request("m") {
            case .granted:
              await Task.yield()
              budget.finish("m", failed: true)
              sent += 1
            case .wait: await Task.yield()
            case .spent: return sent
            }
          }
        }
      }
      return await group.reduce(0, +)
    }
    #expect(sent == 8)
    #expect(budget.failures(of: "m") == 8)
  }

  @Test func successCostsNothingAndModelsAreCountedApart() {
    let budget = FailureBudget(limit: 2)
    for _ in 0..<100 {
      #expect(budget.request("good") == .granted)
      budget.finish("good", failed: false)
    }
    for _ in 0..<2 {
      #expect(budget.request("bad") == .granted)
      budget.finish("bad", failed: true)
    }
    #expect(budget.request("bad") == .spent)
    #expect(budget.request("good") == .granted)
  }

  @Test func noMoreAreUnderWayThanMayStillFail() {
    let budget = FailureBudget(limit: 2)
    #expect(budget.request("m") == .granted)
    #expect(budget.request("m") == .granted)
    #expect(budget.request("m") == .wait)
    budget.finish("m", failed: false)
    #expect(budget.request("m") == .granted)
  }
}
