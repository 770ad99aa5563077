import Domain
import Foundation
import Testing

/// What every `PublicationStore` must do. - Parameter store: an empty one.
func publicationStoreContract(_ store: any PublicationStore) async throws {
  let reference = try #require(PullRequestReference("Octo/Hello#7"))
  #expect(try await store.publication(on: "github", of: reference) == nil)

  var publication = Publication(forge: "github", reference: reference)
  publication.pendingHead = "00ff"
  let first = try await store.save(publication)
  #expect(first.version == 1)
  #expect(first.pendingHead == "00ff")
  #expect(try await store.publication(on: "github", of: reference) == first)

  // Forges do not tell OCTO/hello from Octo/Hello.
  let shouted = try #require(PullRequestReference("OCTO/hello#7"))
  #expect(try await store.publication(on: "github", of: shouted) == first)
  // Another number, repository or forge is another pull request.
  for other in ["Octo/Hello#8", "Octo/Hello2#7"] {
    let other = try #require(PullRequestReference(other))
    #expect(try await store.publication(on: "github", of: other) == nil)
  }
  #expect(try await store.publication(on: "gitlab", of: reference) == nil)

  var next = first
  next.publishedHead = next.pendingHead
  next.pendingHead = nil
  next.summaryComment = 1 << 40
  next.posted = [
    Publication.Posted(
      fingerprint: "f", path: "ä.py", line: 3, category: "bug", message: "text with \u{0} and 🙂",
      head: "00ff")
  ]
  next.ignored = ["g": "github:octocat"]
  next.check = 5
  next.checkHead = "00ff"
  next.run = Samples.runID(1)
  let second = try await store.save(next)
  #expect(second.version == 2)
  next.version = 2
  #expect(second == next)
  #expect(try await store.publication(on: "github", of: reference) == next)

  // Whoever read before that is told, and changes nothing.
  for stale in [publication, first] {
    let error = await #expect(throws: StoreError.self) { try await store.save(stale) }
    #expect(error?.code == .conflict)
  }
  var future = second
  future.version = 9
  let error = await #expect(throws: StoreError.self) { try await store.save(future) }
  #expect(error?.code == .conflict)
  #expect(try await store.publication(on: "github", of: reference) == second)

  // Of many who begin with the same version one wins.
  let won = await withTaskGroup(of: Bool.self) { group in
    for number in 0..<12 {
      group.addTask {
        var mine = second
        mine.run = Samples.runID(number)
        return (try? await store.save(mine)) != nil
      }
    }
    return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
  }
  #expect(won == 1)
  #expect(try await store.publication(on: "github", of: reference)?.version == 3)
}

/// What every `ValidatorStore` must do. - Parameter store: an empty one.
func validatorStoreContract(_ store: any ValidatorStore) async throws {
  #expect(await store.answer(for: "a") == nil)
  let answer = ValidatedAnswer(
    etag: "W/\"abc\"", body: Array((0...255).map(UInt8.init)) + [0, 0xFF],
    headers: ["link": "<https://example.com/?page=2>; rel=\"next\""])
  await store.store(answer, for: "a")
  #expect(await store.answer(for: "a") == answer)
  #expect(await store.answer(for: "A") == nil)
  let second = ValidatedAnswer(etag: "\"2\"", body: [])
  await store.store(second, for: "a")
  #expect(await store.answer(for: "a") == second)
  let large = ValidatedAnswer(etag: "\"3\"", body: Array(repeating: 0x61, count: 300_000))
  await store.store(large, for: "b")
  #expect(await store.answer(for: "b") == large)
}
