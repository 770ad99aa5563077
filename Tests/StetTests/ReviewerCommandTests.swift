import Domain
import Foundation
import Storage
import TestKit
import Testing

/// `stet reviewer train`, `list`, `show` and `forget`, and `stet review --as`, as a user runs them.
@Suite struct ReviewerCommandTests {
  /// In no word of ours.
  private static let phrase = "zanzibar quokka"
  private static let repository = ServicePosting.repository

  private struct Scene {
    let service: ServiceRunning
    let posting: ServicePosting
    let model: FakeModelServer
    let socket: FaultServer

    init() async throws {
      service = try await ServiceRunning()
      posting = ServicePosting(service)
      let hub = service.hub
      hub.addAccount("lin", id: 107)
      for number in 0..<15 {
        let pull = hub.addPullRequest(
          in: ReviewerCommandTests.repository, number: 100 + number, author: "ada",
          head: [
            "load\(number).py": Array(
              "def load\(number)(path):\n    return parse(open(path))\n".utf8),
            "docs/page\(number).md": Array("# Page \(number)\n".utf8),
          ], headBranch: "load-\(number)")
        let words = (0..<6).map { "reason\(number)x\($0)" }.joined(separator: " ")
        hub.addPastComment(
          "Close this file: \(ReviewerCommandTests.phrase) \(words).", by: "lin", on: pull,
          path: "load\(number).py", line: 2,
          hunk: "@@ -0,0 +1,2 @@\n+def load\(number)(path):\n+    return parse(open(path))",
          at: Date(timeIntervalSince1970: 1_700_000_000 + Double(number) * 86_400))
      }
      model = FakeModelServer(.openAI)
      model.script([], always: .text("Close the cursor when the orders are read."))
      socket = try await model.listen()
      service.environment.merge([
        "LLM_PROVIDER": "openai", "LLM_MODEL": FakeModelServer.model,
        "OPENAI_API_KEY": model.key, "OPENAI_BASE_URL": socket.url + "/v1",
      ]) { $1 }
    }

    func stet(_ arguments: String...) async throws -> ReviewOutcome {
      try await service.stet(arguments)
    }
  }

  @Test func aPersonIsLearnedShownAndForgotten() async throws {
    let scene = try await Scene()
    let place = "\(Self.repository)"
    let unasked = try await scene.stet("reviewer", "train", place, "lin")
    #expect(unasked.status == 2 && unasked.error.contains("has not agreed"), "\(unasked.error)")
    #expect(try await scene.stet("reviewer", "consent", place, "lin").status == 0)
    let trained = try await scene.stet("reviewer", "train", place, "@lin")
    #expect(trained.status == 0, "\(trained.error)")
    #expect(trained.output.contains("15 comments"))
    let list = try await scene.stet("reviewer", "list")
    #expect(list.output.contains("lin") && list.output.contains("by examples"))
    let json = try await scene.stet("reviewer", "list", place, "--json")
    #expect(json.output.contains("\"comments\" : 15"), "\(json.output)")

    let page = scene.service.folder.path + "/pairs.html"
    let shown = try await scene.stet("reviewer", "show", "lin", "--pairs", "3", "--page", page)
    #expect(shown.status == 0, "\(shown.error)")
    #expect(shown.output.contains("precision"), "\(shown.output)")
    #expect(try String(contentsOfFile: page, encoding: .utf8).contains(Self.phrase))
    try FileManager.default.removeItem(atPath: page)

    // Answers of the forge about pull requests are not kept, in which people's words stand.
    let kept = try await scene.service.opened.query(
      SQLStatement("SELECT key FROM validators WHERE key LIKE '%/pulls%'"))
    #expect(kept.isEmpty)
    await scene.service.closeDatabase()
    // Nothing of it stands in the clear in the data folder.
    #expect(try holding(Self.phrase, in: scene.service.data).isEmpty)
    let forgotten = try await scene.stet("reviewer", "forget", "lin")
    #expect(forgotten.status == 0 && forgotten.error.contains("Forgot lin"), "\(forgotten.error)")
    #expect(try await scene.stet("reviewer", "forget", "lin").status == 2)
    #expect(try await scene.stet("reviewer", "list").output.isEmpty)
    let trail = try await scene.stet("audit", "list")
    #expect(trail.output.contains("reviewer.forgotten"))
  }

