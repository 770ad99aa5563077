import Domain
import Foundation

import Testing

@testable import Forges
@testable import TestKit

/// Where git finds a repository, with what, and that both work on a real repository.
@Suite("A repository's address for git") struct GitRemoteTests {
  private static let repository = RepositoryName(owner: "octo-org", name: "shop")

  @Test(
    arguments: [
      (GitHubConfiguration.publicAPI, nil, "https://github.com"),
      ("https://ghe.example.org/api/v3", nil, "https://ghe.example.org"),
      ("https://ghe.example.org/api/v3/", nil, "https://ghe.example.org"),
      ("http://127.0.0.1:8080", nil, "http://127.0.0.1:8080"),
      ("https://api.ghe.example.org", "https://ghe.example.org/", "https://ghe.example.org"),
    ] as [(String, String?, String)])
  func addresses(_ api: String, _ web: String?, _ expected: String) async throws {
    var configuration = ForgeBench.configuration(api)
    configuration.webURL = web
    let forge = try GitHubConnection(configuration).forge(for: Self.repository)
    let remote = try await forge.gitRemote(for: Self.repository)
    #expect(remote == GitRemote(url: "\(expected)/octo-org/shop.git", token: ForgeBench.token))
  }

  enum Who: CaseIterable, Sendable { case person, app, appThatReads, reader }

  /// The pull request's branch is real, and its head follows what is pushed.
  @Test(arguments: Who.allCases) func theAddressAndTokenLetGitIn(_ who: Who) async throws {
    let hub = FakeGitHub()
    let git = try GitHTTPServer()
    hub.attach(git)
    let reference = try await hub.addGitPullRequest(
      in: Self.repository, base: ["a.py": Array("a\n".utf8)],
      head: ["a.py": Array("b\n".utf8)], isPrivate: true)
    let server = try await hub.listen()
    var credentials = GitHubCredentials.token(ForgeBench.token)
    switch who {
    case .person, .reader:
      hub.addToken(ForgeBench.token, for: "stet-bot")
      hub.setPermission(who == .person ? .write : .read, of: "stet-bot", in: Self.repository)
    case .app, .appThatReads:
      let key = try GitHubAppKey()
      var permissions = FakeGitHub.reviewPermissions
      if who == .app { permissions["contents"] = "write" }
      hub.addApp(id: 12, slug: "stet", publicKeyPEM: key.publicPEM, permissions: permissions)
      hub.addInstallation(id: 99, of: 12, on: "octo-org", permissions: permissions)
      credentials = .app(id: "12", privateKeyPEM: key.privatePEM)
    }
    let forge = try GitHubConnection(
      ForgeBench.configuration(server.url, credentials: credentials)
    ).forge(for: Self.repository)
    let remote = try await forge.gitRemote(for: Self.repository)
    #expect(remote.url == "\(server.url)/octo-org/shop.git")
    let token = try #require(remote.token)

    let pull = try await forge.pullRequest(reference)
    let branches = try await git.branches(in: Self.repository)
    #expect(pull.head == branches["change"])
    let header = Data("x-access-token:\(token)".utf8).base64EncodedString()
    // Plain git in another repository of the server's folder, as a program of somebody else.
    let other = RepositoryName(owner: "octo-org", name: "clone")
    try await git.add(other)
    try await git.git(
      "-c", "http.extraHeader=Authorization: Basic \(header)", "fetch", "-q", remote.url,
      "change", in: other)
    let fetched = try await git.git("rev-parse", "FETCH_HEAD", in: other)
    #expect(fetched == pull.head)
    let tree = try await git.git("rev-parse", "FETCH_HEAD^{tree}", in: other)
    let commit = try await git.git(
      "commit-tree", tree, "-p", fetched, "-m", "Mend", in: other)
    do {
      try await git.git(
        "-c", "http.extraHeader=Authorization: Basic \(header)", "push", "-q", remote.url,
        "\(commit):refs/heads/change", in: other)
      #expect(who == .person || who == .app)
      #expect(try await forge.pullRequest(reference).head == commit)
      #expect(hub.head(of: reference) == commit)
    } catch let failure as GitProgramFailure {
      #expect(who == .reader || who == .appThatReads, "\(failure)")
      #expect(try await forge.pullRequest(reference).head == fetched)
    }
    // Nobody else is let in.
    await #expect(throws: GitProgramFailure.self) {
      try await git.git("fetch", "-q", remote.url, "change", in: other)
    }
    await server.stop()
  }

  @Test func aForksBranchMovesThePullRequest() async throws {
    let hub = FakeGitHub()
    let git = try GitHTTPServer()
    hub.attach(git)
    let fork = RepositoryName(owner: "ada", name: "shop")
    let reference = try await hub.addGitPullRequest(
      in: Self.repository, base: ["a.py": Array("a\n".utf8)], head: ["a.py": Array("b\n".utf8)],
      headRepository: fork)
    let head = try #require(hub.head(of: reference))
    #expect(try await git.branches(in: fork)["change"] == head)
    let next = try await git.commit(["b.py": Array("b\n".utf8)], to: "change", in: fork)
    #expect(hub.head(of: reference) == next)
    let server = try await hub.listen()
    hub.addToken(ForgeBench.token, for: "stet-bot")
    let forge = try GitHubConnection(ForgeBench.configuration(server.url))
      .forge(for: Self.repository)
    #expect(try await forge.pullRequest(reference).headRepository == fork)
    let diff = String(decoding: try await forge.diff(of: reference).bytes, as: UTF8.self)
    #expect(diff.contains("+++ b/b.py"))
    await server.stop()
  }
}
