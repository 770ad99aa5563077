import Foundation

/// An issue whose labels people have set.
public struct LabelledIssue: Sendable, Hashable {
  public var title: String
  public var description: String
  public var labels: Set<String>

  public init(title: String, description: String, labels: Set<String>) {
    self.title = title
    self.description = description
    self.labels = labels
  }
}

/// Gives issues the labels that people of the same repository would: for each label TF-IDF and a
/// logistic regression, whose scores are made probabilities by what they were worth on issues that
/// they were not trained on. It says nothing where it is not sure.
///
/// The same examples in the same order give the same classifier.
public struct IssueClassifier: Sendable {
  public struct Settings: Sendable, Hashable {
    /// Issues that have to be there.
    public var leastIssues = 60
    /// Issues that a label has to stand on, and to be missing from.
    public var leastOfLabel = 15
    /// Labels that are learned at most, those that stand on most issues.
    public var mostLabels = 20
    /// What a label has to be right in, of the times it is given.
    public var precision = 0.7
    /// Parts of the examples, each judged by what was learned of the others.
    public var folds = 4
    /// At most so many issues are learned from, the last of them.
    public var mostIssues = 1_000

    public init() {}
  }

  /// A label with the probability that a person would set it.
  public struct Guess: Sendable, Hashable {
    public var label: String
    public var probability: Double

    public init(label: String, probability: Double) {
      self.label = label
      self.probability = probability
    }
  }

  /// What one label is known by.
  public struct Learned: Sendable {
    public var label: String
    /// Examples that have it.
    public var examples: Int
    /// From this probability on it is given; `nil`: it never was right often enough to be given.
    public var threshold: Double?
    /// On issues that it was not trained on.
    public var precision: Double
    public var recall: Double
    var line: LogisticRegression
    var calibration: Calibration
  }

  private let weights: PartedWeights
  public let learned: [Learned]
  /// Issues that it was trained on.
  public let examples: Int

  /// - Parameter history: the oldest first.
  /// - Returns: `nil` where it is too little to learn from.
  public init?(learningFrom history: [LabelledIssue], _ settings: Settings = Settings()) {
    let history = Array(history.suffix(settings.mostIssues))
    guard history.count >= settings.leastIssues else { return nil }
    var counts: [String: Int] = [:]
    for issue in history { for label in issue.labels { counts[label, default: 0] += 1 } }
    let labels = counts.filter {
      $0.value >= settings.leastOfLabel && history.count - $0.value >= settings.leastOfLabel
    }.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.prefix(settings.mostLabels).map(\.key)
    guard !labels.isEmpty else { return nil }
    let texts = history.map { IssueWords.features(title: $0.title, description: $0.description) }
    let outside = Self.scoresOutside(texts, history, labels, settings)
    weights = Self.weights(of: texts)
    let vectors = texts.map(weights.vector)
    var learned: [Learned] = []
    for (index, label) in labels.enumerated() {
      let answers = history.map { $0.labels.contains(label) }
      let found = outside[index]
      let calibration = Calibration(found.scores, answers)
      let cut = Self.threshold(
        found.scores.map(calibration.probability), answers, settings.precision)
      learned.append(
        Learned(
          label: label, examples: counts[label] ?? 0, threshold: cut.threshold,
          precision: cut.precision, recall: cut.recall,
          line: NaiveBayesLines(vectors, answers, dimension: weights.count).joined(found.scales),
          calibration: calibration))
    }
    self.learned = learned
    examples = history.count
  }

  /// Every label that was learned, the likeliest first.
  public func guesses(title: String, description: String) -> [Guess] {
    let vector = weights.vector(
      of: IssueWords.features(title: title, description: description))
    return learned.map { learned in
      Guess(
        label: learned.label,
        probability: learned.calibration.probability(learned.line.score(vector)))
    }.sorted { ($1.probability, $0.label) < ($0.probability, $1.label) }
  }

  /// Those that it is sure enough of, the likeliest first; none where it is sure of none.
  public func labels(title: String, description: String, most: Int = 5) -> [Guess] {
    let thresholds = Dictionary(uniqueKeysWithValues: learned.map { ($0.label, $0.threshold) })
    return Array(
      guesses(title: title, description: description).filter { guess in
        (thresholds[guess.label] ?? nil).map { guess.probability >= $0 } ?? false
      }.prefix(most))
  }

  // MARK: Learning

  private static func weights(of texts: [[[UInt64: Int]]]) -> PartedWeights {
    PartedWeights(of: texts, shares: IssueWords.shares, least: 3)
  }

