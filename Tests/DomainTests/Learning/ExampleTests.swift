import Foundation
import Testing

@testable import Domain

/// How examples are put, split, chosen and placed.
@Suite struct ExampleTests {
  private static let repository = RepositoryName(owner: "acme", name: "app")

  static func example(
    _ id: String, pull: Int = 1, at seconds: Double = 0, comment: String? = "Close the file.",
    hunk: String = "@@ -1,2 +1,2 @@\n a\n+b", path: String = "src/a.go"
  ) -> ReviewExample {
    ReviewExample(
      id: id, pullRequest: pull, at: Date(timeIntervalSince1970: seconds), path: path, line: 2,
      commit: "c", hunk: hunk, comment: comment)
  }

  // MARK: Chat

  @Test func anExampleIsThreeTurnsOfOneLineOfJSON() throws {
    let chat = ReviewChat(repository: Self.repository, persona: "lin")
    let line = chat.line(of: Self.example("1", comment: "Close\nthe file."))
    #expect(line.hasSuffix("}\n") && line.dropLast().allSatisfy { $0 != "\n" })
    struct Line: Decodable {
      struct Message: Decodable {
        var role: String
        var content: String
      }
      var messages: [Message]
    }
    let read = try JSONDecoder().decode(Line.self, from: Data(line.utf8))
    #expect(read.messages.map(\.role) == ["system", "user", "assistant"])
    #expect(read.messages[0].content.contains("acme/app"))
    #expect(read.messages[0].content.contains("Language: go"))
    #expect(read.messages[1].content.contains("+b"))
    #expect(read.messages[2].content == "Close the file.")
    let silent = chat.turns(of: Self.example("2", comment: nil))
    #expect(silent.last?.text == ReviewChat.silence)
  }

  @Test(
    arguments: [
      ("PASS", nil), (" pass. ", nil), ("\"PASS\"", nil), ("No comment.", nil), ("", nil),
      ("PASS - nothing to say", nil), ("PASS: looks fine", nil),
      ("PASSWORD is logged here.", "PASSWORD is logged here."),
      ("Close the file.", "Close the file."),
      ("\n\nClose  the\tfile.\nAnd more.", "Close the file."),
      ("\"Close the file.\"", "Close the file."),
      ("Passing nil here crashes.", "Passing nil here crashes."),
    ] as [(String, String?)])
  func anAnswerIsOneLineOrSilence(_ answer: String, _ expected: String?) {
    #expect(ReviewChat.comment(in: answer) == expected)
  }

  @Test func aHunkIsShownBoundedAndWithoutSecrets() {
    let token = "ghp_" + String(repeating: "aB3dE6gH", count: 5).prefix(36)
    let lines = (1...200).map { "+line \($0)" }.joined(separator: "\n")
    let hunk = "@@ -0,0 +1,201 @@\n+token = \"\(token)\"\n\(lines)\n+```"
    let head = ReviewChat.shown(hunk)
    #expect(!head.contains(token) && head.contains("[masked:"))
    #expect(head.split(separator: "\n").count == ReviewChat.mostLines)
    let tail = ReviewChat.shown(hunk, endsAtComment: true)
    #expect(tail.hasPrefix("@@ -0,0") && tail.contains("+line 200"))
    #expect(!tail.contains("```"))
  }

  @Test func twoAnswersOfTheBoundAreCutAtASentence() {
    let long = String(repeating: "Word after word. ", count: 60)
    let said = ReviewChat.assistant(long)
    #expect(said.count <= ReviewChat.longestAnswer && said.hasSuffix("."))
  }

  // MARK: Split

  @Test func whatIsHeldOutIsLaterAndOfOtherPullRequests() {
    var examples: [ReviewExample] = []
    for pull in 1...10 {
      for number in 0..<5 {
        examples.append(
          Self.example(
            "\(pull)-\(number)", pull: pull, at: Double(pull * 100 + number),
            comment: number == 4 ? nil : "c \(pull) \(number)"))
      }
    }
    // A late word on an early pull request: it is neither.
    examples.append(Self.example("late", pull: 1, at: 5_000))
    let split = ExampleSplit(examples.shuffled(), share: 0.2)
    let (training, heldOut) = (split.training, split.heldOut)
    #expect(Set(heldOut.map(\.pullRequest)) == [9, 10])
    #expect(Set(training.map(\.pullRequest)) == Set(1...8))
    #expect(training.allSatisfy { $0.at < heldOut[0].at })
    #expect(!training.contains { $0.id == "late" })
    #expect(ExampleSplit(examples.filter { $0.pullRequest == 1 }).heldOut.isEmpty)
    #expect(ExampleSplit([]).training.isEmpty)
  }

