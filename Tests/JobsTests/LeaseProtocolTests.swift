import Jobs
import Testing

/// Every order of events of a few workers and one job, by the rules of `JobTransition` and of the
/// token: that only one holds the job and writes, and that the job is never lost.
@Suite struct LeaseProtocolTests {
  /// What the database knows, and what each worker believes.
  private struct World: Hashable {
    var state = JobState.available
    var attempt = 0
    /// Of the last claim.
    var token = 0
    /// The lease ran out, by the database's clock.
    var isExpired = false
    var cancelRequested = false
    var workers: [Worker]
  }

  private struct Worker: Hashable {
    enum Mode: Hashable { case idle, working, paused, crashed }
    var mode = Mode.idle
    /// Of the claim that it believes to hold.
    var token = 0
  }

  private struct Rules {
    /// Whether a write is compared with the token of the last claim.
    var checksToken = true
    /// Whether every claim has a token of its own.
    var tokenGrows = true
    /// Whether lost leases are looked for.
    var rescues = true
    var maxAttempts = 3
    var mostTokens = 4
  }

  private struct Violation: Error, CustomStringConvertible {
    var description: String
  }

  private struct Search {
    var rules: Rules
    var workers: Int
    var states = 0

    /// Breadth first, so that a counterexample is a shortest one.
    mutating func explore() throws {
      let start = World(workers: Array(repeating: Worker(), count: workers))
      var seen: Set<World> = [start]
      var open = [start]
      var next: [World: Set<World>] = [:]
      while !open.isEmpty {
        var found: [World] = []
        for world in open {
          let after = try steps(world)
          next[world] = Set(after)
          for world in after where seen.insert(world).inserted {
            try checkOneHolds(world)
            found.append(world)
          }
        }
        open = found
      }
      states = seen.count
      try checkNothingIsLost(seen, next)
    }

    /// Of those that believe to hold the job, the store believes one at most.
    private func checkOneHolds(_ world: World) throws {
      guard world.state == .running else { return }
      let holders = world.workers.filter { worker in
        (worker.mode == .working || worker.mode == .paused) && worker.token == world.token
      }
      guard holders.count <= 1 else {
        throw Violation(description: "\(holders.count) workers hold the job: \(world)")
      }
    }

    /// From every state a claim or an end can still be reached: backwards from those that are final
    /// or available.
    private func checkNothingIsLost(_ seen: Set<World>, _ next: [World: Set<World>]) throws {
      var before: [World: [World]] = [:]
      for (world, after) in next { for one in after { before[one, default: []].append(world) } }
      var safe = seen.filter { $0.state.isFinal || $0.state == .available }
      var open = Array(safe)
      while let world = open.popLast() {
        for one in before[world, default: []] where safe.insert(one).inserted { open.append(one) }
      }
      if let lost = seen.first(where: { !safe.contains($0) }) {
        throw Violation(description: "the job is lost: \(lost)")
      }
    }

    private func steps(_ world: World) throws -> [World] {
      var after: [World] = []
      for index in world.workers.indices { after += try steps(world, of: index) }
      if world.state == .running {
        after.append(changed(world) { $0.isExpired = true })
        if !world.cancelRequested { after.append(changed(world) { $0.cancelRequested = true }) }
        if world.isExpired, rules.rescues {
          let transition = JobTransition.lost(
            worker: "w", attempt: world.attempt, maxAttempts: rules.maxAttempts,
            cancelReason: world.cancelRequested ? "asked" : nil)
          after.append(settled(world, transition))
        }
      }
      // Its time comes.
      if world.state == .scheduled || world.state == .retryable {
        after.append(changed(world) { $0.state = .available })
      }
      return after
    }

    private func steps(_ world: World, of index: Int) throws -> [World] {
      var after: [World] = []
      let worker = world.workers[index]
      func mode(_ mode: Worker.Mode) {
        after.append(changed(world) { $0.workers[index].mode = mode })
      }
      switch worker.mode {
      case .crashed: break
      case .paused: mode(.working)
      case .idle:
        if world.state == .available, world.token < rules.mostTokens {
          after.append(
            changed(world) {
              $0.state = .running
              $0.attempt += 1
              if rules.tokenGrows { $0.token += 1 }
              $0.isExpired = false
              $0.workers[index] = Worker(mode: .working, token: $0.token)
            })
        }
      case .working:
        mode(.paused)
        mode(.crashed)
        // The heartbeat: who is told that the lease is lost stops.
        after.append(
          try writing(world, index) { $0.isExpired = false })
        for result in [
          JobResult.completed, .snoozed(.seconds(1)), .handedBack, .cancelled(reason: "r"),
          .discarded(message: "m"), .failed(message: "m", retryAfter: .seconds(1)),
        ] {
          after.append(
            try writing(world, index) { world in
              let transition = JobTransition.finished(
                result, attempt: world.attempt, maxAttempts: rules.maxAttempts,
                cancelReason: world.cancelRequested ? "asked" : nil)
              world = settled(world, transition)
              world.workers[index].mode = .idle
            })
        }
      }
      return after
    }

    /// The fencing rule. Whoever writes without holding the job breaks the protocol.
    private func writing(
      _ world: World, _ index: Int, _ write: (inout World) -> Void
    ) throws -> World {
      let token = world.workers[index].token
      let isHeld = world.state == .running && world.token == token
      let isAllowed = world.state == .running && (isHeld || !rules.checksToken)
      guard isAllowed else { return changed(world) { $0.workers[index].mode = .idle } }
      guard isHeld else {
        throw Violation(
          description: "worker \(index) writes under token \(token), which is old: \(world)")
      }
      return changed(world, write)
    }

    private func settled(_ world: World, _ transition: JobTransition) -> World {
      changed(world) {
        $0.state = transition.state
        if !transition.isCounted { $0.attempt -= 1 }
        $0.isExpired = false
      }
    }

    private func changed(_ world: World, _ change: (inout World) -> Void) -> World {
      var world = world
      change(&world)
      return world
    }
  }

  @Test(arguments: [2, 3])
  func noTwoHoldersWriteAndNoJobIsLost(workers: Int) throws {
    var search = Search(rules: Rules(), workers: workers)
    try search.explore()
    #expect(search.states > 1_000)
  }

  @Test func withoutTheTokenTheExplorationFindsWhoWritesWithoutHolding() throws {
    var search = Search(rules: Rules(checksToken: false), workers: 2)
    let violation = #expect(throws: Violation.self) { try search.explore() }
    #expect(violation?.description.contains("which is old") == true)
  }

  @Test func whereTheTokenStaysTheExplorationFindsTwoThatHoldTheJob() throws {
    var search = Search(rules: Rules(tokenGrows: false), workers: 2)
    let violation = #expect(throws: Violation.self) { try search.explore() }
    #expect(violation?.description.contains("2 workers hold the job") == true)
  }

  @Test func withoutRescueTheExplorationFindsTheLostJob() throws {
    var search = Search(rules: Rules(rescues: false), workers: 2)
    let violation = #expect(throws: Violation.self) { try search.explore() }
    #expect(violation?.description.contains("is lost") == true)
  }
}
