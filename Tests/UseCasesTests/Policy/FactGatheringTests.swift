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
    _ bench: ServiceBench, _ policy: MergePolicy = MergePolicy(),
    of reference: PullRequestReference? = nil
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
      "main", in: Self.repository, checks: ["build"], isStrict: true, needsOwners: true,
      needsResolved: true)
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

  @Test func itsOwnApprovalIsNoPersons() async throws {
    let bench = try await Self.bench()
    bench.hub.addReview("APPROVED", by: ServiceBench.login(.token), on: bench.reference)
    let alone = try await facts(bench)
    #expect(alone.reviews?.count == 1)
    #expect(alone.approvals?.isEmpty == true)
    bench.hub.addReview("APPROVED", by: "ann", on: bench.reference)
    #expect(try await facts(bench).approvals?.map(\.author.login) == ["ann"])
  }

  @Test func aTeamThatOwnsTheFilesIsKnownByItsMembers() async throws {
    let bench = try await Self.bench()
    // After the pull request was opened: who owns the base now counts.
    bench.hub.commit(
      ["CODEOWNERS": Array("* @octo-org/core @octo-org/unseen\n".utf8)], in: Self.repository)
    bench.hub.addTeam("octo-org/core", members: ["ann"])
    bench.hub.setPermission(.write, of: "bob", in: Self.repository)
    let policy = MergePolicy(needsCodeOwners: true)
    for (login, isOwner) in [("bob", false), ("ann", true)] {
      bench.hub.addReview("APPROVED", by: login, on: bench.reference)
      let facts = try await facts(bench, policy)
      #expect(facts.codeOwners == ["@octo-org/core", "@octo-org/unseen"])
      let lacking = MergeGate(policy: policy).blockers(facts, expectedHead: facts.headCommit)
        .filter { $0.code == .approvalsMissing }
      #expect(lacking.isEmpty == isOwner, "\(lacking)")
    }
  }

  @Test func ownersOfTooManyLinesAreNotKnown() async throws {
    let lines = String(repeating: "* @early\n", count: 2_000) + "* @ann\n"
    let bench = try await Self.bench(["CODEOWNERS": Array(lines.utf8)])
    #expect(try await facts(bench, MergePolicy(needsCodeOwners: true)).codeOwners == nil)
  }
}
