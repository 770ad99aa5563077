import Domain
import Foundation
import TestKit
import Testing

@testable import Notifications

@Suite struct MailFormTests {
  private func form(to: String = "ann@example.org") throws -> MailForm {
    MailForm(
      from: try #require(MailSender("Stet <stet@example.org>")), to: to,
      date: Date(timeIntervalSince1970: 1_800_000_000))
  }

  private func headers(_ text: String) -> [String] {
    let end = text.range(of: "\r\n\r\n")?.lowerBound ?? text.endIndex
    return text[..<end].replacingOccurrences(of: "\r\n ", with: " ").components(separatedBy: "\r\n")
  }

  /// Whatever a title holds, no header is added by it.
  @Test(
    arguments: [
      "x\r\nBcc: eve@evil.example", "x\nTo: eve@evil.example", "x\r\n\r\n<b>body</b>",
      "x\u{2028}Bcc: eve@evil.example", "x\u{0085}Bcc: e@evil.example", "x\0Bcc: e@evil.example",
      "=?utf-8?B?DQpCY2M6IGVAZXZpbC5leGFtcGxl?=",
    ])
  func noHeaderIsPutIn(_ title: String) throws {
    var message = NoticeMessage(.sample())
    message.title = title
    let text = try form().text(message)
    let names = headers(text).map { $0.prefix { $0 != ":" } }
    #expect(!names.contains("Bcc"))
    #expect(names.count { $0 == "To" } == 1)
    #expect(names.count { $0 == "Subject" } == 1)
    #expect(!headers(text).contains { $0.contains("=?utf-8?B?DQpC") })
  }

  @Test func everyLineIsShortAndOfASCII() throws {
    let long = String(repeating: "Ärger mit 漢字 = 100 % 🙂 ", count: 60)
    let message = NoticeMessage(.sample(title: long, lines: [long, ".", "From here"]))
    let text = try form().text(message)
    #expect(text.utf8.allSatisfy { $0 < 0x80 })
    for line in text.components(separatedBy: "\r\n") {
      #expect(line.utf8.count <= 998)
      #expect(!line.contains("\n") && !line.contains("\r"))
    }
    #expect(headers(text).first { $0.hasPrefix("Subject:") }?.contains("=?utf-8?B?") == true)
  }

  @Test func theSameMessageHasTheSameIdentity() throws {
    let first = headers(try form().text(NoticeMessage(.sample())))
    let second = headers(try form().text(NoticeMessage(.sample())))
    let other = headers(try form(to: "bob@example.org").text(NoticeMessage(.sample())))
    func id(_ headers: [String]) -> String? { headers.first { $0.hasPrefix("Message-ID:") } }
    #expect(id(first) != nil)
    #expect(id(first) == id(second))
    #expect(id(first) != id(other))
    #expect(first.contains("Date: Fri, 15 Jan 2027 08:00:00 +0000"))
    #expect(first.contains("From: Stet <stet@example.org>"))
  }

  @Test func theHTMLPartEscapesWhatOthersWrote() {
    let html = MailText.html(
      NoticeMessage(.sample(title: "<script>alert(1)</script>", lines: ["\"><img src=x>"])))
    #expect(!html.contains("<script"))
    #expect(!html.contains("<img"))
    #expect(html.contains("&lt;script&gt;"))
  }

  @Test(
    arguments: [
      ("a=b", "a=3Db"), ("trailing ", "trailing=20"), ("tab\t", "tab=09"), ("é", "=C3=A9"),
      ("a\nb", "a\r\nb"), ("", ""),
    ])
  func quotedPrintable(_ text: String, _ expected: String) {
    #expect(QuotedPrintable.encoded(text) == expected)
  }

  /// What is encoded reads the same when it is decoded.
  @Test func quotedPrintableGoesBothWays() {
    var random = SplitMix(seed: 7)
    let letters = Array("ab =\t.漢é🙂-")
    for _ in 0..<300 {
      let text = String(
        (0..<Int(random.next() % 400)).map { _ in
          letters[Int(random.next() % UInt64(letters.count))]
        })
      let encoded = QuotedPrintable.encoded(text)
      #expect(encoded.components(separatedBy: "\r\n").allSatisfy { $0.utf8.count <= 76 })
      #expect(Self.decoded(encoded) == text)
    }
  }

  private static func decoded(_ text: String) -> String {
    var bytes: [UInt8] = []
    let source = Array(text.replacingOccurrences(of: "=\r\n", with: "").utf8)
    var index = 0
    while index < source.count {
      if source[index] == 0x3D, index + 2 < source.count,
        let byte = UInt8(
          String(decoding: source[(index + 1)...(index + 2)], as: UTF8.self), radix: 16)
      {
        bytes.append(byte)
        index += 3
      } else {
        bytes.append(source[index])
        index += 1
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}

/// Source: Sebastiano Vigna's SplitMix64.
struct SplitMix: RandomNumberGenerator {
  private var state: UInt64
  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }
}

@Suite struct MailServerTests {
  @Test(
    arguments: [
      ("smtp://mail.example.org", false, "mail.example.org", 25, nil as String?),
      ("smtp://ann:pw@mail.example.org", false, "mail.example.org", 587, "ann"),
      ("smtps://a%40b:p%3Aw@mail.example.org/", true, "mail.example.org", 465, "a@b"),
      ("smtp://[::1]:2525", false, "::1", 2_525, nil),
    ])
  func addressesAreRead(
    _ text: String, _ isTLS: Bool, _ host: String, _ port: Int, _ user: String?
  ) throws {
    let server = try #require(MailServer(text))
    #expect(server.isTLS == isTLS)
    #expect(server.host == host)
    #expect(server.port == port)
    #expect(server.user == user)
  }

  @Test(
    arguments: [
      "http://mail.example.org", "smtp://", "smtp://ann@mail.example.org", "smtp://h/path",
      "smtp://h:0", "smtp://h:99999", "smtp://a:%0d%0aRCPT@h", "smtp://h\r\nQUIT", "smtp://a b",
      "smtp://[::1", "smtp://a:%zz@h", "mail.example.org:25",
    ])
  func othersAreRefused(_ text: String) { #expect(MailServer(text) == nil) }
}
