import Foundation
import Testing

@testable import Domain

/// Which comments are examples of how somebody reviews, and why the others are none.
@Suite struct CommentSieveTests {
  static func comment(
    _ body: String, id: Int64 = 1, author: ForgeAccount? = nil, line: Int? = 3,
    hunk: String = "@@ -1 +1 @@\n+x", inReplyTo: Int64? = nil
  ) -> PastComment {
    PastComment(
      pullRequest: 7,
      comment: ForgeComment(
        id: id, author: author ?? ForgeAccount(id: 5, login: "lin", isBot: false), body: body,
        createdAt: Date(timeIntervalSince1970: Double(id)),
        place: .init(
          path: "src/a.go", side: .new, line: line, commit: "c", inReplyTo: inReplyTo,
          diffHunk: hunk)),
      updatedAt: Date(timeIntervalSince1970: Double(id)), line: line)
  }

  private func reason(
    _ past: PastComment, pullAuthor: Int64? = nil
  ) -> LearnedReviewer.DropReason? {
    var sieve = CommentSieve()
    let text = sieve.text(of: past, pullAuthor: pullAuthor)
    #expect((text == nil) == (sieve.dropped.count == 1))
    return sieve.dropped.first?.key
  }

  @Test(
    arguments: [
      ("LGTM", .approval), ("lgtm!", .approval), ("👍", .approval), ("+1", .approval),
      ("Looks good to me, nice work!", .approval), (":shipit:", .approval), ("Passt.", .approval),
      ("很好", .approval),
      ("Thanks!", .thanks), ("thank you for fixing this", .thanks), ("Merci beaucoup", nil),
      ("Danke, sieht gut aus", .thanks), ("谢谢", .thanks), ("ありがとう", .thanks),
      ("@grace could you look at this?", .question), ("@grace WDYT? Is it too slow?", .question),
      ("@grace why is `x` here?", nil), ("Why is this exported?", nil),
      ("> an earlier remark\n> of two lines", .quote), ("", .empty), ("<!-- hidden -->", .empty),
      ("...", .empty), ("🤔", .empty),
      ("LGTM, but close the file.", nil), ("Good catch, though the error is lost here.", nil),
      ("Close the file.", nil), ("nit: s/recieve/receive/", nil), ("이 이름은 헷갈립니다.", nil),
      ("这里需要关闭文件", nil), ("Bitte hier den Fehler prüfen.", nil),
    ] as [(String, LearnedReviewer.DropReason?)])
  func phrasesFallOutAndRemarksStay(_ body: String, _ expected: LearnedReviewer.DropReason?) {
    #expect(reason(Self.comment(body)) == expected)
  }

  @Test func whoSaidItAndWhereCounts() {
    let bot = ForgeAccount(id: 9, login: "ci[bot]", isBot: true)
    #expect(reason(Self.comment("Close the file.", author: bot)) == .bot)
    #expect(reason(Self.comment("<!-- stet:finding ab -->\nClose it.")) == .bot)
    #expect(reason(Self.comment("Close the file."), pullAuthor: 5) == .ownChange)
    #expect(reason(Self.comment("Close the file."), pullAuthor: 6) == nil)
    #expect(reason(Self.comment("Close the file.", line: nil)) == .noPlace)
    #expect(reason(Self.comment("Close the file.", hunk: "")) == .noPlace)
    #expect(reason(Self.comment("Then close the file.", inReplyTo: 3)) == .reply)
    #expect(reason(Self.comment(String(repeating: "long words ", count: 200))) == .tooLong)
    // Assembled here: the repository holds nothing that looks like a secret.
    let token = "ghp_" + String(repeating: "aB3dE6gH", count: 5).prefix(36)
    #expect(reason(Self.comment("Use \(token) for it.")) == .secret)
  }

  @Test func whatOthersWroteAndWhatNobodySeesIsNotLearned() {
    #expect(
      CommentSieve.cleaned("> is this fine?\n\nNo: it leaks. <!-- not this -->\u{200B}")
        == "No: it leaks.")
  }

  @Test func nearDuplicatesFallOutHoweverMany() {
    var sieve = CommentSieve()
    #expect(
      sieve.text(of: Self.comment("Please wrap this error with some context.", id: 1)) != nil)
    #expect(
      sieve.text(of: Self.comment("please wrap this error with some context", id: 2)) == nil)
    #expect(
      sieve.text(of: Self.comment("Please, wrap this error with some context!", id: 3)) == nil)
    #expect(sieve.text(of: Self.comment("This loop never ends.", id: 4)) != nil)
    #expect(sieve.dropped == [.duplicate: 2])
    // What was kept by an earlier gathering counts too.
    sieve.remember("Name this after what it holds, not how.")
    #expect(
      sieve.text(of: Self.comment("Name this after what it holds, not how!", id: 5)) == nil)
  }

  /// As many as a busy maintainer has written: it must not take the square of their number.
  @Test func twentyThousandCommentsTakeSeconds() {
    let nouns = (0..<200).map { "noun\($0)" }
    var sieve = CommentSieve()
    let clock = ContinuousClock()
    var kept = 0
    let time = clock.measure {
      for number in 0..<20_000 {
        let words = (0..<12).map { nouns[(number * 31 + $0 * $0 * 7 + number / 200) % 200] }
        let body = "Change \(words.joined(separator: " ")) please"
        if sieve.text(of: Self.comment(body, id: Int64(number))) != nil { kept += 1 }
      }
    }
    #expect(kept + (sieve.dropped[.duplicate] ?? 0) == 20_000)
    #expect(kept > 100)
    #expect(time < .seconds(120))
  }
}