  // MARK: Choice

  @Test func chosenExamplesAreNearAndDiverse() {
    func candidate(_ id: String, _ comment: String?, _ score: Float) -> ExampleChoice.Candidate {
      .init(example: Self.example(id, comment: comment), score: score)
    }
    let candidates = [
      candidate("a", "Wrap this error with context.", 0.95),
      candidate("b", "Wrap that error with context.", 0.94),
      candidate("c", "Name this after what it holds.", 0.90),
      candidate("s", nil, 0.80), candidate("t", nil, 0.10),
    ]
    let chosen = ExampleChoice.choose(candidates, count: 3)
    #expect(chosen.map(\.example.id) == ["s", "c", "a"])
    #expect(ExampleChoice.choose([], count: 3).isEmpty)
    #expect(ExampleChoice.choose(candidates, count: 0).isEmpty)
    #expect(ExampleChoice.choose([candidates[3]], count: 3).map(\.example.id) == ["s"])
  }

  @Test func wordsLieNearWhereTheyAreTheSame() {
    func near(_ a: String, _ b: String) -> Float {
      zip(HashedWords.vector(a), HashedWords.vector(b)).reduce(0) { $0 + $1.0 * $1.1 }
    }
    let hunk = "func loadComments(repo Repo) error { return ioutil.ReadFile(path) }"
    #expect(abs(near(hunk, hunk) - 1) < 1e-4)
    let other = "func saveComments(repo Repo) error { return ioutil.WriteFile(path) }"
    #expect(near(hunk, other) > near(hunk, "<div class=\"menu\">Hello</div>") + 0.2)
    #expect(HashedWords.vector("").allSatisfy { $0 == 0 })
    #expect(
      WordSets.words("parseURLPath snake_case 日本") == [
        "parse", "url", "path", "snake", "case", "日", "本",
      ])
  }

  // MARK: Calibration

  @Test func theVoteOfTheNearCountsMore() throws {
    let vote = try #require(
      SilenceCalibration.vote([(0.9, true), (0.2, false), (0.2, false), (0.2, false)]))
    #expect(vote > 0.9)
    #expect(SilenceCalibration.vote([]) == nil)
    #expect(SilenceCalibration.vote([(0.5, true), (0.5, false)]) == 0.5)
  }

  @Test func aCurveIsFittedToWhatTheyDid() {
    // They speak at three hunks in ten where the vote is 0.4, and always where it is 0.9.
    var samples: [(vote: Double, spoke: Bool)] = []
    for number in 0..<100 {
      samples.append((0.4, number % 10 < 3))
      samples.append((0.9, true))
    }
    let fitted = SilenceCalibration.fitted(to: samples)
    #expect(abs(fitted.probability(0.4) - 0.3) < 0.05)
    #expect(fitted.probability(0.9) > 0.95)
    #expect(fitted.threshold > fitted.probability(0.4))
    #expect(fitted.hunks == 200)
    #expect(SilenceCalibration.fitted(to: [(0.5, true)]) == .usual)
    #expect(
      SilenceCalibration.fitted(to: Array(repeating: (0.5, true), count: 100)) == .usual)
  }

  // MARK: Lines

  @Test(arguments: [
    ("`retries` is never read.", 2), ("Close the file when done.", 1),
    ("Hmm, is that so?", 3), ("Why does load return here?", 0),
  ])
  func aRemarkFindsItsLine(_ remark: String, _ place: Int) {
    let lines = [
      LineChoice.Line(text: "def load(path):", isAdded: false),
      LineChoice.Line(text: "    file = open(path)", isAdded: true),
      LineChoice.Line(text: "    retries = 3", isAdded: true),
      LineChoice.Line(text: "    x += 1", isAdded: true),
    ]
    #expect(LineChoice.best(for: remark, in: lines) == place)
    #expect(LineChoice.best(for: remark, in: []) == nil)
  }

  // MARK: Figures

  @Test func placesAreCounted() {
    var places = Fidelity.Places()
    for (person, likeness) in [(true, true), (true, false), (false, true), (false, false)] {
      places.count(person: person, likeness: likeness)
    }
    #expect(places.precision == 0.5 && places.recall == 0.5)
    #expect(Fidelity.Places().precision == nil)
    let manner = Fidelity.Manner(of: ["Why not `x`?", "Perhaps shorter."])
    #expect(manner?.questions == 0.5 && manner?.code == 0.5 && manner?.hedged == 0.5)
    #expect(Fidelity.Manner(of: []) == nil)
  }
}
