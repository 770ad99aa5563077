import Testing

@testable import LanguageModels

@Suite struct CircuitBreakerTests {
  private let clock = ManualClock()

  private func opened(after failures: Int = 3) -> CircuitBreaker {
    let breaker = CircuitBreaker(
      .init(failures: failures, coolDown: .seconds(10)), timing: clock.timing)
    for _ in 0..<failures { breaker.failed() }
    return breaker
  }

  @Test func opensAfterFailuresInARowOnly() {
    let breaker = CircuitBreaker(
      .init(failures: 3, coolDown: .seconds(10)), timing: clock.timing)
    breaker.failed()
    breaker.failed()
    breaker.succeeded()
    breaker.failed()
    breaker.failed()
    #expect(breaker.admit() == .closed)
    breaker.failed()
    #expect(breaker.admit() == .refused(retryAfter: .seconds(10)))
  }

  @Test func letsOneProbeThroughAfterTheCoolDown() {
    let breaker = opened()
    clock.advance(.seconds(9))
    #expect(breaker.admit() == .refused(retryAfter: .seconds(1)))
    clock.advance(.seconds(1))
    #expect(breaker.admit() == .probe)
    #expect(breaker.admit() == .refused(retryAfter: .seconds(10)))
    breaker.succeeded()
    #expect(breaker.admit() == .closed)
  }

  @Test func waitsLongerAfterEachFailedProbe() {
    let breaker = opened()
    for wait in [10, 20, 40, 80, 160, 160] {
      clock.advance(.seconds(wait - 1))
      #expect(breaker.admit() == .refused(retryAfter: .seconds(1)))
      clock.advance(.seconds(1))
      #expect(breaker.admit() == .probe)
      breaker.failed()
    }
  }

  @Test func heedsWhatTheServerAsksFor() {
    let breaker = CircuitBreaker(
      .init(failures: 1, coolDown: .seconds(10)), timing: clock.timing)
    breaker.failed(retryAfter: .seconds(60))
    clock.advance(.seconds(59))
    #expect(breaker.admit() == .refused(retryAfter: .seconds(1)))
  }

  @Test func anAbandonedProbeLetsTheNextOneTry() {
    let breaker = opened()
    clock.advance(.seconds(10))
    let probe = breaker.admit()
    #expect(probe == .probe)
    breaker.abandoned(probe)
    #expect(breaker.admit() == .probe)
  }
}
