import Domain
import Jobs
import TestKit
import Testing
import UseCases

/// Whatever dies in between, and whoever else works: each thing is posted once.
@Suite struct ExactlyOnceTests {
  /// Requests that one review makes, cut off one after the other: the change done and not told,
  /// not done at all, told by half, or a page for people instead.
  @Test(arguments: [GitHubFault.Kind.resetAfter, .resetBefore, .half, .html(status: 502)])
  func cutOffAnywhereItIsPostedOnce(_ kind: GitHubFault.Kind) async throws {
    for credentials in ServiceBench.Credentials.allCases {
      let whole = try await ServiceBench(credentials)
      try await whole.work()
      let expected = whole.findings.count
      for index in 0..<whole.calls.count {
        let bench = try await ServiceBench(credentials)
        bench.hub.inject(GitHubFault(kind, skipping: index))
        let outcome = try await bench.workUntilDone()
        #expect(outcome == .completed, "call \(index): \(whole.calls[index])")
        #expect(bench.summaries.count == 1, "call \(index): \(whole.calls[index])")
        #expect(bench.findings.count == expected, "call \(index): \(whole.calls[index])")
        #expect(Set(bench.fingerprints).count == expected)
        #expect(bench.hub.reviews(of: bench.reference).count == 1)
        #expect(bench.conclusion == whole.conclusion)
      }
    }
  }

  @Test func cutOffTwiceItIsPostedOnce() async throws {
    for first in 3..<7 {
      for second in 0..<6 {
        let bench = try await ServiceBench(.token)
        bench.hub.inject(GitHubFault(.resetAfter, skipping: first))
        bench.hub.inject(GitHubFault(.resetAfter, skipping: second))
        #expect(try await bench.workUntilDone() == .completed, "\(first), \(second)")
        #expect(bench.summaries.count == 1, "\(first), \(second)")
        #expect(bench.hub.reviews(of: bench.reference).count == 1, "\(first), \(second)")
      }
    }
  }

  @Test func manyWorkersAtOncePostOnce() async throws {
    let bench = try await ServiceBench(.app)
    let outcomes = await withTaskGroup(of: JobOutcome?.self) { group in
      for worker in 1...4 {
        group.addTask {
          try? await bench.workUntilDone(tries: 40, pause: .milliseconds(250 * worker))
        }
      }
      return await group.reduce(into: []) { $0.append($1) }
    }
    #expect(outcomes.contains(.completed))
    #expect(bench.summaries.count == 1)
    #expect(Set(bench.fingerprints).count == bench.findings.count)
    #expect(bench.hub.reviews(of: bench.reference).count == 1)
  }

  @Test func whoLostTheRecordPostsNoMore() async throws {
    let bench = try await ServiceBench(.app)
    let store = bench.publications
    let reference = bench.reference
    // Another worker claims the record while this one asks for the pull request before publishing.
    bench.hub.inject(GitHubFault(.delay(.milliseconds(300)), on: "GET", "/pulls/1", skipping: 1))
    async let outcome = bench.work()
    while bench.hub.count("GET", "/pulls/1") < 2 { try await Task.sleep(for: .milliseconds(5)) }
    let record = try #require(try await store.publication(on: "github", of: reference))
    _ = try await store.save(record)
    #expect(try await outcome.wait == .seconds(15))
    #expect(bench.summaries.isEmpty)
    #expect(bench.findings.isEmpty)
  }

  // MARK: The pull request changes meanwhile

  /// The head moves right after the n-th request, whichever it is.
  @Test(arguments: 1...8)
  func aHeadThatMovesIsReviewedInstead(_ moment: Int) async throws {
    let moved = Noted<String?>(nil)
    let bench = try await ServiceBench(.app) { hub, reference, exchange in
      guard exchange.number == moment, moved.now == nil else { return }
      let sha = hub.push(
        ["app/late.py": Array("try:\n    x()\nexcept:\n    pass\n".utf8)], to: reference)
      moved.change { $0 = sha }
    }
    let first = try #require(bench.hub.head(of: bench.reference))
    #expect(try await bench.workUntilDone() == .completed)
    let second = try #require(moved.now)
    // What moved after the last look is the business of the event that tells of it.
    if bench.summaries.first?.body.contains(String(first.prefix(12))) == true {
      try await bench.work("run-2")
    }
    #expect(bench.summaries.count == 1)
    #expect(bench.summaries[0].body.contains(String(second.prefix(12))))
    #expect(Set(bench.fingerprints).count == bench.findings.count)
    #expect(bench.findings.contains { $0.path == "app/late.py" })
    let open = bench.hub.checkRuns(in: ServiceBench.repository).filter { $0.conclusion == nil }
    #expect(open.isEmpty)
    // Reviews stand on the commit that they are about.
    for review in bench.hub.reviews(of: bench.reference) {
      #expect(review.body.contains(review.commit))
    }
  }

  enum Change: String, CaseIterable { case closed, merged, deleted, emptied }

  @Test(arguments: Change.allCases)
  func whatEndsBeforePublishingIsNotPosted(_ change: Change) async throws {
    let done = Noted(false)
    let bench = try await ServiceBench(.app) { hub, reference, exchange in
      guard !done.now, exchange.path.contains("/contents/.stet.yml") else { return }
      done.change { $0 = true }
      switch change {
      case .closed: hub.close(reference)
      case .merged: hub.merge(reference)
      case .deleted: hub.delete(reference)
      case .emptied: hub.forcePush([:], to: reference)
      }
    }
    let outcome = try await bench.workUntilDone()
    guard case .cancelled(let reason) = outcome else {
      Issue.record("\(change): \(String(describing: outcome))")
      return
    }
    #expect(!reason.isEmpty)
    #expect(done.now)
    #expect(bench.summaries.isEmpty)
    #expect(bench.findings.isEmpty)
    let open = bench.hub.checkRuns(in: ServiceBench.repository).filter { $0.conclusion == nil }
    #expect(open.isEmpty)
  }

  @Test func aClosedPullRequestsJobEndsTheCheckThatWasLeft() async throws {
    let bench = try await ServiceBench(.app)
    bench.hub.inject(GitHubFault(.resetBefore, on: "GET", "/contents/"))
    await #expect(throws: JobFailure.self) { try await bench.work() }
    #expect(bench.conclusion == "in_progress")
    bench.hub.close(bench.reference)
    var arguments = try await bench.arguments(run: "run-2")
    arguments.pullRequest?.state = .closed
    _ = try await bench.review.run(arguments)
    #expect(bench.conclusion == "cancelled")
  }
}
