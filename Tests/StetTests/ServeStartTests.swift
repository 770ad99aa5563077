import Domain
import Foundation
import Jobs
import TestKit
import Testing
import WebClient

/// What keeps a server from starting: each is a sentence that says what to do, and a status.
@Suite struct ServeStartTests {
  private func expect(
    _ outcome: ReviewOutcome, _ status: Int32, _ parts: [String],
    _ place: SourceLocation = #_sourceLocation
  ) {
    #expect(outcome.status == status, "\(outcome.error)", sourceLocation: place)
    #expect(!outcome.wasKilled, "\(outcome.error)", sourceLocation: place)
    #expect(outcome.output.isEmpty, sourceLocation: place)
    for part in parts {
      #expect(
        outcome.error.contains(part), "\(part) is not in \(outcome.error)", sourceLocation: place)
    }
  }

  @Test func aTakenPort() async throws {
    let service = try await ServiceRunning()
    let url = try await service.start().url
    let port = try #require(url.split(separator: ":").last)
    let outcome = try await service.startInVain(
      ["--listen", "127.0.0.1:\(port)"],
      environment: ["STET_DATA_DIR": service.folder.path + "/other"])
    expect(outcome, 3, ["127.0.0.1:\(port)", "taken", "STET_LISTEN"])
    #expect(try await service.ask("GET", "/healthz").status == 200)
  }

  @Test func aSecondServerOnTheSameFolder() async throws {
    let service = try await ServiceRunning()
    let running = try await service.start()
    let outcome = try await service.startInVain()
    expect(
      outcome, 3, ["process \(running.process.processIdentifier)", service.data, "STET_DATA_DIR"])
    #expect(try await service.ask("GET", "/readyz").status == 200)
    // The kernel lets the folder go, however the first one ends.
    try await running.killed()
    try await service.start()
  }

  @Test(arguments: ["0.0.0.0:0", "[::]:0"])
  func offLoopbackWithoutAToken(_ address: String) async throws {
    let service = try await ServiceRunning()
    expect(
      try await service.startInVain(["--listen", address]), 2,
      ["stet token create", "127.0.0.1"])
    let made = try await service.stet(["token", "create", "first"])
    #expect(made.status == 0, "\(made.error)")
    guard address.hasPrefix("0.0.0.0") else { return }
    service.environment["STET_LISTEN"] = address
    try await service.start()
  }

  @Test func everyWrongSettingIsSaidAtOnce() async throws {
    let service = try await ServiceRunning(.none)
    let outcome = try await service.startInVain(environment: [
      "STET_LISTEN": "nowhere", "STET_WORKERS": "many", "GITHUB_APP_ID": "1",
      "GITHUB_API_URL": "ftp://x", "STET_LOG_FORMAT": "xml", "LLM_PROVIDER": "opnai",
    ])
    expect(
      outcome, 2,
      [
        "STET_LISTEN", "STET_WORKERS", "GITHUB_APP_PRIVATE_KEY", "GITHUB_API_URL",
        "STET_LOG_FORMAT", "Did you mean openai?",
      ])
  }

  enum BadKey: String, CaseIterable { case missing, empty, garbage, publicOne }

  @Test(arguments: BadKey.allCases)
  func aBadAppKey(_ kind: BadKey) async throws {
    let service = try await ServiceRunning(.app)
    let marks = (
      begin: "-----BEGIN RSA PRIVATE" + " KEY-----", end: "-----END RSA PRIVATE KEY-----"
    )
    let text =
      switch kind {
      case .missing, .empty: ""
      case .garbage: "\(marks.begin)\nbm8ga2V5IGhlcmU=\n\(marks.end)\n"
      case .publicOne: service.appKey?.publicPEM ?? ""
      }
    service.environment["GITHUB_APP_PRIVATE_KEY"] =
      kind == .missing ? "nothing.pem" : try service.folder.write(text, to: "bad.pem")
    let outcome = try await service.startInVain()
    #expect(outcome.status == 2 && !outcome.wasKilled, "\(outcome.error)")
    #expect(outcome.error.lowercased().contains("private"), "\(outcome.error)")
    #expect(!outcome.error.contains("bm8ga2V5"))
  }

  @Test func aDatabaseOfANewerStet() async throws {
    let service = try await ServiceRunning()
    let running = try await service.start()
    running.terminate()
    #expect(try await running.ended(within: .seconds(10)).status == 0)
    // `user_version` stands at byte 60 of the file. Source: SQLite's file format.
    let file = try #require(FileHandle(forUpdatingAtPath: service.data + "/stet.db"))
    try file.seek(toOffset: 60)
    try file.write(contentsOf: Data([0, 0, 0x27, 0x0F]))
    try file.close()
    expect(try await service.startInVain(), 3, ["newer", "9999", service.data])
    let other = try await service.stet(["jobs", "list"])
    #expect(other.status == 3 && other.error.contains("newer"), "\(other.error)")
  }

  @Test func aFolderThatCannotBeWritten() async throws {
    let service = try await ServiceRunning()
    let file = try service.folder.write("", to: "file")
    let outcome = try await service.startInVain(environment: ["STET_DATA_DIR": file + "/data"])
    #expect([2, 3].contains(outcome.status) && !outcome.wasKilled, "\(outcome.error)")
    #expect(outcome.error.contains("STET_DATA_DIR"), "\(outcome.error)")
    #expect(outcome.error.contains(file), "\(outcome.error)")
  }

  @Test func aDamagedDatabase() async throws {
    let service = try await ServiceRunning()
    try service.folder.write(String(repeating: "no database ", count: 1000), to: "data/stet.db")
    let outcome = try await service.startInVain()
    expect(outcome, 3, ["stet.db"])
  }
}