  /// The score of each issue by a line that was drawn without it, for each label. Every fold has
  /// issues of every age.
  private static func scoresOutside(
    _ texts: [[[UInt64: Int]]], _ history: [LabelledIssue], _ labels: [String],
    _ settings: Settings
  ) -> [Outside] {
    var plain = labels.map { _ in [Double](repeating: 0, count: texts.count) }
    var weighed = plain
    for fold in 0..<settings.folds {
      let inside = texts.indices.filter { $0 % settings.folds != fold }
      let weights = Self.weights(of: inside.map { texts[$0] })
      let vectors = inside.map { weights.vector(of: texts[$0]) }
      let others = texts.indices.filter { $0 % settings.folds == fold }
      let judged = others.map { weights.vector(of: texts[$0]) }
      for (index, label) in labels.enumerated() {
        let lines = NaiveBayesLines(
          vectors, inside.map { history[$0].labels.contains(label) }, dimension: weights.count)
        for (place, vector) in zip(others, judged) {
          (plain[index][place], weighed[index][place]) = lines.scores(vector)
        }
      }
    }
    return zip(plain, weighed).map { plain, weighed in
      let scales = (
        plain: NaiveBayesLines.scale(plain), weighed: NaiveBayesLines.scale(weighed)
      )
      return Outside(
        scores: zip(plain, weighed).map { $0 / scales.plain + $1 / scales.weighed },
        scales: scales)
    }
  }

  /// Scores of issues by lines that were drawn without them, and what makes both lines one scale.
  private struct Outside {
    var scores: [Double]
    var scales: (plain: Double, weighed: Double)
  }

  /// Below it a label is not given, however right it was: luck among few is worth little.
  private static let leastSure = 0.6

  /// The probability from which on the label is right often enough, and found most often.
  private static func threshold(
    _ probabilities: [Double], _ answers: [Bool], _ precision: Double
  ) -> (threshold: Double?, precision: Double, recall: Double) {
    let order = probabilities.indices.sorted {
      (probabilities[$1], $0) < (probabilities[$0], $1)
    }
    let all = max(1, answers.count { $0 })
    var best: (threshold: Double?, precision: Double, recall: Double) = (nil, 0, 0)
    var right = 0
    for (given, index) in order.enumerated() {
      if answers[index] { right += 1 }
      // Texts of one probability are on one side of it.
      if given + 1 < order.count, probabilities[order[given + 1]] == probabilities[index] {
        continue
      }
      let share = Double(right) / Double(given + 1)
      let found = Double(right) / Double(all)
      // A few lucky hits prove nothing.
      if share >= precision, right >= 5, found > best.recall {
        // Halfway to the next one, which is not to have it: between them nothing is known.
        let next = given + 1 < order.count ? probabilities[order[given + 1]] : 0
        best = (max(leastSure, (probabilities[index] + next) / 2), share, found)
      }
    }
    return best
  }
}

/// Makes scores probabilities: a sigmoid through what they were worth.
///
/// Source: Platt, "Probabilistic Outputs for Support Vector Machines" (1999), with the targets that
/// keep it from being sure of too much, found by Newton's method as Lin, Lin and Weng (2007) do.
struct Calibration: Sendable {
  private(set) var slope = 1.0
  private(set) var shift = 0.0

  func probability(_ score: Double) -> Double { 1 / (1 + exp(-(slope * score + shift))) }

  init(_ scores: [Double], _ answers: [Bool]) {
    let yes = Double(answers.count { $0 })
    let no = Double(answers.count) - yes
    let targets = answers.map { $0 ? (yes + 1) / (yes + 2) : 1 / (no + 2) }
    var value = loss(scores, targets)
    for _ in 0..<100 {
      var (a, b, aa, ab, bb) = (0.0, 0.0, 1e-9, 0.0, 1e-9)
      for (score, target) in zip(scores, targets) {
        let probability = probability(score)
        let miss = probability - target
        let curve = probability * (1 - probability)
        a += miss * score
        b += miss
        aa += curve * score * score
        ab += curve * score
        bb += curve
      }
      if abs(a) < 1e-6, abs(b) < 1e-6 { return }
      let determinant = aa * bb - ab * ab
      guard determinant > 0 else { return }
      let (moveA, moveB) = ((bb * a - ab * b) / determinant, (aa * b - ab * a) / determinant)
      let (oldSlope, oldShift) = (slope, shift)
      var step = 1.0
      while step > 1e-8 {
        (slope, shift) = (oldSlope - step * moveA, oldShift - step * moveB)
        let next = loss(scores, targets)
        if next < value {
          value = next
          break
        }
        step /= 2
      }
      guard step > 1e-8 else {
        (slope, shift) = (oldSlope, oldShift)
        return
      }
    }
  }

  private func loss(_ scores: [Double], _ targets: [Double]) -> Double {
    var sum = 0.0
    for (score, target) in zip(scores, targets) {
      let linear = slope * score + shift
      sum += max(linear, 0) - target * linear + log1p(exp(-abs(linear)))
    }
    return sum
  }
}
