import Crypto
import Domain
import Foundation
import Jobs

/// A new job that was found fit to be stored, under keys that fit into an index.
struct AdmittedJob: Sendable {
  var job: NewJob
  var id = ""
  /// Seconds before the batch is added, so that jobs added together run in their order.
  var earlier = 0.0
  private let limits: String?

  /// PostgreSQL takes rows of an index of up to 2,700 bytes.
  private static let longestKey = 512
  private static let longestKind = 200
  private static let mostNeeds = 1_000

  /// - Throws: `.tooLarge` or `.failed`, with a sentence for whoever wrote the job.
  init(_ new: NewJob) throws(StoreError) {
    job = new
    let name = "the job of the kind \(new.kind.prefix(Self.longestKind))"
    let bytes = new.arguments.utf8.count
    guard bytes <= NewJob.largestArguments else {
      throw StoreError(
        code: .tooLarge,
        detail: "\(name) was not added: its arguments have \(bytes) bytes, and at most "
          + "\(NewJob.largestArguments) are taken.")
    }
    func refused(_ why: String) -> StoreError {
      StoreError(code: .failed, detail: "\(name) was not added: \(why)")
    }
    guard !new.kind.isEmpty, new.kind.utf8.count <= Self.longestKind,
      !new.kind.utf8.contains(0)
    else {
      throw refused("its kind has to have 1 to \(Self.longestKind) bytes.")
    }
    guard let parsed = Self.parsed(new.arguments) else {
      throw refused("its arguments are no JSON.")
    }
    guard new.needs.count <= Self.mostNeeds else {
      throw refused("it needs \(new.needs.count) jobs, and at most \(Self.mostNeeds) are taken.")
    }
    for limit in new.limits {
      if limit.rate != nil && !(limit.seconds > 0 && limit.seconds.isFinite) {
        throw refused("its limit \(limit.key) is a rate per \(limit.seconds) seconds.")
      }
      if (limit.rate ?? 1) < 1 || (limit.concurrency ?? 1) < 1 {
        throw refused("its limit \(limit.key) allows none.")
      }
    }
    if job.uniqueKey == nil, new.isUniqueByArguments { job.uniqueKey = Self.hash(parsed) }
    job.uniqueKey = job.uniqueKey.map(Self.key)
    job.supersedeKey = job.supersedeKey.map(Self.key)
    job.limits = new.limits.map { limit in
      var limit = limit
      limit.key = Self.key(limit.key)
      return limit
    }
    job.group = new.group.map(Self.key) ?? job.limits.first?.key
    limits = job.limits.isEmpty ? nil : try StoredJSON.text(job.limits, named: "limits")
    job.needs = Array(Set(new.needs)).sorted()
  }

  /// Stored by one statement, whatever is there.
  var isPlain: Bool {
    job.supersedeKey == nil && job.needs.isEmpty
      && (job.uniquePeriod == nil || job.uniqueKey == nil)
  }

  /// What `AddingStatements.insert` takes. - Parameter blockers: unfinished jobs that it needs.
  func row(blockers: Int = 0) -> [SQLValue] {
    let delay = max(0, job.delay.inSeconds)
    let state: JobState = delay > 0 || blockers > 0 ? .scheduled : .available
    return [
      .text(id), .text(job.kind), .text(job.arguments), .text(state.rawValue),
      .optional(job.uniqueKey), .optional(job.supersedeKey), .number(job.priority),
      .number(max(1, job.maxAttempts)), .real(earlier), .real(delay),
      job.run.map(SQLValue.plain) ?? .null, .number(job.version), .optional(job.group),
      .optional(limits), .number(blockers),
    ]
  }

  /// All or none, each with an id and its place. - Parameter now: by the database, about.
  static func all(_ jobs: [NewJob], at now: Double) throws(StoreError) -> [AdmittedJob] {
    var admitted: [AdmittedJob] = []
    for (index, job) in jobs.enumerated() {
      var one = try AdmittedJob(job)
      one.earlier = Double(jobs.count - 1 - index) / 1_000_000
      one.id = TimeOrderedID.next(Date(timeIntervalSince1970: now - one.earlier))
      admitted.append(one)
    }
    return admitted
  }

  private static func parsed(_ text: String) -> Any? {
    // A raw zero byte is no JSON either, and PostgreSQL keeps none.
    guard !text.utf8.contains(0) else { return nil }
    return try? JSONSerialization.jsonObject(
      with: Data(text.utf8), options: [.fragmentsAllowed])
  }

  /// Same for arguments that are the same but for blanks and the order of members.
  private static func hash(_ arguments: Any) -> String? {
    guard
      let canonical = try? JSONSerialization.data(
        withJSONObject: arguments, options: [.sortedKeys, .fragmentsAllowed])
    else { return nil }
    return "sha256:" + Hexadecimal.of(SHA256.hash(data: canonical))
  }

  private static func key(_ text: String) -> String {
    guard text.utf8.count > longestKey || text.utf8.contains(0) else { return text }
    return "sha256:" + Hexadecimal.of(SHA256.hash(data: Data(text.utf8)))
  }
}
