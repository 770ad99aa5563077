import Domain
import Jobs
import Sandbox
import TestKit
import Testing

@testable import UseCases

/// What a fix of a pull request does not do, and says.
@Suite(.serialized) struct FixRefusalTests {
  private static let mending = ("total = value", "total += value")

  @Test(arguments: ["fix: [", "fix:\n  image: pyton\n", "version: 1\nfix: {timeout: never}\n"])
  func underAPolicyThatCannotBeReadNothingIsPushed(_ policy: String) async throws {
    let fake = try await AnsweringModel([], always: try .edits([Self.mending]))
    try await withFixBench(policy: policy) { bench async throws in
      let before = bench.hub.head(of: bench.reference)
      _ = try await bench.fixing(fake.model).run(bench.work())
      #expect(bench.hub.head(of: bench.reference) == before)
      #expect(
        bench.answers.first?.contains("its policy .stet.yml cannot be read") == true,
        "\(bench.answers)")
      #expect(fake.asked.isEmpty)
    }
  }

  @Test func aFindingThatIsGoneMendsNothingElse() async throws {
    let fake = try await AnsweringModel([], always: try .edits([Self.mending]))
    try await withFixBench { bench async throws in
      let before = bench.hub.head(of: bench.reference)
      _ = try await bench.fixing(fake.model).run(bench.work(finding: "abc123"))
      #expect(bench.hub.head(of: bench.reference) == before)
      #expect(bench.answers.first?.contains("is not known any more") == true, "\(bench.answers)")
      #expect(fake.asked.isEmpty)
    }
  }

  @Test func aModelThatFailsInTheMiddleLeavesNothingUnproved() async throws {
    let fake = try await AnsweringModel(
      [try .edits([("total = value", "total = total * value")])],
      always: .error(status: 400, message: "no more"))
    try await withFixBench { bench async throws in
      let before = bench.hub.head(of: bench.reference)
      #expect(try await bench.fixing(fake.model).run(bench.work()) == .completed)
      #expect(bench.hub.head(of: bench.reference) == before)
      #expect(bench.answers.count == 1)
      #expect(bench.answers.first?.contains("the model failed") == true, "\(bench.answers)")
      let run = try #require(await bench.runs.run(id: "run-1"))
      #expect(run.outcome == .failed)
      #expect(run.modelCalls.count >= 2)
    }
  }

  @Test func aLastTryThatCannotAnswerDoesNotDenyItsPush() async throws {
    let fake = try await AnsweringModel([try .edits([Self.mending])])
    try await withFixBench { bench async throws in
      bench.hub.inject(GitHubFault(.resetBefore, on: "POST", "/comments"))
      _ = try? await bench.fixing(fake.model).run(bench.work(), attempt: 1, isLastAttempt: true)
      #expect(try await bench.text("stats.py") == FixBench.good)
      #expect(!bench.answers.contains { $0.contains("could not mend") }, "\(bench.answers)")
      #expect(bench.answers.count <= 1)
    }
  }

  @Test func pointersOfLFSAndSubmodulesAreLeftWithAReason() async throws {
    let fake = try await AnsweringModel([], always: try .edits([]))
    let pointer =
      "version https://git-lfs.github.com/spec/v1\noid sha256:"
      + String(repeating: "4d", count: 32) + "\nsize 12345\n"
    try await withFixBench(head: ["model.py": pointer]) { bench async throws in
      #expect(try await bench.fixing(fake.model).run(bench.work()) == .completed)
      #expect(bench.answers.first?.contains("kept by Git LFS") == true, "\(bench.answers)")
      #expect(fake.asked.isEmpty)
    }
    let diff = try Diff(
      parsing: Array(
        """
        diff --git a/vendor/lib b/vendor/lib
        new file mode 160000
        index 0000000..1111111
        --- /dev/null
        +++ b/vendor/lib
        @@ -0,0 +1 @@
        +Subproject commit 1111111111111111111111111111111111111111

        """.utf8))
    try await withFixBench { bench async throws in
      let workspace = try await bench.checkouts.open(
        WorkspacePlan(
          remote: bench.git.path(of: FixBench.repository), branch: "change",
          commit: bench.hub.head(of: bench.reference), token: nil))
      let targets = try await FixTargets(
        diff, leftOut: [], wish: .init(wanted: []), findings: [], policy: FixPolicy(),
        in: workspace)
      await workspace.close()
      #expect(targets.files.isEmpty)
      #expect(targets.left.map(\.reason) == ["it is a submodule"])
    }
  }

  @Test func aPolicySaysHowFixesAreProved() throws {
    let text = """
      version: 1
      fix:
        test_command: make test
        image: data
        timeout: 45
        protected_paths: ["db/**"]
      """
    let policy = try PolicyReader.read(Array(text.utf8)).fix
    #expect(
      policy
        == FixPolicy(
          testCommand: ["/bin/sh", "-c", "make test"], image: .data, protectedPaths: ["db/**"],
          timeout: .seconds(45)))
    #expect(FixFiles.protection(of: "db/a.sql", policy: policy) != nil)
    #expect(FixFiles.protection(of: "src/a.py", policy: policy) == nil)
  }
}
