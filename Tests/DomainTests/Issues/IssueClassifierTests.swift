import Domain
import Foundation
import Testing

/// What is learned from the labels of earlier issues.
@Suite struct IssueClassifierTests {
  private static let crashing = ["crash", "exception", "segfault", "traceback", "broken", "fails"]
  private static let wishing = ["support", "option", "feature", "would be nice", "allow", "please"]
  private static let filling = [
    "the", "window", "file", "server", "page", "user", "log", "a", "in",
  ]

  /// Reports whose words tell their label, and some that tell none.
  private static func history(_ count: Int, seed: Int) -> [LabelledIssue] {
    var random = SeededNumbers(seed)
    return (0..<count).map { number in
      let words = (0..<12).map { _ in filling.randomElement(using: &random) ?? "" }
      let isBug = number % 2 == 0
      let telling = (isBug ? crashing : wishing).shuffled(using: &random).prefix(2)
      return LabelledIssue(
        title: telling.joined(separator: " ") + " " + words.prefix(3).joined(separator: " "),
        description: (words + telling).joined(separator: " "),
        labels: [isBug ? "bug" : "enhancement"])
    }
  }

  @Test(arguments: 1...2)
  func whatPeopleLabelledIsLearned(seed: Int) throws {
    let classifier = try #require(
      IssueClassifier(learningFrom: Self.history(80, seed: seed)))
    #expect(Set(classifier.learned.map(\.label)) == ["bug", "enhancement"])
    var right = 0
    let asked = Self.history(60, seed: seed + 100)
    for issue in asked {
      let given = classifier.labels(title: issue.title, description: issue.description)
      if Set(given.map(\.label)) == issue.labels { right += 1 }
    }
    #expect(right >= 57)
  }

  @Test func theSameHistoryTeachesTheSame() throws {
    let history = Self.history(60, seed: 7)
    let one = try #require(IssueClassifier(learningFrom: history))
    let other = try #require(IssueClassifier(learningFrom: history))
    for issue in Self.history(20, seed: 8) {
      #expect(
        one.guesses(title: issue.title, description: issue.description)
          == other.guesses(title: issue.title, description: issue.description))
    }
  }

  @Test func whereWordsTellNothingItAbstains() throws {
    var random = SeededNumbers(3)
    // Labels that were thrown like coins.
    func issues(_ count: Int) -> [LabelledIssue] {
      (0..<count).map { _ in
        LabelledIssue(
          title: (0..<4).map { _ in Self.filling.randomElement(using: &random) ?? "" }
            .joined(separator: " "), description: "",
          labels: Bool.random(using: &random) ? ["a"] : ["b"])
      }
    }
    let classifier = try #require(IssueClassifier(learningFrom: issues(160)))
    var given = 0
    for issue in issues(100) {
      given += classifier.labels(title: issue.title, description: "").count
    }
    // A threshold that coins passed by luck passes few of them.
    #expect(given < 25)
  }

  @Test func tooLittleTeachesNothing() {
    #expect(IssueClassifier(learningFrom: []) == nil)
    #expect(IssueClassifier(learningFrom: Self.history(59, seed: 1)) == nil)
    let alike = (0..<100).map { LabelledIssue(title: "t\($0)", description: "", labels: ["all"]) }
    #expect(IssueClassifier(learningFrom: alike) == nil)
    let rare = (0..<100).map {
      LabelledIssue(title: "t\($0)", description: "", labels: $0 < 14 ? ["rare"] : [])
    }
    #expect(IssueClassifier(learningFrom: rare) == nil)
  }

  /// Of texts that were given a probability, about that share has the label.
  @Test func probabilitiesAreWhatTheySay() throws {
    var random = SeededNumbers(11)
    func issues(_ count: Int) -> [LabelledIssue] {
      (0..<count).map { _ in
        let tells = Bool.random(using: &random)
        // The word tells the label in four of five.
        let isBug = Double.random(in: 0..<1, using: &random) < (tells ? 0.8 : 0.2)
        let words = (0..<6).map { _ in Self.filling.randomElement(using: &random) ?? "" }
        return LabelledIssue(
          title: (tells ? "crash " : "wish ") + words.joined(separator: " "), description: "",
          labels: isBug ? ["bug"] : ["other"])
      }
    }
    let classifier = try #require(IssueClassifier(learningFrom: issues(400)))
    var claimed = 0.0
    var right = 0.0
    let asked = issues(300)
    for issue in asked {
      let guess = try #require(
        classifier.guesses(title: issue.title, description: "").first { $0.label == "bug" })
      claimed += guess.probability
      right += issue.labels.contains("bug") ? 1 : 0
      #expect((0.01...0.99).contains(guess.probability))
    }
    #expect(abs(claimed - right) / Double(asked.count) < 0.1)
  }

  @Test func wordsAreTakenWhateverTheirCaseAndNumbers() {
    #expect(IssueWords.hashes(of: "Crash in 12 files") == IssueWords.hashes(of: "crash IN 7 files"))
    #expect(IssueWords.hashes(of: "at 0x7ffe12ab") != IssueWords.hashes(of: "at all"))
    #expect(IssueWords.hashes(of: "  a, ") == [])
    #expect(IssueWords.hashes(of: "größer") == IssueWords.hashes(of: "GRößER"))
  }
}

@Suite struct DuplicateSearchTests {
  private static let issues = [
    ("1", "Login button does nothing", "Pressing login on the start page has no effect."),
    ("2", "Crash when a file is empty", "The importer crashes with an empty CSV file."),
    ("3", "Dark mode", "Please add a dark colour scheme."),
    ("4", "Importer crashes", "An empty CSV makes the importer crash."),
  ].map { (id: $0.0, title: $0.1, description: $0.2) }

  @Test func theLikeliestComesFirstWithItsScore() throws {
    let search = DuplicateSearch(Self.issues)
    let found = search.candidates(
      title: "Empty CSV file crashes the importer", description: "It crashes.")
    #expect(Set(found.prefix(2).map(\.id)) == ["2", "4"])
    #expect(found.allSatisfy { (0.2...1).contains($0.score) })
    #expect(found.map(\.score) == found.map(\.score).sorted(by: >))
  }

  @Test func anIssueIsNoDuplicateOfItself() throws {
    let search = DuplicateSearch(Self.issues)
    let own = Self.issues[0]
    let all = search.candidates(title: own.title, description: own.description)
    #expect(all.first == .init(id: "1", score: 1))
    let others = search.candidates(
      title: own.title, description: own.description, except: "1")
    #expect(!others.contains { $0.id == "1" })
  }

  @Test func whatSharesNoWordIsNone() {
    let search = DuplicateSearch(Self.issues)
    #expect(search.candidates(title: "Zebra", description: "quagga").isEmpty)
    #expect(search.candidates(title: "", description: "").isEmpty)
    #expect(DuplicateSearch([]).candidates(title: "Crash", description: "").isEmpty)
    #expect(search.candidates(title: "crash", description: "crash", most: 0).isEmpty)
  }
}
