import Domain
import Foundation

/// Answers one question of `Benchmarks/issues.py`: JSON on standard input, JSON on standard output.
@main struct IssueBench {
  struct Text: Decodable {
    var id: String?
    var title: String
    var description: String
    var labels: [String]?
  }

  struct Question: Decodable {
    /// `classify`, `duplicates` or `words`.
    var task: String
    /// The oldest first.
    var known: [Text]
    var asked: [Text]
  }

  struct Guess: Encodable {
    var label: String
    var probability: Double
  }

  struct Answer: Encodable {
    /// Until it could be asked.
    var preparing: Double
    /// Of all questions together.
    var asking: Double
    /// By question, of `classify`: every label that was learned.
    var guesses: [[Guess]] = []
    /// By question, of `classify`: what it is sure enough of.
    var given: [[String]] = []
    /// By question, of `duplicates`: the ten likeliest.
    var candidates: [[String]] = []
  }

  static func main() throws {
    let question = try JSONDecoder().decode(
      Question.self, from: FileHandle.standardInput.readDataToEndOfFile())
    let answer: Answer
    switch question.task {
    case "classify": answer = classify(question)
    case "duplicates": answer = duplicates(question)
    default: answer = words(question)
    }
    FileHandle.standardOutput.write(try JSONEncoder().encode(answer))
  }

  private static func classify(_ question: Question) -> Answer {
    let clock = ContinuousClock()
    var classifier: IssueClassifier?
    let preparing = clock.measure {
      classifier = IssueClassifier(
        learningFrom: question.known.map {
          LabelledIssue(
            title: $0.title, description: $0.description, labels: Set($0.labels ?? []))
        })
    }
    var answer = Answer(preparing: preparing / .seconds(1), asking: 0)
    let asking = clock.measure {
      for text in question.asked {
        let guesses =
          classifier?.guesses(title: text.title, description: text.description) ?? []
        answer.guesses.append(
          guesses.map { Guess(label: $0.label, probability: $0.probability) })
      }
    }
    answer.asking = asking / .seconds(1)
    answer.given = question.asked.map { text in
      classifier?.labels(title: text.title, description: text.description).map(\.label) ?? []
    }
    return answer
  }

  private static func duplicates(_ question: Question) -> Answer {
    let clock = ContinuousClock()
    var search = DuplicateSearch([])
    let preparing = clock.measure {
      search = DuplicateSearch(
        question.known.map { ($0.id ?? "", $0.title, $0.description) })
    }
    var answer = Answer(preparing: preparing / .seconds(1), asking: 0)
    let asking = clock.measure {
      for text in question.asked {
        answer.candidates.append(
          search.candidates(title: text.title, description: text.description, most: 10, least: 0)
            .map(\.id))
      }
    }
    answer.asking = asking / .seconds(1)
    return answer
  }

  /// What works without a model and without history.
  private static func words(_ question: Question) -> Answer {
    var answer = Answer(preparing: 0, asking: 0)
    let asking = ContinuousClock().measure {
      for text in question.asked {
        _ = KeywordEnrichment.summary(title: text.title, description: text.description)
        answer.given.append(
          KeywordEnrichment.tags(title: text.title, description: text.description))
      }
    }
    answer.asking = asking / .seconds(1)
    return answer
  }
}
