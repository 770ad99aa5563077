import Domain
public import Foundation

/// An earlier issue of the same place, with what people made of it.
struct KnownIssue: Sendable {
  var id: String
  var title: String
  var description: String
  /// As people left them; `nil` where nobody has said whether they are right.
  var labels: Set<String>?
  /// What was suggested, and which of it people took away.
  var suggested: [String] = []
  var removed: [String] = []
}

/// What is known of a repository, or of the tracker, from its earlier issues.
struct IssueKnowledge: Sendable {
  /// `nil` where there are too few issues with labels.
  var classifier: IssueClassifier?
  var search: DuplicateSearch
  /// Titles by the id of the issue.
  var titles: [String: String]
  /// Tags that people take away more often than they keep them, with the reason.
  var silenced: [String: String]

  static let nothing = IssueKnowledge([])

  /// Times that a tag has to be taken away before it is silent, and the share of them.
  private static let leastRemoved = 5
  private static let worstShare = 0.5

  /// - Parameters:
  ///   - issues: the oldest first.
  ///   - figures: what became of tags, beside what the issues tell.
  init(_ issues: [KnownIssue], figures further: [String: TagFigures] = [:]) {
    classifier = IssueClassifier(
      learningFrom: issues.compactMap { issue in
        issue.labels.map {
          LabelledIssue(title: issue.title, description: issue.description, labels: $0)
        }
      })
    search = DuplicateSearch(issues.map { ($0.id, $0.title, $0.description) })
    titles = Dictionary(issues.map { ($0.id, $0.title) }) { $1 }
    silenced = [:]
    let own = TagFigures.of(issues.map { ($0.suggested, $0.removed) })
    for (tag, figures) in own.merging(further, uniquingKeysWith: +) {
      let share = Double(figures.removed) / Double(max(1, figures.given))
      if figures.removed >= Self.leastRemoved, share > Self.worstShare {
        silenced[tag] = "people removed it \(figures.removed) of \(figures.given) times"
      }
    }
  }
}

/// How often a tag was given, and how often a person took it away.
public struct TagFigures: Sendable, Hashable, Codable {
  public var given = 0
  public var removed = 0

  public init(given: Int = 0, removed: Int = 0) {
    self.given = given
    self.removed = removed
  }

  /// Of what was given, the share that people kept.
  public var precision: Double { given == 0 ? 0 : Double(given - removed) / Double(given) }

  public static func + (a: TagFigures, b: TagFigures) -> TagFigures {
    TagFigures(given: a.given + b.given, removed: a.removed + b.removed)
  }

  static func of(_ issues: [(given: [String], removed: [String])]) -> [String: TagFigures] {
    var figures: [String: TagFigures] = [:]
    for issue in issues {
      for tag in Set(issue.given) { figures[tag, default: TagFigures()].given += 1 }
      for tag in Set(issue.removed).intersection(issue.given) {
        figures[tag, default: TagFigures()].removed += 1
      }
    }
    return figures
  }
}

/// Keeps for a while what was learned of each place, so that a burst of issues learns once.
public actor KnownIssues {
  private struct Entry {
    var knowledge: Task<IssueKnowledge, any Error>
    var until: Date
  }

  private var entries: [String: Entry] = [:]
  private let lifetime: TimeInterval
  private let capacity: Int

  /// - Parameter lifetime: seconds after which a place is looked at again.
  public init(lifetime: TimeInterval = 1_800, capacity: Int = 64) {
    self.lifetime = lifetime
    self.capacity = max(1, capacity)
  }

  /// - Parameter load: reads its earlier issues, and learns from them.
  func of(
    _ place: String, at now: Date, load: @escaping @Sendable () async throws -> IssueKnowledge
  ) async throws -> IssueKnowledge {
    if let known = entries[place], known.until > now, known.until <= now + lifetime {
      return try await known.knowledge.value
    }
    let task = Task { try await load() }
    if entries.count >= capacity, let oldest = entries.min(by: { $0.value.until < $1.value.until })
    {
      entries[oldest.key] = nil
    }
    entries[place] = Entry(knowledge: task, until: now + lifetime)
    do { return try await task.value } catch {
      entries[place] = nil
      throw error
    }
  }
}
