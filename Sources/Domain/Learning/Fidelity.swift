/// How near a likeness comes to the person, on later comments that it has not seen.
public struct Fidelity: Sendable, Hashable, Codable {
  /// Where they speak and where not.
  public struct Places: Sendable, Hashable, Codable {
    /// Hunks at which both spoke, the likeness alone, the person alone, and neither.
    public var both: Int
    public var likenessAlone: Int
    public var personAlone: Int
    public var neither: Int

    public init(both: Int = 0, likenessAlone: Int = 0, personAlone: Int = 0, neither: Int = 0) {
      self.both = both
      self.likenessAlone = likenessAlone
      self.personAlone = personAlone
      self.neither = neither
    }

    /// `nil` where the likeness said nothing.
    public var precision: Double? {
      both + likenessAlone == 0 ? nil : Double(both) / Double(both + likenessAlone)
    }
    /// `nil` where the person said nothing.
    public var recall: Double? {
      both + personAlone == 0 ? nil : Double(both) / Double(both + personAlone)
    }

    public mutating func count(person: Bool, likeness: Bool) {
      switch (person, likeness) {
      case (true, true): both += 1
      case (false, true): likenessAlone += 1
      case (true, false): personAlone += 1
      case (false, false): neither += 1
      }
    }
  }

  /// How somebody writes, as shares of their comments.
  public struct Manner: Sendable, Hashable, Codable {
    public var comments: Int
    /// Mean, in words.
    public var length: Double
    public var questions: Double
    /// With code in backticks.
    public var code: Double
    /// With "maybe", "perhaps", "I think" and the like.
    public var hedged: Double
    public var exclamations: Double

    /// - Returns: `nil` without comments.
    public init?(of comments: [String]) {
      guard !comments.isEmpty else { return nil }
      let number = Double(comments.count)
      func share(_ holds: (String) -> Bool) -> Double {
        Double(comments.count(where: holds)) / number
      }
      self.comments = comments.count
      length =
        Double(comments.reduce(0) { $0 + $1.split(whereSeparator: \.isWhitespace).count })
        / number
      questions = share { $0.contains("?") }
      code = share { $0.contains("`") }
      hedged = share { comment in
        let text = comment.lowercased()
        return Self.hedges.contains { text.contains($0) }
      }
      exclamations = share { $0.contains("!") }
    }

    private static let hedges = [
      "maybe", "perhaps", "might", "could", "i think", "i'd", "i would", "not sure", "seems",
      "consider", "probably", "vielleicht", "peut-être", "quizás",
    ]
  }

  /// One held-out hunk with what both say.
  public struct Pair: Sendable, Hashable, Codable {
    public var pullRequest: Int
    public var path: String
    public var line: Int?
    public var hunk: String
    public var theirs: String?
    public var said: String?
    /// Cosine of the two texts where both spoke.
    public var likeness: Double?
    /// 0 to 1: how sure it was that they would speak.
    public var confidence: Double

    public init(
      pullRequest: Int, path: String, line: Int?, hunk: String, theirs: String?, said: String?,
      likeness: Double?, confidence: Double
    ) {
      self.pullRequest = pullRequest
      self.path = path
      self.line = line
      self.hunk = hunk
      self.theirs = theirs
      self.said = said
      self.likeness = likeness
      self.confidence = confidence
    }
  }

  public var reviewer: String
  public var repository: RepositoryName
  /// `nil`: nobody was asked, and only where they speak was measured.
  public var model: String?
  public var adapter: String?
  public var training: Int
  /// Hunks of the held-out part that were put to it, of how many.
  public var measured: Int
  public var heldOut: Int
  /// By the neighbours alone, on all that was held out.
  public var foreseen: Places
  /// With the model's word.
  public var places: Places
  /// Mean cosine of what it says and what they said, where both spoke.
  public var about: Double?
  /// Mean cosine of each held-out hunk and the nearest example that it is answered by.
  public var nearest: Double?
  public var theirManner: Manner?
  public var itsManner: Manner?
  public var pairs: [Pair]

  public init(
    reviewer: String, repository: RepositoryName, model: String?, adapter: String?, training: Int,
    measured: Int = 0, heldOut: Int, foreseen: Places = Places(), places: Places = Places(),
    about: Double? = nil, nearest: Double? = nil, theirManner: Manner? = nil,
    itsManner: Manner? = nil, pairs: [Pair] = []
  ) {
    self.reviewer = reviewer
    self.repository = repository
    self.model = model
    self.adapter = adapter
    self.training = training
    self.measured = measured
    self.heldOut = heldOut
    self.foreseen = foreseen
    self.places = places
    self.about = about
    self.nearest = nearest
    self.theirManner = theirManner
    self.itsManner = itsManner
    self.pairs = pairs
  }
}
