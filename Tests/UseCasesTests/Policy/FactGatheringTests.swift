import Domain
import Foundation
import TestKit
import Testing

@testable import UseCases

/// What is learned of a pull request from a forge behind a socket.
@Suite struct FactGatheringTests {
  private static let repository = ServiceBench.repository

  private static func bench(_ more: [String: [UInt8]] = [:]) async throws -> ServiceBench {
    let bench = try await ServiceBench(.token, base: FakeGitHub.demoBase.merging(more) { $1 })
    // Who may not administer is not shown all that a branch asks for.
    bench.hub.setPermission(.admin, of: ServiceBench.login(.token), in: repository)
    bench.hub.setPermission(.write, of: "ann", in: repository)
    return bench
  }

  private func facts(
    _ bench: ServiceBench, of reference: PullRequestReference? = nil,
    _ policy: MergePolicy = MergePolicy()
  ) async throws -> PolicyFacts {
    var needs = PolicyNeeds()
    needs.addGate(policy)
    return try await FactGathering(forge: try await bench.openForge(bench.access), needs: needs)
      .facts(
        of: reference ?? bench.reference, event: .checks, review: nil, now: Date())
  }

  @Test func whatOnlyTheForgeAsksForIsLearnedToo() async throws {
    let bench = try await Self.bench(["CODEOWNERS": Array("* @ann\n".utf8)])
    bench.hub.protect(
      "main", in: Self.repository, isStrict: true, needsOwners: true, needsResolved: true)
    let fork = bench.hub.addPullRequest(
      in: Self.repository, author: "ada", head: ["f.py": Array("f = 1\n".utf8)], headBranch: "f",
      headRepository: RepositoryName(owner: "ada", name: "orders"))
    bench.hub.commit(["later.py": Array("x = 1\n".utf8)], in: Self.repository)
    bench.hub.addReviewComment("Why?", by: "ann", on: fork, path: "f.py", line: 1)
    let facts = try await facts(bench, of: fork)
    #expect(facts.isFromFork)
    #expect(facts.unresolvedThreads == 1)
    #expect(facts.codeOwners == ["ann"])
    #expect(facts.behindBy == 1)
    let codes = MergeGate(policy: MergePolicy()).blockers(facts, expectedHead: facts.headCommit)
      .map(\.code)
    #expect(!codes.contains(.notKnown), "\(codes)")
    #expect(Set(codes).isSuperset(of: [.threadsOpen, .approvalsMissing, .behind]))
  }
}
