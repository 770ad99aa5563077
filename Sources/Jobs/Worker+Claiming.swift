import Logging
import Synchronization

extension Worker {
  /// One question to the store.
  private struct Want {
    var kinds: [String]
    var limit: Int
  }

  /// What a round of questions gave.
  private struct Claims {
    var count = 0
    /// Whether one of them gave all that was asked for, so that there may be more.
    var isFull = false
  }

  /// Between two looks while jobs are due that this worker does not get.
  private static let heldBack = JobRetryPolicy(
    first: .milliseconds(20), cap: .milliseconds(500), jitter: 0.25)

  func claimUntilStopped() async {
    var failures = 0
    var round = 0
    var inVain = 0
    var wasFull = false
    while !isStopping {
      // Before anything is looked at: what happens from here on ends the wait below.
      isBehind.store(true, ordering: .sequentiallyConsistent)
      let seen = bell.count
      if wasFull { await untilPlacesAreFree() }
      let wants = wants(round)
      round += 1
      if wants.isEmpty {
        await bell.wait(past: seen, atMost: settings.poll)
        continue
      }
      do {
        let claims = try await claim(wants)
        failures = 0
        wasFull = claims.isFull
        if claims.isFull {
          inVain = 0
          continue
        }
        let next = try await store.untilNext(kinds: wants.flatMap(\.kinds))
        let wait: Duration
        if let next, next <= .zero {
          // Due, and yet not ours: a limit holds it back, or another is about to take it.
          inVain = claims.count > 0 ? 1 : inVain + 1
          wait = Self.heldBack.delay(after: inVain)
        } else {
          inVain = 0
          isBehind.store(false, ordering: .sequentiallyConsistent)
          wait = max(.milliseconds(2), next ?? settings.poll)
        }
        await bell.wait(past: seen, atMost: min(wait, settings.poll))
        if bell.count > seen { inVain = 0 }
      } catch {
        failures += 1
        note("jobs could not be claimed", error)
        // The bell ends it only to stop: a failing store is not asked for every new job.
        let until = ContinuousClock.now + Self.storePolicy.delay(after: failures)
        await stopped(before: until)
      }
    }
  }

  private func stopped(before until: ContinuousClock.Instant) async {
    while !isStopping, ContinuousClock.now < until {
      let seen = bell.count
      if isStopping { return }
      await bell.wait(past: seen, atMost: until - .now)
    }
  }

  /// Places that have to be free for a question where more is due than there are places: one for
  /// each that becomes free would be many small ones. With few places each counts.
  private var worthAsking: Int { settings.concurrency < 16 ? 1 : settings.concurrency / 2 }

  private func untilPlacesAreFree() async {
    // A place that is free is not left empty for long because the others are busy.
    let end = ContinuousClock.now + .milliseconds(5)
    while !isStopping {
      let seen = bell.count
      let active = running.activeCount
      let free = settings.concurrency - active
      if free >= worthAsking || free <= 0 || active == 0 { return }
      let left = end - .now
      if left <= .zero { return }
      await bell.wait(past: seen, atMost: left)
    }
  }

  /// What ended makes places free: whoever waits for them is told, where it is worth a look.
  func ringForPlaces(active: Int) {
    let free = settings.concurrency - active
    if active == 0 && isStopping
      || (active == 0 || free == 1 || free == worthAsking)
        && isBehind.load(ordering: .sequentiallyConsistent)
    {
      bell.ring()
    }
  }

  /// Kinds without a limit share one question; those with a limit are asked for one by one, in
  /// turn, so that none of them starves another.
  ///
  /// A place is free when its handler ended; at most as many ends again wait to be written, whose
  /// leases are held too. The limit of a kind counts both.
  private func wants(_ round: Int) -> [Want] {
    let free = freePlaces
    guard free > 0 else { return [] }
    var open: [String] = []
    var wants: [Want] = []
    for handler in handlersInOrder {
      guard let most = handler.concurrency, most < settings.concurrency else {
        open.append(handler.kind)
        continue
      }
      let left = min(free, most - running.count(of: handler.kind))
      if left > 0 { wants.append(Want(kinds: [handler.kind], limit: left)) }
    }
    if !open.isEmpty { wants.append(Want(kinds: open, limit: free)) }
    guard wants.count > 1 else { return wants }
    let first = round % wants.count
    return Array(wants[first...] + wants[..<first])
  }

  private var freePlaces: Int {
    min(
      settings.concurrency - running.activeCount, settings.concurrency * 2 - running.heldCount)
  }

  /// A question that fails keeps none of the others from being asked.
  /// - Throws: what the first of them threw, where none was answered.
  private func claim(_ wants: [Want]) async throws -> Claims {
    var claims = Claims()
    var failure: (any Error)?
    var isAnswered = false
    for want in wants {
      let limit = min(want.limit, freePlaces)
      guard limit > 0, !isStopping else { break }
      let asked = ContinuousClock.now
      do {
        let claimed = try await store.claim(
          kinds: want.kinds, limit: limit, worker: settings.name, lease: settings.lease)
        isAnswered = true
        begin(claimed, asked: asked)
        claims.count += claimed.count
        if claimed.count == limit { claims.isFull = true }
      } catch { failure = failure ?? error }
    }
    if let failure {
      guard isAnswered else { throw failure }
      note("jobs of some kinds could not be claimed", failure)
    }
    return claims
  }

  private func begin(_ claimed: [ClaimedJob], asked: ContinuousClock.Instant) {
    let jobs = claimed.compactMap { claimed in
      handlers[claimed.job.kind].map { RunningJob(claimed, $0, askedAt: asked) }
    }
    guard !jobs.isEmpty else { return }
    running.add(jobs)
    metrics.running(running.activeCount)
    // The answer may have come so late that others have the jobs by now.
    let isLate = ContinuousClock.now - asked >= settings.lease
    for job in jobs {
      if isLate {
        handBack(job)
      } else if job.job.version > job.handler.version {
        putOff(job)
      } else {
        // Not a child of the loop's task: it is cancelled by itself, and a handler that does not
        // heed that must not keep the process from ending.
        job.begin { await self.attempt(job) }
      }
    }
  }
}