  @Test func aChangeIsHeldBeforeALikeness() async throws {
    let scene = try await Scene()
    let place = "\(Self.repository)"
    let reference = "\(scene.posting.reference)"
    let unknown = try await scene.stet("review", reference, "--as", "lin")
    #expect(unknown.status == 2 && unknown.error.contains("Nobody called lin"))
    for command in ["consent", "train"] {
      let outcome = try await scene.stet("reviewer", command, place, "lin")
      #expect(outcome.status == 0, "\(command): \(outcome.error)")
    }
    let review = try await scene.stet("review", reference, "--as", "lin", "--json")
    #expect(review.status == 0, "\(review.error)")
    #expect(try !review.findings().isEmpty)
    #expect(review.output.contains("Close the cursor"))
    #expect(scene.posting.hub.log.allSatisfy { $0.method == "GET" })
    for _ in 0..<2 {
      let posted = try await scene.stet("review", reference, "--as", "lin", "--post")
      #expect(posted.status == 0, "\(posted.error)")
    }
    let comments = scene.posting.hub.reviewComments(on: scene.posting.reference)
      .filter { $0.body.hasPrefix("<!-- stet:likeness ") }
    #expect(!comments.isEmpty)
    #expect(Set(comments.map { $0.body.prefix { !$0.isNewline } }).count == comments.count)
    #expect(comments.allSatisfy { $0.body.contains("A likeness of `lin`") })
  }

  @Test func whoTookItBackIsNotSpokenFor() async throws {
    let scene = try await Scene()
    let place = "\(Self.repository)"
    let reference = "\(scene.posting.reference)"
    for command in ["consent", "train"] {
      let outcome = try await scene.stet("reviewer", command, place, "lin")
      #expect(outcome.status == 0, "\(command): \(outcome.error)")
    }
    #expect(try await scene.stet("reviewer", "consent", place, "lin", "--withdraw").status == 0)
    for extra in [[], ["--post"]] as [[String]] {
      let outcome = try await scene.service.stet(["review", reference, "--as", "lin"] + extra)
      #expect(outcome.status == 2, "\(outcome.error)")
      #expect(outcome.error.contains("does not agree any more"), "\(outcome.error)")
      #expect(outcome.error.contains("stet reviewer forget lin"), "\(outcome.error)")
    }
    #expect(scene.posting.hub.reviewComments(on: scene.posting.reference).isEmpty)
  }

  /// What is sealed with another key would end the next start of the server.
  @Test func anotherKeySealsNothing() async throws {
    let scene = try await Scene()
    let place = "\(Self.repository)"
    #expect(try await scene.stet("reviewer", "consent", place, "lin").status == 0)
    let other = Data([UInt8](repeating: 9, count: 32)).base64EncodedString()
    scene.service.environment["STET_SECRET_KEY"] = "other:" + other
    for command in ["consent", "train"] {
      let outcome = try await scene.stet("reviewer", command, place, "lin")
      #expect(outcome.status == 2, "\(command): \(outcome.error)")
      #expect(outcome.error.contains("belongs to the key"), "\(outcome.error)")
    }
    scene.service.environment["STET_SECRET_KEY"] = nil
    #expect(try await scene.stet("reviewer", "train", place, "lin").status == 0)
  }

  @Test(arguments: [
    (["review", "--as", "lin", "--no-model"], "--no-model"),
    (["review", "--tone", "snarky"], "--as"),
    (["reviewer", "show", "lin", "--page", "x.html"], "--pairs"),
    (["reviewer", "train", "nothing", "lin"], "OWNER/REPO"),
    (["reviewer", "show", "nobody"], "Nobody called nobody"),
  ])
  func whatCannotBeIsSaid(_ arguments: [String], _ part: String) async throws {
    let service = try await ServiceRunning()
    let outcome = try await service.stet(arguments)
    #expect(outcome.status == 2, "\(outcome.error)")
    #expect(outcome.error.contains(part), "\(outcome.error)")
  }

  private func holding(_ text: String, in folder: String) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: folder).filter { name in
      let data = try? Data(contentsOf: URL(filePath: folder + "/" + name))
      return data?.range(of: Data(text.utf8)) != nil
    }
  }
}
