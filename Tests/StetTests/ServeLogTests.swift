import Domain
import Foundation
import Jobs
import TestKit
import Testing
import WebClient

/// What a whole run leaves behind: a log that programs can read, and no secret anywhere.
@Suite struct ServeLogTests {
  @Test(arguments: [ServiceRunning.Credentials.token, .app])
  func theLogIsJSONAndNoSecretIsAnywhere(_ credentials: ServiceRunning.Credentials) async throws {
    let service = try await ServiceRunning(credentials)
    service.environment["STET_LOG_FORMAT"] = "json"
    service.environment["STET_LOG_LEVEL"] = "debug"
    let posting = ServicePosting(service)
    // A forge that repeats what it was shown.
    service.hub.inject(
      GitHubFault(
        .answer(
          status: 422, body: "{\"message\":\"no: \(service.token)\"}",
          headers: ["content-type": "application/json"]), on: "GET", "/pulls/1"))
    let running = try await service.start()
    let made = try await service.stet(["token", "create", "ci", "--json"])
    let token = try #require(try made.json()["token"]?.string)
    _ = try await service.ask("GET", "/v1/jobs", headers: [("authorization", "Bearer " + token)])
    _ = try await service.deliver(posting.delivery(), secret: "wrong")
    #expect(try await service.deliver(posting.delivery()).status == 202)
    let job = try await service.review(comesTo: .discarded)
    let shown = try await service.stet(["jobs", "show", job.id])
    #expect(try await service.stet(["jobs", "retry", job.id]).status == 0)
    try await service.idles()
    posting.expectPostedOnce()
    running.terminate()
    let ended = try await running.ended(within: .seconds(10))
    #expect(ended.status == 0)
    #expect(ended.output.split(separator: "\n").count == 1)

    let lines = ended.error.split(separator: "\n")
    #expect(lines.count > 3)
    for line in lines {
      let entry = try? JSONDecoder().decode(JSONValue.self, from: Data(line.utf8))
      for name in ["time", "level", "logger", "message"] {
        #expect(entry?[name]?.string?.isEmpty == false, "\(name): \(line)")
      }
    }

    let key = service.appKey?.privatePEM.split(separator: "\n").dropFirst(3).first.map(String.init)
    let secrets = [service.secret, credentials == .token ? service.token : nil, token, key]
      .compactMap(\.self)
    await service.closeDatabase()
    var texts = [
      ("output", Data(ended.output.utf8)), ("log", Data(ended.error.utf8)),
      ("jobs show", Data(shown.output.utf8)),
    ]
    for name in try FileManager.default.contentsOfDirectory(atPath: service.data) {
      let file = URL(filePath: service.data).appending(path: name)
      if let bytes = try? Data(contentsOf: file) { texts.append((name, bytes)) }
    }
    #expect(texts.contains { $0.0 == "stet.db" })
    for secret in secrets {
      for (name, bytes) in texts {
        #expect(bytes.range(of: Data(secret.utf8)) == nil, "\(name) holds a secret")
      }
    }
  }

  @Test func theTextLogIsOneLineAnEntry() async throws {
    let service = try await ServiceRunning()
    let posting = ServicePosting(service)
    let running = try await service.start()
    #expect(try await service.deliver(posting.delivery()).status == 202)
    try await service.idles()
    running.terminate()
    let ended = try await running.ended(within: .seconds(10))
    for line in ended.error.split(separator: "\n") {
      #expect(line.contains(" info ") || line.contains(" notice ") || line.contains(" warning "))
    }
    #expect(ended.error.contains("no API token exists"))
    #expect(ended.error.components(separatedBy: "no API token exists").count == 2)
  }
}
