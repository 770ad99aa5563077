import Domain

/// The `.stet.yml` of base commits, each read once in the life of the process.
public actor BasePolicies {
  /// A policy, and what a person should know of it.
  struct Found: Sendable {
    var policy: ReviewPolicy
    var note: String?
  }

  static let file = ".stet.yml"
  private var known: [String: Found] = [:]
  private var order: [String] = []
  private let capacity: Int

  public init(capacity: Int = 256) { self.capacity = max(1, capacity) }

  /// - Returns: `nil` where it has to be read.
  func found(_ repository: RepositoryName, base: String) -> Found? {
    known["\(repository)@\(base)"]
  }

  /// Whether the next question about this commit costs no call.
  func knows(_ repository: RepositoryName, base: String) -> Bool {
    found(repository, base: base) != nil
  }

  func policy(
    of repository: RepositoryName, base: String, from reader: any PullRequestReader
  ) async throws(ForgeError) -> Found {
    if let known = found(repository, base: base) { return known }
    let bytes = try await reader.file(Self.file, in: repository, at: base)
    let found = Self.read(bytes)
    let key = "\(repository)@\(base)"
    if known.updateValue(found, forKey: key) == nil { order.append(key) }
    if order.count > capacity { known[order.removeFirst()] = nil }
    return found
  }

  /// A policy that cannot be read does not stop reviews, and does not pass in silence either: the
  /// whole change is looked at, and the summary says why.
  private static func read(_ bytes: [UInt8]?) -> Found {
    guard let bytes else { return Found(policy: ReviewPolicy()) }
    do {
      let file = try PolicyReader.read(bytes)
      let warning = file.warnings.first.map { "\($0)" }
      return Found(policy: file.review, note: warning)
    } catch {
      let problem = error.problems.first.map { "\($0)" } ?? "\(file) cannot be read"
      return Found(
        policy: ReviewPolicy(), note: "The defaults were used instead of this policy: \(problem)")
    }
  }
}
