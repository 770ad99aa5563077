import Domain
import Foundation
import Testing

@Suite struct IssueWordingTests {
  private static let report = """
    Traceback at 0x7f3a9c00: request 1042 of worker 7 took 3051 ms and the pool gave it up before \
    the answer came, after which every later request of the same session hangs until it is closed.
    """

  private func same(_ a: (String, String), _ b: (String, String)) -> Double? {
    IssueWording(title: a.0, description: a.1)
      .likenessAsSame(IssueWording(title: b.0, description: b.1))
  }

  @Test func reportsThatDifferInNumbersAndCapitalsAreTheSame() {
    let other = Self.report.replacingOccurrences(of: "1042", with: "77")
      .replacingOccurrences(of: "0x7f3a9c00", with: "0x00aa12ff").uppercased()
    #expect(same(("Requests hang", Self.report), ("REQUESTS hang!", other)) == 1)
  }

  @Test func aWordMoreIsNearlyTheSame() throws {
    let likeness = try #require(
      same(
        ("Every request hangs", Self.report),
        ("Every request hangs again", Self.report.replacingOccurrences(of: "later ", with: ""))))
    #expect(likeness >= IssueWording.leastText && likeness < 1)
  }

  @Test(arguments: [
    (("Error 404 on login", "d"), ("Error 500 on login", "d")),
    (("Crash on Chrome when saving", "d"), ("Crash on Firefox when saving", "d")),
    (("Export fails", "The page breaks."), ("Export fails", "Nothing is written.")),
    (("Export fails", "x"), ("Import fails", "x")),
  ])
  func anotherQuestionIsAnother(_ a: (String, String), _ b: (String, String)) {
    #expect(same(a, b) == nil)
    #expect(same(b, a) == nil)
    #expect(same(a, a) == 1)
  }

  @Test func nothingIsLikeNothing() {
    #expect(same(("", ""), ("", "")) == 1)
    #expect(same(("", ""), ("word", "")) == nil)
  }
}

@Suite struct MeaningSearchTests {
  private let search = MeaningSearch([
    ("a", [1, 0]), ("b", [0.8, 0.6]), ("c", [0, 1]), ("odd", [1, 0, 0]), ("d", [1, 0]),
  ])

  @Test func theNearestComeFirstAndTheLaterOfTwo() {
    #expect(search.count == 4)
    #expect(
      search.candidates(to: [1, 0], least: 0.5)
        == [.init(id: "d", score: 1), .init(id: "a", score: 1), .init(id: "b", score: 0.8)])
    #expect(search.candidates(to: [1, 0], except: "d", most: 1, least: 0.5).map(\.id) == ["a"])
    #expect(search.candidates(to: [0.6, 0.8], least: 0.95).map(\.id) == ["b"])
  }

  @Test func anotherModelsVectorsAreLikeNothing() {
    #expect(search.candidates(to: [1, 0, 0], least: 0).isEmpty)
    #expect(MeaningSearch([]).candidates(to: [1], least: 0).isEmpty)
    #expect(search.candidates(to: [1, 0], most: -1, least: 0).isEmpty)
  }
}
