import Domain
import Foundation
import Jobs
import Synchronization
import Testing

@testable import TestKit
@testable import UseCases

/// Branches that move, go or are not Stet's, and tries that end in the middle.
@Suite(.serialized) struct FixRaceTests {
  private func mending() async throws -> AnsweringModel {
    try await AnsweringModel([], always: try .edits([("total = value", "total += value")]))
  }

  @Test func aHeadThatMovedIsTriedOnceMore() async throws {
    let fake = try await mending()
    try await withFixBench { bench async throws in
      let opener = bench.interfering { try await $0.push(["other.py": "x = 1\n"]) }
      #expect(
        try await bench.fixing(fake.model, workspaces: opener).run(bench.work()) == .completed)
      #expect(try await bench.text("stats.py") == FixBench.good, "\(bench.answers)")
      #expect(try await bench.text("other.py") == "x = 1\n")
      #expect(try await bench.messages().count == 3)
      #expect(bench.answers.count == 1)
    }
  }

  @Test func aHeadThatMovedBeforeItsChangeWasReadIsReadAnew() async throws {
    let fake = try await mending()
    try await withFixBench { bench async throws in
      // Two lines above: the forge's change is of this head, and so has the checkout to be.
      let opener = bench.interfering(.open) {
        try await $0.push(["stats.py": "# Means.\n# Sums.\n" + FixBench.bad])
      }
      #expect(
        try await bench.fixing(fake.model, workspaces: opener).run(bench.work()) == .completed)
      #expect(try await bench.text("stats.py") == "# Means.\n# Sums.\n" + FixBench.good)
      #expect(fake.asked.first?.contains("# Sums.") == true)
      #expect(fake.asked.count == 1)
    }
  }

  @Test func suggestionsAfterARaceStandAtTheLinesOfTheNewHead() async throws {
    let fake = try await mending()
    try await withFixBench { bench async throws in
      let opener = bench.interfering {
        try await $0.push(["stats.py": "# Means.\n# Sums.\n" + FixBench.bad])
        try $0.git.protect("change", in: FixBench.repository)
      }
      #expect(
        try await bench.fixing(fake.model, workspaces: opener).run(bench.work()) == .completed)
      let comment = try #require(
        bench.hub.reviewComments(on: bench.reference).first {
          $0.body.contains("```suggestion")
        }, "\(bench.answers)")
      #expect(comment.line == 6)
      #expect(comment.commit == bench.hub.head(of: bench.reference))
    }
  }

  @Test func aCommitThatOnlyBearsTheMarkIsNotCalledOurs() async throws {
    let fake = try await mending()
    try await withFixBench { bench async throws in
      let opener = bench.interfering { bench in
        try await bench.git.commit(
          ["other.py": Array("x = 1\n".utf8)], to: "change", in: FixBench.repository,
          message: "Mend\n\nStet-Run: run-1")
      }
      #expect(
        try await bench.fixing(fake.model, workspaces: opener).run(bench.work()) == .completed)
      let head = try #require(bench.hub.head(of: bench.reference))
      #expect(try await bench.text("stats.py") == FixBench.bad)
      let answer = try #require(bench.answers.first)
      #expect(answer.contains("Commit \(head.prefix(12)) on the branch bears the mark"))
      #expect(!answer.contains("Pushed"))
      let run = try #require(await bench.runs.run(id: "run-1"))
      #expect(run.result?["commit"]?.string == head)
      #expect(run.result?["files"]?.array?.isEmpty == true)
    }
  }

  @Test(arguments: [
    (WatchedWorkspace.Moment.run, false, "the pull request is closed"),
    (.commit, true, "the pull request is closed"), (.run, true, "no write permission"),
  ])
  func whatChangedMeanwhileIsLookedAtAgain(
    _ moment: WatchedWorkspace.Moment, _ moves: Bool, _ words: String
  ) async throws {
    let fake = try await mending()
    try await withFixBench { bench async throws in
      let opener = bench.interfering(moment) { bench in
        if moves { try await bench.push(["other.py": "x = 1\n"]) }
        if words.contains("closed") {
          bench.hub.close(bench.reference)
        } else {
          bench.hub.setPermission(.read, of: "grace", in: FixBench.repository)
        }
      }
      _ = try await bench.fixing(fake.model, workspaces: opener).run(bench.work())
      #expect(try await bench.text("stats.py") == FixBench.bad)
      #expect(bench.answers.count == 1)
      #expect(bench.answers.first?.contains(words) == true, "\(bench.answers)")
      #expect(try await bench.runs.run(id: "run-1")?.outcome == .cancelled)
    }
  }

  @Test func aForcePushIsTriedOnceMore() async throws {
    let fake = try await mending()
    try await withFixBench { bench async throws in
      let base = bench.hub.base(of: bench.reference)
      let opener = bench.interfering {
        try await $0.push(["stats.py": "# Means.\n" + FixBench.bad], onTopOf: base)
      }
      #expect(
        try await bench.fixing(fake.model, workspaces: opener).run(bench.work()) == .completed)
      #expect(try await bench.text("stats.py") == "# Means.\n" + FixBench.good)
      #expect(try await bench.messages().count == 2)
    }
  }

  @Test func aHeadThatContradictsIsSaid() async throws {
    let fake = try await mending()
    try await withFixBench { bench async throws in
      let other = FixBench.bad.replacingOccurrences(of: "total = value", with: "total = 2 * value")
      let opener = bench.interfering { try await $0.push(["stats.py": other]) }
      _ = try await bench.fixing(fake.model, workspaces: opener).run(bench.work())
      #expect(try await bench.text("stats.py") == other)
      #expect(bench.answers.first?.contains("does not fit what stands there now") == true)
      #expect(try await bench.runs.run(id: "run-1")?.result?["commit"]?.string == nil)
    }
  }

  @Test func aHeadThatKeepsMovingIsLeft() async throws {
    let fake = try await mending()
    try await withFixBench { bench async throws in
      let opener = bench.interfering(times: 2) {
        try await $0.push(["other.py": "x = '\(UUID().uuidString)'\n"])
      }
      _ = try await bench.fixing(fake.model, workspaces: opener).run(bench.work())
      #expect(try await bench.text("stats.py") == FixBench.bad)
      #expect(bench.answers.count == 1)
      #expect(bench.answers.first?.contains("moves while it is mended") == true)
    }
  }

  @Test func aDeletedBranchIsSaid() async throws {
    let fake = try await mending()
    try await withFixBench { bench async throws in
      let opener = bench.interfering {
        try await $0.git.set("change", to: nil, in: FixBench.repository)
      }
      _ = try await bench.fixing(fake.model, workspaces: opener).run(bench.work())
      #expect(bench.answers.first?.contains("deleted meanwhile") == true, "\(bench.answers)")
      #expect(try await bench.git.branches(in: FixBench.repository)["change"] == nil)
    }
  }

  @Test func aForkThatCannotBePushedToGetsSuggestions() async throws {
    let fake = try await mending()
    let fork = RepositoryName(owner: "ada", name: "stats")
    try await withFixBench(fork: fork) { bench async throws in
      let before = bench.hub.head(of: bench.reference)
      #expect(try await bench.fixing(fake.model).run(bench.work()) == .completed)
      #expect(bench.hub.head(of: bench.reference) == before)
      #expect(bench.suggestions.count == 1, "\(bench.answers)")
      #expect(
        bench.suggestions.first?.contains("```suggestion\n        total += value\n```") == true)
      #expect(bench.answers.first?.contains("I pushed nothing") == true)
      // Asked again by the queue, it says nothing twice.
      #expect(try await bench.fixing(fake.model).run(bench.work(), attempt: 2) == .completed)
      #expect(bench.suggestions.count == 1)
      #expect(bench.answers.count == 1)
    }
  }

  @Test func aProtectedBranchGetsSuggestions() async throws {
    let fake = try await mending()
    try await withFixBench { bench async throws in
      try bench.git.protect("change", in: FixBench.repository)
      #expect(try await bench.fixing(fake.model).run(bench.work()) == .completed)
      #expect(try await bench.text("stats.py") == FixBench.bad)
      #expect(bench.suggestions.count == 1, "\(bench.answers)")
    }
  }

  // MARK: Tries that end in the middle

  @Test(arguments: [GitHubFault.Kind.resetBefore, .resetAfter])
  func aTryThatEndsBetweenPushAndAnswerLeavesOneOfEach(_ deed: GitHubFault.Kind) async throws {
    let fake = try await mending()
    try await withFixBench { bench async throws in
      bench.hub.inject(GitHubFault(deed, on: "POST", "/comments"))
      let fixing = bench.fixing(fake.model)
      let first = try? await fixing.run(
        bench.work(), attempt: 1, isLastAttempt: false, age: .zero)
      #expect(first != .completed)
      #expect(try await bench.messages().count == 2)
      let asked = fake.asked.count
      #expect(try await fixing.run(bench.work(), attempt: 2) == .completed)
      #expect(try await bench.messages().count == 2)
      #expect(bench.answers.count == 1)
      #expect(fake.asked.count == asked, "the model was asked again")
      let run = try #require(await bench.runs.run(id: "run-1"))
      #expect(run.outcome == .completed)
      #expect(run.result?["commit"]?.string == bench.hub.head(of: bench.reference))
    }
  }

  @Test func aPushWhoseAnswerIsLostIsKnownAgain() async throws {
    let fake = try await mending()
    try await withFixBench { bench async throws in
      bench.git.inject(.silence, on: "git-receive-pack")
      let fixing = bench.fixing(fake.model)
      for attempt in 1...3 {
        let outcome = try? await fixing.run(bench.work(), attempt: attempt, isLastAttempt: false)
        if outcome == .completed { break }
      }
      #expect(try await bench.messages().count == 2)
      #expect(bench.answers.count == 1)
    }
  }
  /// Neither the remote nor the forge, which shows the old head still, tells what became of it.
  @Test(arguments: [false, true])
  func aPushOfUnknownOutcomeIsNotDenied(_ isLast: Bool) async throws {
    let fake = try await mending()
    try await withFixBench { bench async throws in
      let told = bench.git.onPush.withLock { $0 }
      let opener = bench.interfering {
        $0.git.onPush.withLock { $0 = nil }
        $0.git.inject(.silence, on: "/git-receive-pack", times: 9)
        $0.git.inject(.status(503), on: "service=git-upload-pack", times: 9)
      }
      let before = bench.hub.head(of: bench.reference)
      let first = try? await bench.fixing(fake.model, workspaces: opener).run(
        bench.work(), attempt: 1, isLastAttempt: isLast)
      #expect(first != .completed)
      #expect(bench.hub.head(of: bench.reference) == before, "the forge shows the old head")
      let tip = try #require(try await bench.git.branches(in: FixBench.repository)["change"])
      #expect(tip != before)
      let run = try #require(await bench.runs.run(id: "run-1"))
      #expect(run.result?["commit"]?.string == tip)
      bench.git.clearFaults()
      bench.git.onPush.withLock { $0 = told }
      guard !isLast else {
        #expect(bench.answers.count == 1)
        let answer = bench.answers.first ?? ""
        #expect(answer.contains("`\(tip.prefix(12))` may have been pushed"), "\(answer)")
        return
      }
      #expect(bench.answers.isEmpty)
      await told?(FixBench.repository)
      let asked = fake.asked.count
      #expect(try await bench.fixing(fake.model).run(bench.work(), attempt: 2) == .completed)
      #expect(fake.asked.count == asked, "the model was asked again")
      #expect(try await bench.git.branches(in: FixBench.repository)["change"] == tip)
      #expect(bench.answers.count == 1)
    }
  }
}
