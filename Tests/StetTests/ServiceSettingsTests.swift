import Foundation
import Testing
import UseCases

@testable import stet

@Suite struct ServiceSettingsTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func reader(_ environment: [String: String]) -> SettingsReader {
    SettingsReader(
      environment: environment.merging(["HOME": folder.path]) { own, _ in own },
      folder: folder.path)
  }

  private func problem(_ environment: [String: String]) throws -> String {
    let failure = try #require(throws: CommandFailure.self) { try reader(environment).read() }
    #expect(failure.status == .misuse)
    return failure.sentence ?? ""
  }

  /// What a key's file looks like, without being one.
  private static let pem =
    ["-----BEGIN", "RSA", "PRIVATE KEY-----"].joined(separator: " ") + "\nx\n"

  /// One without its key is never asked, so its limits hold nobody.
  @Test(arguments: [
    ("openai,anthropic", "OPENAI_API_KEY", "openai"),
    ("openai,anthropic", "ANTHROPIC_API_KEY", "anthropic"),
    ("openai,anthropic", "MISTRAL_API_KEY", nil), ("none", "OPENAI_API_KEY", nil),
  ])
  func modelLimitsAreOfTheFirstThatIsAsked(
    _ providers: String, _ key: String, _ expected: String?
  ) async throws {
    let settings = try reader([
      "LLM_PROVIDER": providers, key: "key-of-the-test", "STET_MODEL_JOBS": "2",
    ]).read()
    let wiring = Wiring(settings)
    #expect(wiring.workLimits.model == expected)
    #expect(try (wiring.model() == nil) == (expected == nil))
    await wiring.close()
  }

  @Test func defaults() throws {
    let settings = try reader([:]).read()
    #expect(settings.service.listen == ListenAddress(host: "127.0.0.1", port: 8080))
    #expect(settings.service.mention == "stet")
    #expect(settings.github.apiURL == "https://api.github.com")
    #expect(settings.github.credentials == nil)
    #expect(settings.github.webhookSecret == nil)
  }

  @Test(arguments: [
    ("0.0.0.0:80", "0.0.0.0", 80, false), ("127.0.0.1:0", "127.0.0.1", 0, true),
    ("[::1]:9000", "::1", 9000, true), ("localhost:65535", "localhost", 65_535, true),
    ("127.example.org:1", "127.example.org", 1, false),
  ])
  func listens(_ text: String, _ host: String, _ port: Int, _ isLoopback: Bool) throws {
    let listen = try reader(["STET_LISTEN": text]).read().service.listen
    #expect(listen.host == host && listen.port == port && listen.isLoopback == isLoopback)
    #expect(listen.description == text)
  }

  @Test(arguments: [
    "8080", ":8080", "127.0.0.1", "host:65536", "host:-1", "::1:80", "[h]:1", "a b:1",
  ])
  func refusesToListen(_ text: String) throws {
    #expect(try problem(["STET_LISTEN": text]).contains("STET_LISTEN"))
  }

  @Test(arguments: [
    ("STET_WORKERS", "0"), ("STET_WORKERS", "many"), ("STET_GRACE", "-1"),
    ("STET_LOG_FORMAT", "xml"), ("STET_LOG_LEVEL", "loud"), ("STET_MENTION", "@stet"),
    ("STET_MENTION", "my bot"), ("GITHUB_API_URL", "api.github.com"),
    ("STET_PUBLIC_URL", "here"), ("STET_REQUESTS_PER_MINUTE", "0"),
  ])
  func refuses(_ name: String, _ value: String) throws {
    #expect(try problem([name: value]).contains(name))
  }

  @Test func appKeyIsTextOrFile() throws {
    for key in [Self.pem, Self.pem.replacingOccurrences(of: "\n", with: "\\n")] {
      let settings = try reader(["GITHUB_APP_ID": "1", "GITHUB_APP_PRIVATE_KEY": key]).read()
      guard case .app("1", let secret) = settings.github.credentials else {
        Issue.record("no App")
        return
      }
      #expect(secret.reveal() == Self.pem)
      #expect(settings.values["GITHUB_APP_PRIVATE_KEY"]?.shown == "********")
    }
    let file = try folder.write(Self.pem, to: "app.pem", mode: 0o644)
    let settings = try reader(["GITHUB_APP_ID": "1", "GITHUB_APP_PRIVATE_KEY": file]).read()
    #expect(settings.github.credentials != nil)
    #expect(settings.warnings.contains { $0.contains("chmod 600") })
  }

  @Test func halfAnAppIsAProblem() throws {
    #expect(try problem(["GITHUB_APP_ID": "1"]).contains("GITHUB_APP_PRIVATE_KEY"))
    #expect(try problem(["GITHUB_APP_PRIVATE_KEY": Self.pem]).contains("GITHUB_APP_ID"))
    let missing = try problem(["GITHUB_APP_ID": "1", "GITHUB_APP_PRIVATE_KEY": "nothing.pem"])
    #expect(missing.contains("no such file"))
    let other = try folder.write("hello", to: "other.txt")
    #expect(
      try problem(["GITHUB_APP_ID": "1", "GITHUB_APP_PRIVATE_KEY": other]).contains("PEM"))
  }

  @Test func tokenOverPlainHTTPIsAWarning() throws {
    let settings = try reader([
      "GITHUB_TOKEN": "t", "GITHUB_API_URL": "http://git.example/api/v3/",
    ]).read()
    #expect(settings.github.apiURL == "http://git.example/api/v3")
    #expect(settings.warnings.contains { $0.contains("over http") })
  }

  @Test func serversReadTheDataFoldersFile() throws {
    try folder.write("GITHUB_TOKEN=from-file\n", to: "data/.env")
    var reader = reader(["STET_DATA_DIR": folder.path + "/data"])
    #expect(try reader.read().github.credentials == nil)
    reader.readsDataFolder = true
    guard case .token(let token) = try reader.read().github.credentials else {
      Issue.record("not read")
      return
    }
    #expect(token.reveal() == "from-file")
  }
}
