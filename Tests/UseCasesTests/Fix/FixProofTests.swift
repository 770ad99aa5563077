import Domain
import Sandbox
import TestKit
import Testing

@testable import UseCases

/// `POST /fix` with the real sandbox.
@Suite(.serialized, .enabled(if: TestImages.isPrepared(), Comment(rawValue: TestImages.missing)))
struct FixProofTests {
  private func fix(
    _ code: String, path: String?, to answered: String
  ) async throws -> FixCode.Answer {
    let fake = try await AnsweringModel([], always: .fixed(answered))
    return try await FixCode(
      ports: .init(
        model: fake.model, runs: nil, syntax: DataSyntaxChecker(),
        sandbox: EvaluationBench.sandbox)
    ).run(.init(code: code, path: path, askedBy: "test", deadline: .seconds(120)))
  }

  private static let bad = "def add(a, b):\n    return a - b\n\n\nassert add(2, 2) == 4\n"
  private static let good = bad.replacing("a - b", with: "a + b")

  // A file named `code.py` was once taken for a module of the harness itself.
  @Test(arguments: [nil, "code.py", "src/stats.py"] as [String?])
  func testsAndLintersProveACorrection(_ path: String?) async throws {
    let answer = try await fix(Self.bad, path: path, to: Self.good)
    #expect(answer.changed, "\(answer.reason ?? "")")
    #expect(answer.fixedCode == Self.good)
    #expect(answer.verified.contains("tests"), "\(answer.verified), \(answer.reason ?? "")")
    #expect(answer.verified.contains("lints"), "\(answer.verified), \(answer.reason ?? "")")
  }

  @Test(arguments: [nil, "code.py", "src/stats.py"] as [String?])
  func aDeletedTestProvesNothing(_ path: String?) async throws {
    let answer = try await fix(Self.bad, path: path, to: "def add(a, b):\n    return a - b\n")
    #expect(!answer.changed)
    #expect(answer.fixedCode == Self.bad)
  }

  @Test(arguments: [
    // What held cannot be tried any more, and what failed is not mended by that.
    (good, "cannot be run with it"), (bad, "still fail with it"),
  ])
  func aTestThatCannotBeRunAnyMoreProvesNothing(_ code: String, _ why: String) async throws {
    let answered =
      "from package_that_is_not_there import Session\n\n\n"
      + code.replacing("\n\n\nassert", with: "\n\n\nSESSION = Session()\n\nassert")
    let answer = try await fix(code, path: "a.py", to: answered)
    #expect(!answer.changed)
    #expect(answer.reason?.contains(why) == true, "\(answer.reason ?? "")")
  }

  @Test func aTextThatEndsTheProgramKeepsItsTests() async throws {
    let ending = "import os\n\nos._exit(0)\n\nassert 1 + 1 == 3\n"
    let without = try await fix(ending, path: "a.py", to: "import os\n\nos._exit(0)\n")
    #expect(!without.changed)
    let with = try await fix(
      ending, path: "a.py", to: ending.replacing("os._exit(0)", with: "os._exit(1)"))
    #expect(!with.verified.contains("tests"))
    #expect(with.reason?.contains("tests were not run") == true, "\(with.reason ?? "")")
  }
}
