import Domain
import Foundation
import Jobs
import Storage
import TestKit
import Testing
import WebClient

/// A comment asks for a review in somebody's manner, and the running program has its author sign in.
@Suite struct ServeSignInTests {
  private static let publicURL = "https://stet.example"
  private static let people: [String: Int64] = ["grace": 105, "mallory": 166, "lin": 107]

  private struct Scene {
    let service: ServiceRunning
    let posting: ServicePosting
    let secret: String

    /// - Parameter key: `STET_SECRET_KEY`; `nil`: a file is made.
    init(key: String?) async throws {
      service = try await ServiceRunning()
      posting = ServicePosting(service)
      secret = ["client", "secret", UUID().uuidString].joined(separator: "-")
      let hub = service.hub
      for (login, id) in ServeSignInTests.people { hub.addAccount(login, id: id) }
      hub.setPermission(.write, of: "grace", in: ServicePosting.repository)
      hub.addOAuthApp(
        id: "Ov23service", secret: secret,
        callback: ServeSignInTests.publicURL + "/oauth/github/callback")
      service.environment.merge([
        "GITHUB_WEB_URL": service.forge.url, "GITHUB_OAUTH_CLIENT_ID": "Ov23service",
        "GITHUB_OAUTH_CLIENT_SECRET": secret, "STET_PUBLIC_URL": ServeSignInTests.publicURL,
        "STET_LOG_LEVEL": "debug",
      ]) { $1 }
      service.environment["STET_SECRET_KEY"] = key
    }

    var answers: [String] {
      posting.hub.comments(on: posting.reference).map(\.body)
        .filter { $0.hasPrefix("<!-- stet:answer ") }
    }

    /// A comment, and the webhook that tells of it.
    func says(_ login: String, _ body: String) async throws {
      let id = posting.hub.addComment(body, by: login, on: posting.reference)
      let account: [String: Any] = [
        "id": ServeSignInTests.people[login] ?? 1, "login": login, "type": "User",
      ]
      let name = ServicePosting.repository
      let payload: [String: Any] = [
        "action": "created",
        "issue": [
          "id": 11, "number": posting.reference.number, "state": "open", "title": "t",
          "body": "b", "user": ["id": 1, "login": "ada", "type": "User"], "labels": [Any](),
          "html_url": "https://github.example/p/1",
          "pull_request": ["url": "https://github.example/p/1"],
        ],
        "comment": [
          "id": id, "body": body, "user": account, "created_at": "2026-01-01T00:00:00Z",
        ],
        "repository": [
          "id": 10, "name": name.name, "full_name": "\(name)", "private": false, "fork": false,
          "default_branch": "main",
          "owner": ["id": 2, "login": name.owner, "type": "Organization"],
        ],
        "sender": account,
      ]
      let bytes = try JSONSerialization.data(withJSONObject: payload, options: [.sortedKeys])
      let answer = try await service.deliver(
        GitHubDelivery(payload: Array(bytes), event: "issue_comment"))
      #expect(answer.status == 202)
      try await service.idles()
    }

    func link() throws -> String {
      let answer = try #require(answers.last { $0.contains("](") })
      let begin = try #require(answer.range(of: "]("))
      return String(answer[begin.upperBound...].prefix { $0 != ")" })
    }

    /// Opens the link in a browser in which somebody is signed in, up to Stet's answer.
    func opens(_ address: String, as login: String) async throws -> WebResponse {
      let back = try #require(posting.hub.browserFollows(address, as: login))
      #expect(back.hasPrefix(ServeSignInTests.publicURL + "/oauth/github/callback?"))
      let answer = try await service.ask(
        "GET", String(back.dropFirst(ServeSignInTests.publicURL.count)))
      try await service.idles()
      return answer
    }

    func links() async throws -> Int64 {
      try await service.opened.query(SQLStatement("SELECT count(*) FROM account_links"))
        .first?.integer(0) ?? 0
    }
  }

  private static func key(_ byte: UInt8) -> String {
    Data([UInt8](repeating: byte, count: 32)).base64EncodedString()
  }

