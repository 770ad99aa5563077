import Domain
import Foundation
import Jobs
import Synchronization
import UseCases

@testable import Server

/// A browser without a screen: it keeps cookies, follows its own redirects and fills in forms.
struct DashboardVisitor {
  let server: ServerUnderTest
  var cookies: [String: String] = [:]
  /// Whatever the next requests bear.
  var headers: [String: String] = [:]
  private(set) var last: RawResponse?

  init(_ server: ServerUnderTest) { self.server = server }

  private var origin: String { "http://127.0.0.1:\(server.port)" }

  @discardableResult
  mutating func get(_ path: String, follows: Bool = false) async throws -> RawResponse {
    var response = try await send("GET", path, nil, headers)
    while follows, response.status == 303, let place = response.headers["location"] {
      response = try await send("GET", place, nil, headers)
    }
    return response
  }

  /// Sends a form as the page before would have.
  @discardableResult
  mutating func post(
    _ path: String, _ fields: [String: String] = [:], csrf: String? = nil
  ) async throws -> RawResponse {
    var fields = fields
    fields["csrf"] = csrf ?? self.csrf
    var all = headers
    all["Content-Type"] = "application/x-www-form-urlencoded"
    if all["Origin"] == nil { all["Origin"] = origin }
    let body = fields.map { "\($0.key)=\(DashboardDoor.encoded($0.value))" }.sorted()
      .joined(separator: "&")
    return try await send("POST", path, body, all)
  }

  mutating func signIn(_ token: String, next: String = "/") async throws -> RawResponse {
    try await get("\(DashboardDoor.signIn)?next=\(DashboardDoor.encoded(next))")
    return try await post(DashboardDoor.signIn, ["token": token, "next": next])
  }

  /// Of the page that was read last.
  var csrf: String {
    last?.text.firstMatch(of: /name="csrf" value="([^"]*)"/).map { String($0.1) } ?? ""
  }

  private mutating func send(
    _ method: String, _ path: String, _ body: String?, _ headers: [String: String]
  ) async throws -> RawResponse {
    var headers = headers
    if !cookies.isEmpty {
      headers["Cookie"] = cookies.map { "\($0.key)=\($0.value)" }.sorted().joined(separator: "; ")
    }
    let response = try await server.call(method, path, headers: headers, body: body)
    for line in response.setCookies {
      let pair = line.prefix { $0 != ";" }.split(separator: "=", maxSplits: 1)
      let value = pair.count == 2 ? String(pair[1]) : ""
      cookies[String(pair[0])] = line.contains("Max-Age=0") ? nil : value
    }
    if response.status != 303 { last = response }
    return response
  }
}

/// What a busy, and partly hostile, installation has stored.
enum DashboardScene {
  static let script = "<script>alert(1)</script>"
  static let quoted = "\"\u{0301} onmouseover=\"alert(2)"
  static let hidden = "safe\u{202E}txt.exe\u{0007}\u{1B}[31m"
  static let link = "javascript:alert(3)"
  static let long = String(repeating: "long-", count: 400)
  static let repository = RepositoryName(owner: "octo-org", name: "shop")

