import Domain
import Foundation
import Testing

@testable import UseCases

/// Which comments stand twice, and which of them stays.
@Suite struct DoubledCommentsTests {
  private static let own = ForgeAccount(id: 1, login: "stet[bot]", isBot: true)
  private static let other = ForgeAccount(id: 2, login: "mallory", isBot: false)

  private static func said(
    _ id: Int64, _ body: String, by author: ForgeAccount = own
  ) -> ForgeComment {
    ForgeComment(id: id, author: author, body: body, createdAt: Date(timeIntervalSince1970: 0))
  }

  private static func atLine(
    _ id: Int64, _ body: String, by author: ForgeAccount = own, inReplyTo root: Int64? = nil,
    review: Int64? = nil
  ) -> ForgeComment {
    var comment = said(id, body, by: author)
    comment.place = ForgeComment.Place(
      path: "a", side: .new, line: 1, commit: "abc", inReplyTo: root, diffHunk: "", review: review)
    return comment
  }

  private static let summary = HiddenMarker.summary.text + "\n\nS"
  private static let finding = HiddenMarker.finding("ab12").text + "\n\nF"

  private static func removals(
    _ conversation: [ForgeComment] = [], _ atLines: [ForgeComment] = [], known: Int64? = nil,
    isPublishing: Bool = false
  ) -> [Int64] {
    DoubledComments(
      conversation: conversation, atLines: atLines, knownSummary: known,
      isPublishing: isPublishing
    ).removals { $0.author.isSame(as: own) }.map(\.comment.id)
  }

  @Test func theSummaryThatIsKnownStaysElseTheFirst() {
    let three = (1...3).map { Self.said($0, Self.summary) }
    #expect(Self.removals(three) == [2, 3])
    #expect(Self.removals(three, known: 2) == [1, 3])
    #expect(Self.removals(three, known: 9) == [2, 3])
    #expect(Self.removals(three, known: 9, isPublishing: true) == [])
    #expect(Self.removals(three, isPublishing: true) == [])
    #expect(Self.removals(three, known: 3, isPublishing: true) == [1, 2])
    #expect(Self.removals([three[0]]) == [])
  }

  @Test func othersCommentsAndQuotedMarkersStay() {
    let conversation = [
      Self.said(1, Self.summary, by: Self.other), Self.said(2, Self.summary),
      Self.said(3, Self.summary, by: Self.other), Self.said(4, "> " + Self.summary),
      Self.said(5, "quoted:\n" + Self.summary),
    ]
    #expect(Self.removals(conversation) == [])
    let lines = [
      Self.atLine(1, Self.finding, by: Self.other), Self.atLine(2, Self.finding),
      Self.atLine(3, "so?\n\n" + Self.finding),
      // Not the beginning of a thread.
      Self.atLine(4, Self.finding, inReplyTo: 2),
    ]
    #expect(Self.removals([], lines) == [])
  }

  @Test func ofFindingsTheFirstStaysOrTheOneThatWasAnswered() {
    let two = [Self.atLine(7, Self.finding), Self.atLine(5, Self.finding)]
    #expect(Self.removals([], two) == [7])
    let answer = Self.atLine(8, "Why?", by: Self.other, inReplyTo: 7)
    #expect(Self.removals([], two + [answer]) == [5])
    let second = Self.atLine(9, "And here?", by: Self.other, inReplyTo: 5)
    #expect(Self.removals([], two + [answer, second]) == [])
    let differing = Self.atLine(6, HiddenMarker.finding("cd34").text)
    #expect(Self.removals([], [two[1], differing]) == [])
  }

  @Test func ofAnswersToOneCommentTheFirstStays() {
    let answers = [
      Self.said(3, HiddenMarker.answer(70).text + "\n\nA"),
      Self.said(2, HiddenMarker.refusal(comment: 70, account: 5).text + "\n\nNo"),
      Self.said(4, HiddenMarker.answer(71).text),
      Self.said(1, HiddenMarker.answer(70).text, by: Self.other),
    ]
    #expect(Self.removals(answers) == [3])
    // Comments of the two kinds are numbered apart.
    #expect(Self.removals([answers[0]], [Self.atLine(9, HiddenMarker.answer(70).text)]) == [])
  }

  @Test func aReviewIsEmptiedOnlyWhereNothingOfItIsLeft() {
    func review(_ id: Int64, _ body: String, by author: ForgeAccount = Self.own) -> PostedReview {
      PostedReview(id: id, author: author, commit: "abc", body: body)
    }
    let marked = HiddenMarker.review(head: "abc").text + "\n\n1 finding."
    let lines = [
      Self.atLine(1, Self.finding, review: 10), Self.atLine(2, Self.finding, review: 20),
      Self.atLine(3, Self.finding, review: 30),
      Self.atLine(4, HiddenMarker.finding("cd34").text, review: 30),
    ]
    let doubles = DoubledComments(conversation: [], atLines: lines)
    let isOwn = { (author: ForgeAccount) in author.isSame(as: Self.own) }
    let removals = doubles.removals { isOwn($0.author) }
    #expect(removals.map(\.comment.id) == [2, 3])
    let bare = PublishReview.body("abc", [])
    let reviews = [
      review(10, marked), review(20, marked), review(30, marked),
      // Nothing was at its lines from the beginning, or somebody has taken it away.
      review(40, bare), review(41, bare + "\r\n"), review(42, marked),
      review(43, bare, by: Self.other),
    ]
    #expect(doubles.emptied(reviews, removing: removals, isOwn).map(\.id) == [20, 41])
  }

  @Test(arguments: [
    ("a\nb", "a\r\nb\r\n", true), ("\n\na  \nb", "a\nb", true), ("", "\n", true),
    ("a\n\nb", "a\nb", false), ("a", "b", false), ("a b", "a  b", false),
  ])
  func textsAreTheSameButForTheirLineEnds(_ one: String, _ other: String, _ isSame: Bool) {
    #expect(ForgeText.isSame(one, other) == isSame)
  }
}
