import Domain
import TestKit
import Testing

@testable import Forges

/// Installations and tokens that may do less than Stet would like to.
@Suite("Permissions that GitHub did not grant")
struct GrantTests {
  private static let repository = RepositoryName(owner: "octo-org", name: "shop")
  private static let needed = [
    "metadata": "read", "contents": "read", "pull_requests": "write", "issues": "write",
  ]
  private static let state = CheckState(progress: .success, title: "Fine", summary: "S")

  struct Case: Sendable, CustomTestStringConvertible {
    var granted: [String]
    /// The index of the set of permissions that GitHub takes.
    var set: Int
    var testDescription: String { granted.joined(separator: " and ") }
  }

  @Test(
    "to an App: its state is shown by what is left",
    arguments: [
      Case(granted: ["checks", "statuses"], set: 0), Case(granted: ["checks"], set: 0),
      Case(granted: ["statuses"], set: 1), Case(granted: [], set: 2),
    ])
  func installation(_ example: Case) async throws {
    let hub = FakeGitHub()
    let reference = hub.addPullRequest(
      in: Self.repository, base: ["a": Array("1\n".utf8)], head: ["a": Array("2\n".utf8)])
    let head = try #require(hub.head(of: reference))
    let key = try GitHubAppKey()
    var permissions = Self.needed
    for name in example.granted { permissions[name] = "write" }
    hub.addApp(id: 12, slug: "stet", publicKeyPEM: key.publicPEM, permissions: permissions)
    hub.addInstallation(id: 99, of: 12, on: "octo-org", permissions: permissions)
    let server = try await hub.listen()
    do {
      let time = BenchTime()
      let connection = try GitHubConnection(
        ForgeBench.configuration(
          server.url, credentials: .app(id: "12", privateKeyPEM: key.privatePEM), time: time))
      let forge = connection.forge(for: Self.repository, installation: 99)
      let pull = try await forge.pullRequest(reference)
      #expect(pull.head == head)
      let first = connection.grants.permissionSet(of: 99)
      #expect(first == example.set)
      if example.granted.isEmpty {
        for _ in 1...2 {
          let error = await #expect(throws: ForgeError.self) {
            try await forge.setCheck(Self.state, on: head, of: reference, existing: nil)
          }
          #expect(error?.code == .unauthorized)
        }
      } else {
        _ = try await forge.setCheck(Self.state, on: head, of: reference, existing: nil)
      }
      let hasChecks = example.granted.contains("checks")
      #expect(hub.checkRuns(in: Self.repository).count == (hasChecks ? 1 : 0))
      let isStatus = example.granted == ["statuses"]
      #expect(hub.statuses(in: Self.repository, of: head).count == (isStatus ? 1 : 0))
      #expect(forge.capabilities.hasCheckRuns == hasChecks)
      // One day the fuller set is tried again.
      time.pass(Grants.memory + .seconds(1))
      #expect(connection.grants.permissionSet(of: 99) == 0)
      #expect(forge.capabilities.hasCheckRuns)
    } catch {
      await server.stop()
      throw error
    }
    await server.stop()
  }

  @Test("the set of permissions that works is not sought again for the next token")
  func remembered() {
    let grants = Grants(uptime: { .seconds(5) })
    #expect(grants.permissionSet(of: 1) == 0)
    grants.note(permissionSet: 2, of: 1)
    #expect(grants.permissionSet(of: 1) == 2)
    #expect(grants.permissionSet(of: 2) == 0)
    let shown = GitHubConnection.permissionSets.map { set in
      set.keys.filter { $0 == "checks" || $0 == "statuses" }.joined()
    }
    #expect(shown == ["checks", "statuses", ""])
  }

  private static let actionsToken = "ghs" + "_bench0123456789"

  @Test(
    "check runs to the token of a workflow: a commit status, asked once", arguments: [403, 404])
  func token(status: Int) async throws {
    try await FaultServer.with { request in
      request.path.hasSuffix("/check-runs")
        ? .json(#"{"message": "Resource not accessible by integration"}"#, status: status)
        : .json(#"{"id": 1, "state": "success"}"#, status: 201)
    } _: { server in
      let connection = try GitHubConnection(
        ForgeBench.configuration(server.url, credentials: .token(Self.actionsToken)))
      let first = connection.forge(for: ForgeBench.repository)
      #expect(first.capabilities.hasCheckRuns)
      for _ in 1...2 {
        // A job has a forge of its own, and all have one memory.
        let forge = connection.forge(for: ForgeBench.repository)
        let id = try await forge.setCheck(
          Self.state, on: "abc", of: PullRequestReference(ForgeBench.repository, 4), existing: nil)
        #expect(id == nil)
      }
      #expect(!first.capabilities.hasCheckRuns)
      #expect(connection.forge(for: Self.repository).capabilities.hasCheckRuns)
      let status = "/repos/octo/hello/statuses/abc"
      #expect(server.requests.map(\.path) == ["/repos/octo/hello/check-runs", status, status])
    }
  }

  @Test("anything else is no reason for a status", arguments: [401, 422, 429, 500])
  func otherRefusal(status: Int) async throws {
    try await FaultServer.with { _ in
      .json(#"{"message": "No"}"#, status: status)
    } _: { server in
      let forge = try ForgeBench.forge(server.url, credentials: .token(Self.actionsToken))
      await #expect(throws: ForgeError.self) {
        try await forge.setCheck(
          Self.state, on: "abc", of: PullRequestReference(ForgeBench.repository, 4), existing: nil)
      }
      #expect(server.requests.map(\.path) == ["/repos/octo/hello/check-runs"])
      #expect(forge.capabilities.hasCheckRuns)
    }
  }
}