  @Test func aCommentBecomesASignInAndGoesOn() async throws {
    let scene = try await Scene(key: nil)
    let service = scene.service
    try await service.start()
    try await scene.says("grace", "@tech-lead-bot grace")
    #expect(scene.answers.count == 1)
    let address = try scene.link()
    #expect(address.hasPrefix(service.forge.url + "/login/oauth/authorize?"))
    #expect(!address.contains(scene.secret))

    let other = try await scene.opens(address, as: "mallory")
    #expect(other.status == 403)
    #expect(try await scene.links() == 0)
    let forged = try await service.ask(
      "GET", "/oauth/github/callback?code=c&state=" + String(repeating: "f", count: 43))
    #expect(forged.status == 404)

    let own = try await scene.opens(address, as: "grace")
    #expect(own.status == 200)
    #expect(String(decoding: own.body, as: UTF8.self).contains("Signed in as grace"))
    #expect(try await scene.links() == 1)
    let again = try await scene.opens(address, as: "grace")
    #expect(again.status == 409)
    let asked = try await service.jobs().filter { $0.kind == "answer-command" }
    // The comment, the wrong account, and what went on.
    #expect(asked.count == 3 && asked.allSatisfy { $0.state == .completed })
    #expect(scene.answers.filter { $0.contains("/login/oauth/authorize") }.count == 1)

    // Neither the log nor anything on disk holds what lets somebody in.
    let tokens = scene.posting.hub.signInTokens(of: "grace")
    #expect(tokens.count == 1)
    let state = try #require(
      URLComponents(string: address)?.queryItems?.first { $0.name == "state" }?.value)
    let log = service.current?.log ?? ""
    #expect(log.contains("/oauth/{forge}/callback"))
    for secret in tokens + [scene.secret, state] {
      #expect(!log.contains(secret))
    }
    let log403 = String(decoding: other.body, as: UTF8.self)
    #expect(!log403.contains(state))
    service.current?.terminate()
    _ = try await service.current?.ended(within: .seconds(10))
    await service.closeDatabase()
    var searched = 0
    for name in try FileManager.default.subpathsOfDirectory(atPath: service.data) {
      guard let data = FileManager.default.contents(atPath: service.data + "/" + name) else {
        continue
      }
      searched += 1
      for token in tokens + [state] {
        #expect(data.range(of: Data(token.utf8)) == nil, "\(name)")
      }
    }
    #expect(searched > 1)
  }

  /// The secret key is turned while somebody is signed in: they stay so.
  @Test func aTurnOfTheKeyEndsNoSignIn() async throws {
    let scene = try await Scene(key: "a:" + Self.key(1))
    let service = scene.service
    try await service.start()
    try await scene.says("grace", "@stet review as grace")
    #expect(try await scene.opens(try scene.link(), as: "grace").status == 200)
    let links = scene.answers.filter { $0.contains("authorize") }.count
    for keys in ["b:\(Self.key(2)),a:\(Self.key(1))", "b:" + Self.key(2)] {
      service.current?.terminate()
      _ = try await service.current?.ended(within: .seconds(10))
      service.environment["STET_SECRET_KEY"] = keys
      let started = try await service.start()
      #expect(started.log.contains("encrypted with the newest") == keys.contains(","))
    }
    try await scene.says("grace", "@stet review as grace")
    #expect(scene.answers.filter { $0.contains("authorize") }.count == links)
  }

  /// A lost key is not written over while something is sealed with it.
  @Test func aLostKeyIsToldAndLetGo() async throws {
    let scene = try await Scene(key: nil)
    let service = scene.service
    try await service.start()
    try await scene.says("grace", "@stet review as grace")
    #expect(try await scene.opens(try scene.link(), as: "grace").status == 200)
    service.current?.terminate()
    _ = try await service.current?.ended(within: .seconds(10))
    await service.closeDatabase()
    try FileManager.default.removeItem(atPath: service.data + "/secret.key")
    let vain = try await service.startInVain()
    #expect(vain.status == 2)
    #expect(vain.error.contains("stet migrate --new-key"), "\(vain.error)")
    #expect(!FileManager.default.fileExists(atPath: service.data + "/secret.key"))
    let forgotten = try await service.stet(["migrate", "--new-key"])
    #expect(forgotten.status == 0 && forgotten.error.contains("encrypted values were removed"))
    try await service.start()
    try await scene.says("grace", "@stet review as grace")
    #expect(scene.answers.filter { $0.contains("authorize") }.count == 2)
  }

  @Test func consentByCommand() async throws {
    let scene = try await Scene(key: "a:" + Self.key(1))
    let service = scene.service
    service.environment["GITHUB_OAUTH_CLIENT_ID"] = nil
    service.environment["GITHUB_OAUTH_CLIENT_SECRET"] = nil
    try await service.start()
    try await scene.says("grace", "@stet review as lin")
    #expect(scene.answers.last?.contains("@lin, ") == true)
    let repository = "\(ServicePosting.repository)"
    let given = try await service.stet(["reviewer", "consent", repository, "lin"])
    #expect(given.status == 0, "\(given.error)")
    let count = scene.answers.count
    try await scene.says("grace", "@stet review as lin")
    #expect(scene.answers.dropFirst(count).allSatisfy { !$0.contains("@lin, ") })
    let taken = try await service.stet(["reviewer", "consent", repository, "@lin", "--withdraw"])
    #expect(taken.status == 0)
    try await scene.says("grace", "@stet review as lin")
    #expect(scene.answers.last?.contains("does not want") == true)
    #expect(try await service.stet(["reviewer", "consent", repository, "no-one"]).status == 2)
    #expect(try await service.stet(["reviewer", "consent", "nonsense", "lin"]).status == 2)
  }

  // MARK: From an older installation

  @Test func fernetTokensAreTakenOver() async throws {
    let scene = try await Scene(key: "a:" + Self.key(1))
    let (service, hub) = (scene.service, scene.posting.hub)
    let (key, older) = (FernetToken.key(), FernetToken.key())
    let tokens = ["grace", "lin", "over"].map { "token-of-\($0)-\(UUID().uuidString)" }
    hub.addToken(tokens[0], for: "grace")
    hub.addToken(tokens[1], for: "lin")
    let file = try service.folder.write(
      """
      user,token
      grace,\(try FernetToken.seal(tokens[0], key: key))
      mallory,\(try FernetToken.seal(tokens[1], key: older))
      \(try FernetToken.seal(tokens[2], key: key))
      lin,\(try FernetToken.seal(tokens[1], key: FernetToken.key()))
      """, to: "tokens.csv")
    let keyFile = try service.folder.write("\(key)\n\(older)\n", to: "fernet.key")
    let taken = try await service.stet(["reviewer", "import-tokens", file, "--key-file", keyFile])
    #expect(taken.status == 3)
    #expect(taken.error.contains("1 of 4 tokens"), "\(taken.error)")
    #expect(taken.error.contains("line 3: GitHub says that it is lin's"))
    #expect(taken.error.contains("line 4: ") && taken.error.contains("line 5: it is no Fernet"))
    for token in tokens { #expect(!taken.error.contains(token)) }
    #expect(try await scene.links() == 1)

    // Who was taken over signs in no more.
    try await service.start()
    try await scene.says("grace", "@stet review as grace")
    #expect(!scene.answers.contains { $0.contains("authorize") })

    // As JSON; and the newer one stays.
    let json = try service.folder.write(
      """
      [{"user": "lin", "encrypted_token": "\(try FernetToken.seal(tokens[1], key: key))"},
       {"user_id": 105, "token": "\(try FernetToken.seal(tokens[0], key: key))"}]
      """, to: "tokens.json")
    let more = try await service.stet(["reviewer", "import-tokens", json, "--key-file", keyFile])
    #expect(more.error.contains("1 of 2 tokens") && more.error.contains("newer token stays"))
    #expect(try await scene.links() == 2)

    let bad = try service.folder.write("no key", to: "bad.key")
    #expect(
      try await service.stet(["reviewer", "import-tokens", json, "--key-file", bad]).status == 2)
  }
}
