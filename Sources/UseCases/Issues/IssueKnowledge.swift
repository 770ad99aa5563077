import Dispatch
import Domain
public import Foundation
import Synchronization

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
  /// Knows none where there is no model of vectors.
  var meaning: MeaningSearch
  /// Titles by the id of the issue.
  var titles: [String: String]
  /// Tags that people take away more often than they keep them, with the reason.
  var silenced: [String: String]

  static let nothing = IssueKnowledge(History(), classifier: nil)

  /// Times that a tag has to be taken away before it is silent, and the share of them.
  private static let leastRemoved = 5
  private static let worstShare = 0.5

  /// What is read of a place.
  struct History: Sendable {
    /// The oldest first.
    var issues: [KnownIssue] = []
    /// What became of tags, beside what the issues tell.
    var figures: [String: TagFigures] = [:]
    /// By issue, where a model of vectors said what it means.
    var vectors: [String: [Float]] = [:]

    var labelled: [LabelledIssue] {
      issues.compactMap { issue in
        issue.labels.map {
          LabelledIssue(title: issue.title, description: issue.description, labels: $0)
        }
      }
    }
  }

  init(_ history: History, classifier: IssueClassifier?) {
    self.classifier = classifier
    let issues = history.issues
    search = DuplicateSearch(issues.map { ($0.id, $0.title, $0.description) })
    meaning = MeaningSearch(
      issues.compactMap { issue in
        history.vectors[issue.id].map { (issue.id, $0) }
      })
    titles = Dictionary(issues.map { ($0.id, $0.title) }) { $1 }
    silenced = [:]
    let own = TagFigures.of(issues.map { ($0.suggested, $0.removed) })
    for (tag, figures) in own.merging(history.figures, uniquingKeysWith: +) {
      let share = Double(figures.removed) / Double(max(1, figures.given))
      if figures.removed >= Self.leastRemoved, share > Self.worstShare {
        silenced[tag] = "people removed it \(figures.removed) of \(figures.given) times"
      }
    }
  }
}

extension IssueKnowledge.History {
  /// Of all its issues, as far as the model gives them.
  mutating func find(by vectors: IssueVectors?, _ log: VectorLog) async {
    guard let vectors else { return }
    let found = await vectors.vectors(
      of: issues.map { .init(id: $0.id, title: $0.title, description: $0.description) },
      deadline: .seconds(60))
    self.vectors = found.vectors
    log.add(found)
  }
}

/// What the vectors of a history cost, for the one who had them made; others find them there.
final class VectorLog: Sendable {
  private let all = Mutex<[IssueVectors.Found]>([])

  func add(_ found: IssueVectors.Found) {
    all.withLock { $0.append(.init(calls: found.calls, failure: found.failure)) }
  }

  var found: [IssueVectors.Found] { all.withLock { $0 } }
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

/// Keeps for a while what is known of each place, so that a burst of issues reads once, and for
/// longer what was learned of it, which takes seconds.
public actor KnownIssues {
  typealias Load = @Sendable () async throws -> IssueKnowledge.History

  private struct Entry<Value: Sendable> {
    var value: Task<Value, any Error>
    var until: Date
  }

  private var entries: [String: Entry<IssueKnowledge>] = [:]
  private var classifiers: [String: Entry<IssueClassifier?>] = [:]
  /// How each place is read, and when somebody asked about it last.
  private var readings: [String: (load: Load, askedAt: Date)] = [:]
  private let lifetime: TimeInterval
  private let learnedLifetime: TimeInterval
  private let capacity: Int

  /// - Parameters:
  ///   - lifetime: seconds after which the issues of a place are read again.
  ///   - learnedLifetime: seconds after which they are learned from again.
  public init(
    lifetime: TimeInterval = 60, learnedLifetime: TimeInterval = 1_800, capacity: Int = 64
  ) {
    self.lifetime = lifetime
    self.learnedLifetime = learnedLifetime
    self.capacity = max(1, capacity)
  }

  /// - Parameter load: reads its earlier issues.
  func of(
    _ place: String, at now: Date,
    load: @escaping Load
  ) async throws -> IssueKnowledge {
    if readings.count >= capacity, readings[place] == nil,
      let oldest = readings.min(by: { $0.value.askedAt < $1.value.askedAt })
    {
      readings[oldest.key] = nil
    }
    readings[place] = (load, now)
    if let known = entries[place], known.until > now, known.until <= now + lifetime {
      return try await known.value.value
    }
    let task = Task {
      let history = try await load()
      return IssueKnowledge(
        history, classifier: try await self.classifier(of: place, history, at: now))
    }
    makeRoom(in: &entries)
    entries[place] = Entry(value: task, until: now + lifetime)
    do { return try await task.value } catch {
      entries[place] = nil
      throw error
    }
  }

  private func classifier(
    of place: String, _ history: IssueKnowledge.History, at now: Date
  ) async throws -> IssueClassifier? {
    if let known = classifiers[place], known.until > now, known.until <= now + learnedLifetime {
      return try await known.value.value
    }
    let task = Task<IssueClassifier?, any Error> { await Self.learn(history.labelled) }
    makeRoom(in: &classifiers)
    classifiers[place] = Entry(value: task, until: now + learnedLifetime)
    return try await task.value
  }

  /// A place that nobody asked about for so long is forgotten, in seconds.
  private static let remembered: TimeInterval = 86_400

  /// Learns anew of each place whose knowledge has lived half of its time.
  /// - Returns: how many were renewed, and why others were not.
  func refresh(at now: Date) async throws -> (renewed: Int, failed: [(String, String)]) {
    var (renewed, failed) = (0, [(String, String)]())
    for (place, reading) in readings.sorted(by: { $0.key < $1.key }) {
      try Task.checkCancellation()
      if now.timeIntervalSince(reading.askedAt) > Self.remembered {
        readings[place] = nil
        continue
      }
      guard let known = classifiers[place], known.until < now + learnedLifetime / 2 else {
        continue
      }
      do {
        let history = try await reading.load()
        let classifier = await Self.learn(history.labelled)
        // Put in its place only now: until then the old one serves.
        classifiers[place] = Entry(value: Task { classifier }, until: now + learnedLifetime)
        entries[place] = Entry(
          value: Task { IssueKnowledge(history, classifier: classifier) }, until: now + lifetime)
        renewed += 1
      } catch is CancellationError {
        throw CancellationError()
      } catch {
        failed.append((place, (error as? ForgeError)?.detail ?? "\(error)"))
      }
    }
    return (renewed, failed)
  }

  private func makeRoom<Value>(in entries: inout [String: Entry<Value>]) {
    guard entries.count >= capacity,
      let oldest = entries.min(by: { $0.value.until < $1.value.until })
    else { return }
    entries[oldest.key] = nil
  }

  /// On a thread of its own: the pool of tasks is as wide as the machine, and others wait for it.
  private static func learn(_ history: [LabelledIssue]) async -> IssueClassifier? {
    await withCheckedContinuation { continuation in
      DispatchQueue.global(qos: .utility).async {
        continuation.resume(returning: IssueClassifier(learningFrom: history))
      }
    }
  }
}
