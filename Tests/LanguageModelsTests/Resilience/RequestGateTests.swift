import Synchronization
import Testing

@testable import LanguageModels

@Suite struct RequestGateTests {
  private func until(_ condition: () -> Bool) async {
    while !condition() { await Task.yield() }
  }

  @Test func neverLetsMoreThroughThanItsLimit() async throws {
    let gate = RequestGate(limit: 3)
    let inside = Occupancy()
    try await withThrowingTaskGroup(of: Void.self) { group in
      for _ in 0..<200 {
        group.addTask {
          try await gate.enter()
          inside.enter()
          for _ in 0..<5 { await Task.yield() }
          inside.leave()
          gate.leave()
        }
      }
      try await group.waitForAll()
    }
    #expect(inside.most == 3)
    #expect(inside.now == 0)
  }

  @Test func servesInTheOrderOfComing() async throws {
    let gate = RequestGate(limit: 1)
    try await gate.enter()
    let order = Order()
    try await withThrowingTaskGroup(of: Void.self) { group in
      for number in 0..<10 {
        group.addTask {
          try await gate.enter()
          order.append(number)
          gate.leave()
        }
        await until { gate.waiting == number + 1 }
      }
      gate.leave()
      try await group.waitForAll()
    }
    #expect(order.numbers == Array(0..<10))
  }

  @Test func aCancelledTaskLeavesTheQueueAndTakesNoPlace() async throws {
    let gate = RequestGate(limit: 1)
    try await gate.enter()
    let waiting = Task { try await gate.enter() }
    await until { gate.waiting == 1 }
    waiting.cancel()
    await #expect(throws: CancellationError.self) { try await waiting.value }
    #expect(gate.waiting == 0)
    gate.leave()
    try await gate.enter()
    let now = ContinuousClock().now
    await #expect(throws: WireFault.late) { try await gate.enter(before: now, .system) }
    await #expect(throws: WireFault.late) {
      try await gate.enter(before: now + .milliseconds(30), .system)
    }
    #expect(gate.waiting == 0)
    gate.leave()
  }

  @Test func aTaskThatIsCancelledBeforeItComesIsTurnedAway() async throws {
    let gate = RequestGate(limit: 1)
    let task = Task {
      while !Task.isCancelled { await Task.yield() }
      try await gate.enter()
    }
    task.cancel()
    await #expect(throws: CancellationError.self) { try await task.value }
    try await gate.enter()
    gate.leave()
  }
}

/// How many are inside, and how many were at most.
final class Occupancy: Sendable {
  private let counts = Mutex((now: 0, most: 0))
  var now: Int { counts.withLock { $0.now } }
  var most: Int { counts.withLock { $0.most } }

  func enter() {
    counts.withLock {
      $0.now += 1
      $0.most = max($0.most, $0.now)
    }
  }
  func leave() { counts.withLock { $0.now -= 1 } }
}

private final class Order: Sendable {
  private let list = Mutex([Int]())
  var numbers: [Int] { list.withLock { $0 } }
  func append(_ number: Int) { list.withLock { $0.append(number) } }
}
