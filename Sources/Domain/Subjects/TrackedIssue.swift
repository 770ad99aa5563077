public import Foundation

/// An issue of Stet's own tracker.
public struct TrackedIssue: Sendable, Hashable, Codable, Identifiable {
  public enum Priority: String, Sendable, Hashable, Codable, CaseIterable {
    case low, medium, high, urgent
  }
  /// Of its enrichment.
  public enum Status: String, Sendable, Hashable, Codable { case pending, enriched }
  /// Who gave the summary and the tags. `classifier`: the tags, learned from what people set before.
  public enum Source: String, Sendable, Hashable, Codable { case model, fallback, classifier }
  public enum State: String, Sendable, Hashable, Codable, CaseIterable { case open, closed }

  /// UUID version 7, lower case.
  public var id: String
  public var title: String
  public var description: String
  public var priority: Priority?
  public var state: State
  public var status: Status
  public var summary: String?
  public var tags: [String]
  public var source: Source?
  public var createdAt: Date
  public var updatedAt: Date
  /// The job that enriches it.
  public var job: String?
  /// The last failure of a model, one sentence.
  public var lastError: String?
  /// What the last enrichment suggested, before people changed it.
  public var suggestedTags: [String]
  /// Suggested tags that a person has taken away: no enrichment gives them again.
  public var removedTags: [String]
  /// True where a person has said which tags are right: later enrichments leave them as they are.
  public var areTagsConfirmed: Bool
  /// Earlier issues that may be the same, the likeliest first.
  public var duplicates: [Duplicate]

  /// An earlier issue that says much the same, with what it was found by.
  public struct Duplicate: Sendable, Hashable, Codable {
    public var id: String
    /// 0 to 1: the cosine of the two texts' TF-IDF vectors; `nil` where words did not find it.
    public var words: Double?
    /// 0 to 1: the cosine of what a model of vectors makes of them; `nil` where it did not find it.
    public var meaning: Double?

    /// The greater of the two.
    public var score: Double { max(words ?? 0, meaning ?? 0) }

    public init(id: String, words: Double? = nil, meaning: Double? = nil) {
      self.id = id
      self.words = words
      self.meaning = meaning
    }

    private enum CodingKeys: String, CodingKey { case id, words, meaning, score }

    /// An older version stored the score of the words alone, under another name.
    public init(from decoder: any Decoder) throws {
      let values = try decoder.container(keyedBy: CodingKeys.self)
      id = try values.decode(String.self, forKey: .id)
      meaning = try values.decodeIfPresent(Double.self, forKey: .meaning)
      words = try values.decodeIfPresent(Double.self, forKey: .words)
      if words == nil, meaning == nil {
        words = try values.decodeIfPresent(Double.self, forKey: .score)
      }
    }

    public func encode(to encoder: any Encoder) throws {
      var values = encoder.container(keyedBy: CodingKeys.self)
      try values.encode(id, forKey: .id)
      try values.encodeIfPresent(words, forKey: .words)
      try values.encodeIfPresent(meaning, forKey: .meaning)
    }
  }

  public init(
    id: String, title: String, description: String, priority: Priority?, state: State = .open,
    status: Status = .pending, summary: String? = nil, tags: [String] = [], source: Source? = nil,
    createdAt: Date, updatedAt: Date, job: String? = nil, lastError: String? = nil,
    suggestedTags: [String] = [], removedTags: [String] = [], areTagsConfirmed: Bool = false,
    duplicates: [Duplicate] = []
  ) {
    self.id = id
    self.title = title
    self.description = description
    self.priority = priority
    self.state = state
    self.status = status
    self.summary = summary
    self.tags = tags
    self.source = source
    self.createdAt = createdAt
    self.updatedAt = updatedAt
    self.job = job
    self.lastError = lastError
    self.suggestedTags = suggestedTags
    self.removedTags = removedTags
    self.areTagsConfirmed = areTagsConfirmed
    self.duplicates = duplicates
  }

  /// Issues that an older version stored lack what was added since.
  public init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: CodingKeys.self)
    id = try values.decode(String.self, forKey: .id)
    title = try values.decode(String.self, forKey: .title)
    description = try values.decode(String.self, forKey: .description)
    priority = try values.decodeIfPresent(Priority.self, forKey: .priority)
    state = try values.decodeIfPresent(State.self, forKey: .state) ?? .open
    status = try values.decode(Status.self, forKey: .status)
    summary = try values.decodeIfPresent(String.self, forKey: .summary)
    tags = try values.decode([String].self, forKey: .tags)
    source = try values.decodeIfPresent(Source.self, forKey: .source)
    createdAt = try values.decode(Date.self, forKey: .createdAt)
    updatedAt = try values.decode(Date.self, forKey: .updatedAt)
    job = try values.decodeIfPresent(String.self, forKey: .job)
    lastError = try values.decodeIfPresent(String.self, forKey: .lastError)
    suggestedTags = try values.decodeIfPresent([String].self, forKey: .suggestedTags) ?? []
    removedTags = try values.decodeIfPresent([String].self, forKey: .removedTags) ?? []
    areTagsConfirmed = try values.decodeIfPresent(Bool.self, forKey: .areTagsConfirmed) ?? false
    duplicates = try values.decodeIfPresent([Duplicate].self, forKey: .duplicates) ?? []
  }

  /// A person says which tags are right: what was suggested and is not among them counts against
  /// the suggestion. A tag of `removedTags` that is back is forgiven.
  public mutating func confirm(tags confirmed: [String]) {
    let gone = suggestedTags.filter { !confirmed.contains($0) }
    removedTags = (removedTags + gone.filter { !removedTags.contains($0) })
      .filter { !confirmed.contains($0) }
    tags = confirmed
    areTagsConfirmed = true
  }
}

/// Which issues of the tracker are meant.
public struct IssueFilter: Sendable, Hashable {
  /// Only issues that have every one of them; case does not matter.
  public var tags: [String]
  public var state: TrackedIssue.State?
  public var status: TrackedIssue.Status?
  public var priority: TrackedIssue.Priority?
  /// Newest first; only issues with a smaller id.
  public var before: String?
  public var limit: Int

  public init(
    tags: [String] = [], state: TrackedIssue.State? = nil, status: TrackedIssue.Status? = nil,
    priority: TrackedIssue.Priority? = nil, before: String? = nil, limit: Int = 50
  ) {
    self.tags = tags
    self.state = state
    self.status = status
    self.priority = priority
    self.before = before
    self.limit = limit
  }

  /// Whether it is one of those, wherever it stands in their order.
  public func takes(_ issue: TrackedIssue) -> Bool {
    if let state, issue.state != state { return false }
    if let status, issue.status != status { return false }
    if let priority, issue.priority != priority { return false }
    let own = Set(issue.tags.map { $0.lowercased() })
    return tags.allSatisfy { own.contains($0.lowercased()) }
  }
}
