import Domain
import Foundation
import Synchronization
import TestKit
import WebClient

@testable import Forges

/// Time that passes only when a test says so, and does not wait when it is asked to.
final class BenchTime: Sendable {
  private struct State {
    var skew: Double
    var passed: Duration = .zero
    var sleeps: [Duration] = []
  }

  private let state: Mutex<State>

  /// - Parameter skew: seconds by which this machine's clock is ahead of the world's.
  init(skew: Double = 0) { state = Mutex(State(skew: skew)) }

  var sleeps: [Duration] { state.withLock { $0.sleeps } }
  func pass(_ time: Duration) { state.withLock { $0.passed += time } }

  var web: WebTime {
    let start = ContinuousClock.now
    return WebTime(
      now: { [self] in Date().timeIntervalSince1970 + state.withLock { $0.skew } },
      uptime: { [self] in start.duration(to: .now) + state.withLock { $0.passed } },
      sleep: { [self] time in state.withLock { $0.sleeps.append(time) } }, random: { 0.5 })
  }
}

/// Answers with their validators in memory.
actor BenchValidators: ValidatorStore {
  private(set) var answers: [String: ValidatedAnswer] = [:]
  func answer(for key: String) -> ValidatedAnswer? { answers[key] }
  func store(_ answer: ValidatedAnswer, for key: String) { answers[key] = answer }
}

/// A GitHub for one test: a server on a socket whose answers are a closure's.
enum ForgeBench {
  static let repository = RepositoryName(owner: "octo", name: "hello")
  static let reference = PullRequestReference(repository, 7)
  /// Looks like nothing that a scanner knows.
  static let token = "bench-" + "credential-0123456789"

  static func configuration(
    _ url: String, credentials: GitHubCredentials = .token(token), time: BenchTime = BenchTime(),
    validators: (any ValidatorStore)? = nil
  ) -> GitHubConfiguration {
    let client = WebClient(
      configuration: WebClientConfiguration(userAgent: "stet/test", time: time.web))
    return GitHubConfiguration(
      apiURL: url, credentials: credentials, client: client, validators: validators,
      time: time.web)
  }

  static func forge(
    _ url: String, credentials: GitHubCredentials = .token(token), time: BenchTime = BenchTime(),
    validators: (any ValidatorStore)? = nil, installation: Int64? = nil
  ) throws -> GitHubForge {
    try GitHubConnection(
      configuration(url, credentials: credentials, time: time, validators: validators)
    ).forge(for: repository, installation: installation)
  }

  /// The date of an answer as a header has it.
  static func httpDate(_ seconds: Double) -> String {
    let formatter = DateFormatter()
    formatter.locale = Locale(identifier: "en_US_POSIX")
    formatter.timeZone = TimeZone(identifier: "GMT")
    formatter.dateFormat = "EEE, dd MMM yyyy HH:mm:ss 'GMT'"
    return formatter.string(from: Date(timeIntervalSince1970: seconds))
  }

  static func json(_ object: Any) throws -> String {
    String(decoding: try JSONSerialization.data(withJSONObject: object), as: UTF8.self)
  }

  static let pullRequest = """
    {"number": 7, "title": "T", "body": null, "state": "open", "draft": true, "user": null,
     "head": {"ref": "topic", "sha": "1111111111111111111111111111111111111111", "repo": null},
     "base": {"ref": "main", "sha": "2222222222222222222222222222222222222222",
              "repo": {"name": "hello", "owner": {"login": "octo", "id": 1, "type": "User"}}},
     "labels": [{"name": "bug"}], "comments": 2, "review_comments": 3, "changed_files": 4,
     "html_url": "https://github.com/octo/hello/pull/7", "updated_at": "2026-01-02T03:04:05Z",
     "unknown": {"a": 1}}
    """

  static func comment(_ id: Int, body: String = "b") -> String {
    """
    {"id": \(id), "user": {"login": "x", "id": 5, "type": "Bot"}, "body": "\(body)",
     "created_at": "2026-01-02T03:04:05Z"}
    """
  }
}

/// What lies in the folder of shared data, which is not part of this project: STET_SHARED_DATA
/// names it, or it is looked for beside the package.
enum SharedData {
  static let folder: URL = {
    if let path = ProcessInfo.processInfo.environment["STET_SHARED_DATA"] {
      return URL(fileURLWithPath: path)
    }
    return URL(fileURLWithPath: #filePath)
      .appendingPathComponent("../../../../../shared/data").standardizedFileURL
  }()

  static var isThere: Bool {
    FileManager.default.fileExists(atPath: folder.appendingPathComponent("github").path)
  }

  static let absence: String = "no shared data: set STET_SHARED_DATA to run these tests"

  static func data(_ path: String) throws -> Data {
    try Data(contentsOf: folder.appendingPathComponent(path))
  }
}
