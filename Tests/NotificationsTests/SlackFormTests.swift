import Domain
import Foundation
import Testing

@testable import Notifications

@Suite struct SlackFormTests {
  private func text(_ value: JSONValue) throws -> String {
    String(decoding: try body(value), as: UTF8.self)
  }

  /// Nothing that others wrote mentions anybody, opens a link or leaves its place.
  @Test(
    arguments: [
      "<!channel> look", "<https://evil.example|here>", "a & b <@U123>", "<#C1|general>",
    ])
  func wordsOfOthersDoNothing(_ words: String) throws {
    let shown = try text(SlackForm.payload(NoticeMessage(.sample(title: words, lines: [words]))))
    #expect(!shown.contains("<!"))
    #expect(!shown.contains("<@"))
    #expect(!shown.contains("<#"))
    #expect(!shown.contains("<https://evil"))
    #expect(shown.contains("&lt;") || !words.contains("<"))
  }

  @Test func aMessageHasFactsLinesAndALink() throws {
    let payload = SlackForm.payload(NoticeMessage(.sample()))
    let blocks = try #require(payload["blocks"]?.array)
    #expect(blocks.count == 4)
    #expect(
      blocks[0]["text"]?["text"]?.string?.contains("<https://forge.example/acme/app/pull/7|")
        == true)
    #expect(blocks[1]["fields"]?.array?.count == 2)
    #expect(blocks[2]["text"]?["text"]?.string == "• a.py:3 error: it fails")
    #expect(payload["text"]?.string?.isEmpty == false)
  }

  /// Slack refuses a message whole where one of its bounds is passed.
  @Test func longTextsStayWithinSlacksBounds() throws {
    let long = String(repeating: "wörter & <x> ", count: 400)
    let notices = (0..<200).map { number in
      Notice.sample(id: "n\(number)", title: long, lines: Array(repeating: long, count: 30))
    }
    for message in [
      NoticeMessage(notices[0]), NoticeMessage(digest: "d", of: notices, at: Date()),
    ] {
      let blocks = try #require(SlackForm.payload(message)["blocks"]?.array)
      #expect(blocks.count <= 50)
      for block in blocks {
        let words = block["text"]?["text"]?.string ?? ""
        #expect(words.count <= (block["type"]?.string == "header" ? 150 : 3_000))
        #expect(block["fields"]?.array?.count ?? 0 <= 10)
      }
    }
  }

  @Test func aDigestSaysHowManyItLeftOut() throws {
    let notices = (0..<60).map { Notice.sample(id: "n\($0)") }
    let message = NoticeMessage(digest: "d", of: notices, at: Date())
    #expect(message.items.count == NoticeMessage.mostItems)
    #expect(message.leftOut == 20)
    let shown = try text(SlackForm.payload(message))
    #expect(shown.contains("and 20 more"))
    #expect(shown.contains("60 notices from acme/app"))
  }
}

extension Notice {
  static func sample(
    id: String = "review-1", event: Event = .review, severity: Severity = .error,
    title: String = "Add a parser", lines: [String] = ["a.py:3 error: it fails"]
  ) -> Notice {
    Notice(
      id: id, event: event, severity: severity, forge: "github",
      repository: RepositoryName(owner: "acme", name: "app"), subject: "acme/app#7",
      subjectTitle: title, headline: "Changes are requested: 1 error.",
      url: "https://forge.example/acme/app/pull/7",
      facts: [Fact("verdict", "request changes"), Fact("findings", "1 error")], lines: lines,
      at: Date(timeIntervalSince1970: 1_800_000_000), run: "0199")
  }
}
