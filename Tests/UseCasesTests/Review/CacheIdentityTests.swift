import Domain
import TestKit
import Testing
import UseCases

@Suite struct CacheIdentityTests {
  /// Two servers may call quite different models alike.
  @Test func serversWithModelsOfOneNameShareNoAnswers() async throws {
    let first = try await Bench(replies: [], always: .text("{\"findings\":[]}"))
    var second = try await Bench(replies: [], always: .text("{\"findings\":[]}"))
    second.cache = first.cache
    let change = Changes.manyFiles(3, linesEach: 5)
    _ = try await first.review(change)
    #expect(!first.server.asked.isEmpty)
    _ = try await second.review(change)
    #expect(second.server.asked.count == first.server.asked.count)

    // Each finds its own again, and the run says how many came from the cache.
    for bench in [first, second] {
      let asked = bench.server.asked.count
      let review = try await bench.review(change).review
      #expect(bench.server.asked.count == asked)
      let run = try #require(try await bench.runs.run(id: review.run))
      #expect(run.modelCalls.count == 3)
      #expect(run.modelCalls.map(\.cacheHit) == [true, true, true])
    }
  }
}