  /// A run of a review with findings, claims that were dropped and all kinds of text.
  static func run(
    _ id: String, outcome: Run.Outcome = .completed, at date: Date = Date()
  ) -> Run {
    let finding = Finding(
      id: "f1", path: "a\(script).py", side: .new, startLine: 3, line: 4, severity: .error,
      category: "bug", message: "\(script) \(hidden) see \(link)", quote: "x = '\(script)'",
      suggestion: "y = \"\(quoted)\"", confidence: 0.9, source: .model("m\(script)"),
      verified: [.anchor, .quote])
    let dropped = DroppedClaim(
      reason: .quoteMismatch, path: "b.py", line: 9, message: "dropped \(script)",
      source: .model("small"))
    let review = Review(
      verdict: .requestChanges, summary: "Summary \(script) \(long)", findings: [finding],
      dropped: [dropped],
      coverage: Coverage(
        files: 2, hunks: 3, hunksReviewed: 2,
        skipped: [SkippedPart(path: "yarn.lock", hunk: nil, reason: .lockFile)]),
      usage: ModelUsage(modelCalls: 1, inputTokens: 1200, outputTokens: 80, costUSD: USD(0.0123)),
      run: id)
    return Run(
      id: id, kind: .review, startedAt: date, seconds: 12.5, outcome: outcome,
      askedBy: "github:\(script)", subject: "\(repository)#7", inputs: ["diff": "ab12"],
      modelCalls: [
        .init(
          model: "small", inputTokens: 1200, outputTokens: 80, costUSD: USD(0.0123), seconds: 3,
          cacheHit: false)
      ], claims: 2, masked: ["token": 1], review: outcome == .completed ? review : nil,
      failure: outcome == .failed ? "The model said \(script)." : nil,
      actions: [.init(name: "review.posted", place: "forge:\(repository)#7")])
  }

  /// Labels of an issue that wait for a word. - Returns: the job that waits.
  @discardableResult
  static func propose(
    _ ports: ServerPorts, issue: Int = 7, labels: [String] = ["bug", script]
  ) async throws -> String {
    let reference = PullRequestReference(repository, issue)
    let run = TimeOrderedID.next(Date())
    var publication = Publication(forge: "forge", reference: reference)
    publication.enrichment = Publication.Enrichment(comment: 5, proposed: labels, run: run)
    _ = try await ports.dashboard.publications?.save(publication)
    try await ports.runs.save(
      Run(
        id: run, kind: .enrich, startedAt: Date(), seconds: 1, outcome: .completed,
        askedBy: "forge:ada", subject: "forge:\(reference)", inputs: [:], modelCalls: [],
        claims: 0, masked: [:], review: nil, failure: nil,
        result: .object([
          "ai_summary": .string("It breaks \(script) \(hidden)"), "source": .string("model"),
          "duplicates": .array([.object(["id": .string("3"), "score": .number(0.91)])]),
        ])))
    let work = Work.ConfirmIssueLabels(
      access: ForgeAccess(forge: "forge", repository: repository), reference: reference, run: run)
    let key = "confirm forge:\(reference)".lowercased()
    return try await ports.jobs.enqueue([
      NewJob(
        kind: Work.ConfirmIssueLabels.kind, arguments: try work.json(),
        uniqueKey: "\(key) \(run)", supersedeKey: key, delay: .seconds(60))
    ])[0].id
  }

  /// A job that was given up, with a hostile message.
  @discardableResult
  static func giveUp(
    _ ports: ServerPorts, message: String = "It failed: \(script) \(hidden)"
  ) async throws -> String {
    let id = try await ports.jobs.enqueue([
      NewJob(kind: "given-up\(UInt32.random(in: 0...99_999))", arguments: "{}", maxAttempts: 1)
    ])[0].id
    let kind = try await ports.jobs.job(id: id)?.kind ?? ""
    for claimed in try await ports.jobs.claim(
      kinds: [kind], limit: 1, worker: "w", lease: .seconds(30))
    {
      _ = try await ports.jobs.finish(claimed.lease, .discarded(message: message))
    }
    return id
  }
}

extension RawResponse {
  /// A page on which no text of others has become markup.
  var isHarmless: Bool {
    let lower = text.lowercased()
    return !lower.contains("<script") && !lower.contains("href=\"javascript")
      && !lower.contains(" onmouseover=\"alert") && !text.contains("\u{202E}")
      && !text.contains("\u{1B}") && !text.contains("\u{0007}")
  }
}

/// A clock that a test sets forward.
final class DateClock: Sendable {
  private let time = Mutex(Date())
  var now: Date { time.withLock { $0 } }
  func advance(_ seconds: TimeInterval) { time.withLock { $0 += seconds } }
}
