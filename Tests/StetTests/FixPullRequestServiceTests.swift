import Domain
import Foundation
import Jobs
import TestKit
import Testing
import WebClient

/// `@stet fix` as a person asks for it: a webhook, the built program, a real bare repository over
/// HTTP; and `kill -9` between the push and the answer.
@Suite struct FixPullRequestServiceTests {
  private static let repository = RepositoryName(owner: "octo-org", name: "orders")
  private static let code = "def empty(x):\n    return x == None\n"
  private static let mended = "def empty(x):\n    return x is None\n"

  private func prepared(
    _ service: ServiceRunning, _ git: GitHTTPServer
  ) async throws -> PullRequestReference {
    service.hub.attach(git)
    let reference = try await service.hub.addGitPullRequest(
      in: Self.repository, base: ["README.md": Array("Orders\n".utf8)],
      head: ["empty.py": Array(Self.code.utf8)])
    service.hub.setPermission(.write, of: "stet-account", in: Self.repository)
    service.hub.setPermission(.write, of: "grace", in: Self.repository)
    return reference
  }

  private func delivery(
    _ service: ServiceRunning, _ reference: PullRequestReference, _ body: String
  ) -> GitHubDelivery {
    let id = service.hub.addComment(body, by: "grace", on: reference)
    let grace = #"{"id":5,"login":"grace","type":"User"}"#
    let text = """
      {"action":"created","issue":{"id":11,"number":\(reference.number),"state":"open",\
      "title":"t","body":null,"user":{"id":1,"login":"ada","type":"User"},"labels":[],\
      "html_url":"https://github.example/p/1",\
      "pull_request":{"url":"https://github.example/p/1"}},\
      "comment":{"id":\(id),"body":"\(body)","user":\(grace),\
      "created_at":"2026-01-01T00:00:00Z"},\
      "repository":{"id":10,"name":"orders","full_name":"\(Self.repository)","private":false,\
      "fork":false,"owner":{"id":2,"login":"octo-org","type":"Organization"},\
      "default_branch":"main"},"sender":\(grace)}
      """
    return GitHubDelivery(payload: Array(text.utf8), event: "issue_comment")
  }

  private func answers(
    _ service: ServiceRunning, _ reference: PullRequestReference
  ) -> [String] {
    service.hub.comments(on: reference).map(\.body).filter { $0.hasPrefix("<!-- stet:fix ") }
  }

  private func commits(_ git: GitHTTPServer) async throws -> [String] {
    try await git.git("rev-list", "change", "^main", in: Self.repository)
      .split(separator: "\n").map(String.init)
  }

  /// What was done right after it, and before it.
  @Test(arguments: [GitHubFault.Kind.holdBefore, .holdAfter])
  func killedBetweenPushAndAnswerLeavesOneOfEach(_ moment: GitHubFault.Kind) async throws {
    let service = try await ServiceRunning(.token)
    let git = try GitHTTPServer()
    let reference = try await prepared(service, git)
    service.hub.inject(GitHubFault(moment, on: "POST", "/issues/\(reference.number)/comments"))
    let first = try await service.start()
    let asked = delivery(service, reference, "@stet fix")
    #expect(try await service.deliver(asked).status == 202)
    try await eventually("a held answer", within: .seconds(40)) {
      service.hub.held != nil
    } told: {
      service.hub.log.map { "\($0.method) \($0.plainPath) \($0.status)" }.joined(separator: "\n")
    }
    try await first.killed()
    service.hub.clearFaults()
    #expect(try await commits(git).count == 2)

    try await service.start()
    try await service.idles(atLeast: 3, besidesLooks: true, within: .seconds(60))
    #expect(try await commits(git).count == 2)
    #expect(answers(service, reference).count == 1)
    #expect(answers(service, reference).first?.contains("Pushed") == true)
    let text = try await git.files(at: "change", in: Self.repository)["empty.py"]
    #expect(text.map { String(decoding: $0, as: UTF8.self) } == Self.mended)
    let trail = try await service.stet(["audit", "verify"])
    #expect(trail.status == 0, "\(trail.error)")
  }

  @Test func aCommandShowsAndPushes() async throws {
    let service = try await ServiceRunning(.token)
    let git = try GitHTTPServer()
    let reference = try await prepared(service, git)
    let shown = try await service.stet(["fix", "\(reference)"])
    #expect(shown.status == 0, "\(shown.error)")
    #expect(shown.output.contains("+    return x is None"))
    #expect(try await commits(git).count == 1)
    #expect(answers(service, reference).isEmpty)
    let pushed = try await service.stet(["fix", "\(reference)", "--push", "--json"])
    #expect(pushed.status == 0, "\(pushed.error)")
    #expect(try await commits(git).count == 2)
    #expect(answers(service, reference).count == 1)
    let document = try JSONDecoder().decode(JSONValue.self, from: Data(pushed.output.utf8))
    #expect(document["commit"]?.string == service.hub.head(of: reference))
  }

  @Test func filesAreShownAndWritten() async throws {
    let service = try await ServiceRunning(.none)
    let path = try service.folder.write(Self.code, to: "empty.py")
    let shown = try await service.stet(["fix", path])
    #expect(shown.status == 0, "\(shown.error)")
    #expect(shown.output.contains("-    return x == None"))
    #expect(try String(contentsOfFile: path, encoding: .utf8) == Self.code)
    let written = try await service.stet(["fix", path, "--write"])
    #expect(written.status == 0, "\(written.error)")
    #expect(try String(contentsOfFile: path, encoding: .utf8) == Self.mended)
  }

  @Test(arguments: [
    [], ["a.py", "--range", "main"], ["a.py", "--push"], ["octo-org/orders#1", "--write"],
    ["no-such-file.py"],
  ])
  func wrongUsageIsToldWithStatusTwo(_ arguments: [String]) async throws {
    let service = try await ServiceRunning(.none)
    let outcome = try await service.stet(["fix"] + arguments)
    #expect(outcome.status == 2, "\(outcome.error)")
    #expect(!outcome.error.isEmpty)
  }
}
