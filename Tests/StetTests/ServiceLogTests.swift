import Domain
import Foundation
import Logging
import Testing

@testable import stet

@Suite struct ServiceLogTests {
  private func line(
    _ format: ServiceSettings.LogFormat, _ message: Logger.Message, _ metadata: Logger.Metadata?
  ) -> String {
    ServiceLogHandler(
      logLevel: .info, label: "stet.worker", format: format, output: .notes,
      now: { Date(timeIntervalSince1970: 0) }
    ).line(
      LogEvent(
        level: .warning, message: message, metadata: metadata, source: "s", file: "f",
        function: "g", line: 1))
  }

  @Test func textIsOneLine() {
    #expect(
      line(.text, "a job failed", ["job": "7", "kind": "review\nforged line"])
        == "1970-01-01T00:00:00.000Z warning a job failed (job 7, kind review forged line)")
  }

  @Test func jsonIsOneDocument() throws {
    let text = line(.json, "a \"job\" failed", ["job": "7\n8", "level": "fake"])
    #expect(!text.contains("\n"))
    let value = try JSONDecoder().decode(JSONValue.self, from: Data(text.utf8))
    #expect(value["message"]?.string == "a \"job\" failed")
    #expect(value["level"]?.string == "warning")
    #expect(value["logger"]?.string == "stet.worker")
    #expect(value["job"]?.string == "7\n8")
  }

  @Test(arguments: [ServiceSettings.LogFormat.text, .json])
  func settingsThatAreSecretAreMaskedWhateverTheyLookLike(_ format: ServiceSettings.LogFormat) {
    let secret = ["plain", "words"].joined(separator: " ")
    var handler = ServiceLogHandler(
      logLevel: .info, label: "stet", format: format, output: .notes, now: { Date() })
    handler.secrets = [secret]
    let text = handler.line(
      LogEvent(
        level: .info, message: "the secret is \(secret)", metadata: ["value": "\(secret)"],
        source: "s", file: "f", function: "g", line: 1))
    #expect(!text.contains(secret))
    #expect(text.contains("[masked:setting]"))
  }

  @Test(arguments: [ServiceSettings.LogFormat.text, .json])
  func secretsAreMasked(_ format: ServiceSettings.LogFormat) {
    // Put together here, so that this file holds nothing that looks like one.
    let token = "ghp_" + String(repeating: "aB3dE6gH", count: 5).prefix(36)
    let text = line(format, "asked with \(token)", ["header": "Bearer \(token)"])
    #expect(!text.contains(token))
    #expect(text.contains("[masked:"))
  }
}
