import Domain
import Foundation
import Testing

@testable import Notifications

/// A server of mail that others wrote takes ours, and Python's own parser reads it.
@Suite(
  .enabled(
    if: ProcessInfo.processInfo.environment["STET_TEST_AIOSMTPD"] != nil,
    "STET_TEST_AIOSMTPD names no python that has aiosmtpd"))
struct AiosmtpdTests {
  private struct Mail: Decodable {
    var from: String
    var to: [String]
    var subject: String
    var headers: [String]
    var defects: [String]
    var parts: [String: String]
    var tls: Bool
    var user: String
  }

  @Test(arguments: ["starttls", "tls"])
  func mailArrivesOverTLSAndReadsAsItWasWritten(_ mode: String) async throws {
    try await withReceiver(mode) { port, folder in
      let scheme = mode == "tls" ? "smtps" : "smtp"
      let server = try #require(
        MailServer("\(scheme)://ann%40example.org:p%3Aw%20%25@localhost:\(port)"))
      let sender = try #require(MailSender("Stet Ä <stet@example.org>"))
      let message = NoticeMessage(
        .sample(title: "Füge 漢字 hinzu 🙂", lines: [".", "..", "a = b <i>"]))
      try await MailNotifier(
        server: server, sender: sender, recipients: ["bob@example.org"],
        authorities: folder + "/ca.pem"
      ).send(message, to: .mail("bob@example.org"))

      let mail = try #require(try mails(folder).first)
      #expect(mail.from == "stet@example.org")
      #expect(mail.to == ["bob@example.org"])
      #expect(mail.subject == message.title)
      #expect(mail.defects == [])
      #expect(mail.tls || mode == "tls")
      #expect(mail.user == "ann@example.org")
      #expect(mail.parts["text/plain"]?.contains("- .\n- ..\n- a = b <i>") == true)
      #expect(mail.parts["text/html"]?.contains("a = b &lt;i&gt;") == true)
      #expect(Set(mail.headers).count == mail.headers.count)
    }
  }

  /// A certificate that nobody vouches for, and one of another name.
  @Test func aServerThatCannotProveItselfGetsNothing() async throws {
    try await withReceiver("tls") { port, folder in
      for (host, authorities) in [("localhost", nil), ("127.0.0.2", folder + "/ca.pem")] {
        let server = try #require(MailServer("smtps://ann:pw@\(host):\(port)"))
        let sender = try #require(MailSender("stet@example.org"))
        let error = await #expect(throws: NotifierError.self) {
          try await MailNotifier(
            server: server, sender: sender, recipients: [], authorities: authorities
          ).send(NoticeMessage(.sample()), to: .mail("bob@example.org"))
        }
        #expect([.rejected, .unreachable].contains(error?.code))
      }
      #expect(try mails(folder).isEmpty)
    }
  }

  @Test func aWrongPasswordIsNotTriedAgain() async throws {
    try await withReceiver("starttls") { port, folder in
      let server = try #require(MailServer("smtp://ann%40example.org:wrong@localhost:\(port)"))
      let sender = try #require(MailSender("stet@example.org"))
      let error = await #expect(throws: NotifierError.self) {
        try await MailNotifier(
          server: server, sender: sender, recipients: [], authorities: folder + "/ca.pem"
        ).send(NoticeMessage(.sample()), to: .mail("bob@example.org"))
      }
      #expect(error?.code == .rejected)
      #expect(error?.detail.contains("wrong") == false)
      #expect(try mails(folder).isEmpty)
    }
  }

  private func mails(_ folder: String) throws -> [Mail] {
    guard let data = FileManager.default.contents(atPath: folder + "/mails") else { return [] }
    return try data.split(separator: UInt8(ascii: "\n"))
      .map { try JSONDecoder().decode(Mail.self, from: $0) }
  }

  private func withReceiver(
    _ mode: String, _ body: (Int, String) async throws -> Void
  ) async throws {
    let python = try #require(ProcessInfo.processInfo.environment["STET_TEST_AIOSMTPD"])
    let folder = NSTemporaryDirectory() + "stet-mail-" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let process = Process()
    process.executableURL = URL(fileURLWithPath: python)
    process.arguments = [
      URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .appendingPathComponent("aiosmtpd/receive.py").path, folder, mode,
    ]
    process.environment = ["PATH": "/usr/bin:/bin"]
    let input = Pipe()
    process.standardInput = input
    try process.run()
    defer {
      try? input.fileHandleForWriting.close()
      process.terminate()
    }
    let end = ContinuousClock.now + .seconds(30)
    var port: Int?
    while port == nil, ContinuousClock.now < end, process.isRunning {
      port = FileManager.default.contents(atPath: folder + "/port")
        .flatMap { Int(String(decoding: $0, as: UTF8.self)) }
      if port == nil { try await Task.sleep(for: .milliseconds(20)) }
    }
    try await body(try #require(port, "the receiver did not start"), folder)
  }
}
