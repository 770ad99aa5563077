import Domain
import Foundation
import Synchronization
import TestKit
import Testing

@testable import Notifications

/// Mail to servers that refuse, hang and offer no TLS.
@Suite struct MailTransferTests {
  /// What a server of mail heard, and how it answers each command.
  private final class Conversation: Sendable {
    let heard = Mutex<[String]>([])
    let answers: [String: String]
    let greeting: String

    /// - Parameter answers: by the command's first four letters; `nil` answers as a good server.
    init(_ answers: [String: String] = [:], greeting: String = "220 test ESMTP") {
      self.answers = answers
      self.greeting = greeting
    }

    func serve(_ connection: SocketConnection) async throws {
      try await connection.write(greeting + "\r\n")
      var text = ""
      var isData = false
      while let bytes = try await connection.read() {
        text += String(decoding: bytes, as: UTF8.self)
        while let end = text.range(of: "\r\n") {
          let line = String(text[..<end.lowerBound])
          text = String(text[end.upperBound...])
          heard.withLock { $0.append(line) }
          if isData {
            guard line == "." else { continue }
            isData = false
            try await connection.write((answers["."] ?? "250 taken") + "\r\n")
            continue
          }
          let word = String(line.prefix(4)).uppercased()
          let answer =
            answers[word] ?? (word == "EHLO" ? "250 test" : word == "DATA" ? "354 go" : "250 ok")
          if answer == "hang" { return await connection.waitForClose() }
          isData = word == "DATA" && answer.hasPrefix("354")
          try await connection.write(answer + "\r\n")
        }
      }
    }
  }

  private func send(
    _ conversation: Conversation, _ protection: MailServer.Protection = .optional,
    user: String = "", deadline: Duration = .seconds(20)
  ) async throws {
    let listening = try await SocketServer { try await conversation.serve($0) }
    defer { withExtendedLifetime(listening) {} }
    let server = try #require(MailServer("smtp://\(user)127.0.0.1:\(listening.port)"))
    let sender = try #require(MailSender("stet@example.org"))
    try await MailNotifier(
      server: server, protection: protection, sender: sender, recipients: ["ann@example.org"],
      deadline: deadline
    ).send(NoticeMessage(.sample(lines: [".", "From"])), to: .mail(nil))
  }

  @Test func aMailIsSentWholeToOnePerson() async throws {
    let conversation = Conversation()
    try await send(conversation)
    let heard = conversation.heard.withLock { $0 }
    #expect(
      heard.contains("MAIL FROM:<stet@example.org>")
        || heard.contains { $0.hasPrefix("MAIL FROM:<stet@example.org> ") })
    #expect(heard.filter { $0.hasPrefix("RCPT") } == ["RCPT TO:<ann@example.org>"])
    #expect(heard.contains("To: <ann@example.org>"))
    #expect(heard.contains { $0.hasPrefix("Content-Type: multipart/alternative") })
  }

  @Test func withoutTLSNothingIsSaidWhereItIsRequired() async throws {
    let conversation = Conversation()
    let error = await #expect(throws: NotifierError.self) {
      try await send(conversation, .required, user: "ann:pw@")
    }
    #expect(error?.code == .rejected)
    #expect(error?.detail.contains("STET_SMTP_TLS") == true)
    let heard = conversation.heard.withLock { $0 }
    #expect(!heard.contains { $0.hasPrefix("MAIL") || $0.hasPrefix("AUTH") })
  }

  /// It says that it can, and then it does not; or it says something else in the place of TLS.
  @Test(arguments: ["454 not now", "502 what?", "220 go\r\n250 in plain text"])
  func aServerThatOnlyPromisesTLSHearsNothing(_ answer: String) async throws {
    let conversation = Conversation(["EHLO": "250-test\r\n250 STARTTLS", "STAR": answer])
    let error = await #expect(throws: NotifierError.self) {
      try await send(conversation, .required, user: "ann:pw@", deadline: .seconds(5))
    }
    #expect(error != nil)
    let heard = conversation.heard.withLock { $0 }
    #expect(heard.contains("STARTTLS"))
    #expect(!heard.contains { $0.hasPrefix("MAIL") || $0.hasPrefix("AUTH") }, "\(heard)")
  }

  @Test(arguments: ["554 no service here", "421 too busy", "HTTP/1.1 400 Bad Request"])
  func whatGreetsInAnotherWayIsNoServerOfMail(_ greeting: String) async throws {
    let conversation = Conversation(greeting: greeting)
    let error = await #expect(throws: NotifierError.self) {
      try await send(conversation, deadline: .seconds(5))
    }
    #expect(error != nil && !conversation.heard.withLock { $0.contains { $0.hasPrefix("RCPT") } })
    #expect(error?.detail.contains("ann@example.org") == false)
  }

  @Test(
    arguments: [
      ("MAIL", "550 no", NotifierError.Code.rejected), ("RCPT", "550 no", .rejected),
      ("RCPT", "451 later", .unreachable), ("DATA", "554 no", .rejected),
      (".", "552 too large", .rejected), (".", "451 later", .unreachable),
      ("MAIL", "421 closing", .unreachable),
    ])
  func refusalsSayWhetherAnotherTryHelps(
    _ command: String, _ answer: String, _ code: NotifierError.Code
  ) async throws {
    let error = await #expect(throws: NotifierError.self) {
      try await send(Conversation([command: answer]))
    }
    #expect(error?.code == code, "\(error?.detail ?? "")")
    #expect(error?.detail.contains("ann@example.org") == false)
  }

  @Test func aServerThatHangsIsNotWaitedForLong() async throws {
    let start = ContinuousClock.now
    let error = await #expect(throws: NotifierError.self) {
      try await send(Conversation(["RCPT": "hang"]), deadline: .milliseconds(400))
    }
    #expect(error?.code == .unreachable)
    #expect(ContinuousClock.now - start < .seconds(10))
  }

  @Test func aCancelledMailEndsSoon() async throws {
    let conversation = Conversation(["RCPT": "hang"])
    let task = Task { try await send(conversation, deadline: .seconds(60)) }
    let end = ContinuousClock.now + .seconds(10)
    while ContinuousClock.now < end,
      !conversation.heard.withLock({ $0.contains { $0.hasPrefix("RCPT") } })
    {
      try await Task.sleep(for: .milliseconds(10))
    }
    let start = ContinuousClock.now
    task.cancel()
    let error = await #expect(throws: NotifierError.self) { try await task.value }
    #expect(error?.code == .cancelled)
    #expect(ContinuousClock.now - start < .seconds(10))
  }

  @Test func aServerThatIsNotThereIsTriedLater() async throws {
    let closed = ClosedPort()
    let server = try #require(MailServer("smtp://127.0.0.1:\(closed.port)"))
    let sender = try #require(MailSender("stet@example.org"))
    let error = await #expect(throws: NotifierError.self) {
      try await MailNotifier(
        server: server, protection: .optional, sender: sender, recipients: ["ann@example.org"]
      ).send(NoticeMessage(.sample()), to: .mail(nil))
    }
    #expect(error?.code == .unreachable)
  }
}
