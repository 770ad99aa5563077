public import Foundation

/// An issue of Stet's own tracker.
public struct TrackedIssue: Sendable, Hashable, Codable, Identifiable {
  public enum Priority: String, Sendable, Hashable, Codable, CaseIterable {
    case low, medium, high, urgent
  }
  public enum Status: String, Sendable, Hashable, Codable { case pending, enriched }
  public enum Source: String, Sendable, Hashable, Codable { case model, fallback }

  /// UUID version 7, lower case.
  public var id: String
  public var title: String
  public var description: String
  public var priority: Priority?
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

  public init(
    id: String, title: String, description: String, priority: Priority?, status: Status = .pending,
    summary: String? = nil, tags: [String] = [], source: Source? = nil, createdAt: Date,
    updatedAt: Date, job: String? = nil, lastError: String? = nil
  ) {
    self.id = id
    self.title = title
    self.description = description
    self.priority = priority
    self.status = status
    self.summary = summary
    self.tags = tags
    self.source = source
    self.createdAt = createdAt
    self.updatedAt = updatedAt
    self.job = job
    self.lastError = lastError
  }
}
