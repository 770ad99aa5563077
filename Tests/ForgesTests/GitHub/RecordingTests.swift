import Domain
import Foundation
import Testing
import WebClient

@testable import Forges

/// Exchanges with the real GitHub, as PyGithub recorded them over the years.
@Suite(
  "Recorded exchanges", .enabled(if: SharedData.isThere, Comment(rawValue: SharedData.absence)))
struct RecordingTests {
  private struct Exchange {
    var method: String
    var path: String
    var status: Int
    var body: Data
  }

  /// Every endpoint that Stet calls, or whose answer has the shape of one.
  private struct Rule: Sendable {
    var name: String
    var method: String
    var path: String
    var decode: @Sendable (Data) throws -> Void

    init<Payload: Decodable & Sendable>(
      _ method: String, _ path: String, _ type: Payload.Type,
      _ check: @escaping @Sendable (Payload) throws -> Void = { _ in }
    ) {
      name = "\(method) \(path)"
      self.method = method
      self.path = path
      decode = { data in try check(try GitHubAPI.decoder.decode(Payload.self, from: data)) }
    }
  }

  private static let reference = PullRequestReference(ForgeBench.repository, 1)
  private static let repository = #"(/repos/[^/]+/[^/]+|/repositories/\d+)"#

  private static let rules: [Rule] = [
    Rule("GET", repository + #"/pulls/\d+"#, GitHubAPI.PullRequestPayload.self) {
      let pull = PullRequest($0, reference)
      #expect(pull.head.count == 40 && pull.base.count == 40 && !pull.title.isEmpty)
    },
    Rule("PATCH", repository + #"/pulls/\d+"#, GitHubAPI.PullRequestPayload.self),
    Rule("POST", repository + "/pulls", GitHubAPI.PullRequestPayload.self),
    Rule("GET", repository + "/pulls", [GitHubAPI.PullRequestPayload].self),
    Rule(
      "GET", repository + #"/pulls/(\d+/)?comments"#, [GitHubAPI.ReviewCommentPayload].self
    ) {
      #expect($0.map { ForgeComment($0) }.allSatisfy { $0.place?.path.isEmpty == false })
    },
    Rule("POST", repository + #"/pulls/\d+/comments"#, GitHubAPI.ReviewCommentPayload.self),
    Rule(
      "POST", repository + #"/pulls/\d+/comments/\d+/replies"#,
      GitHubAPI.ReviewCommentPayload.self
    ) { #expect(ForgeComment($0).place?.inReplyTo != nil) },
    Rule("GET", repository + #"/pulls/\d+/reviews"#, [GitHubAPI.ReviewPayload].self),
    Rule("POST", repository + #"/pulls/\d+/reviews"#, GitHubAPI.ReviewPayload.self) {
      #expect(PostedReview($0).id > 0)
    },
    Rule("GET", repository + #"/pulls/\d+/reviews/\d+"#, GitHubAPI.ReviewPayload.self),
    Rule(
      "GET", repository + #"/issues/(\d+/)?comments"#, [GitHubAPI.IssueCommentPayload].self
    ) { #expect($0.map { ForgeComment($0) }.allSatisfy { $0.id > 0 }) },
    Rule("POST", repository + #"/issues/\d+/comments"#, GitHubAPI.IssueCommentPayload.self),
    Rule("PATCH", repository + #"/issues/comments/\d+"#, GitHubAPI.IssueCommentPayload.self),
    Rule("GET", repository + #"/issues/comments/\d+"#, GitHubAPI.IssueCommentPayload.self),
    Rule("POST", repository + #"/issues/\d+/labels"#, [GitHubAPI.LabelPayload].self),
    Rule("GET", repository + #"/issues/\d+/labels"#, [GitHubAPI.LabelPayload].self),
    Rule("DELETE", repository + #"/issues/\d+/labels/[^/]+"#, [GitHubAPI.LabelPayload].self),
    Rule(
      "POST", repository + #"/(issues|pulls)/comments/\d+/reactions"#,
      GitHubAPI.ReactionPayload.self),
    Rule("POST", repository + "/check-runs", GitHubAPI.CheckRunPayload.self),
    Rule("PATCH", repository + #"/check-runs/\d+"#, GitHubAPI.CheckRunPayload.self),
    Rule("POST", repository + "/statuses/[0-9a-f]+", GitHubAPI.StatusPayload.self),
    Rule("GET", repository + "/compare/.+", GitHubAPI.ComparisonPayload.self) {
      checkFiles($0.files ?? [])
    },
    // The files of a commit have the shape of those of a pull request, of which none is recorded.
    Rule("GET", repository + "/commits/[0-9a-f]{40}", GitHubAPI.ComparisonPayload.self) {
      checkFiles($0.files ?? [])
    },
    Rule("GET", repository + "/contents/[^?]+", GitHubAPI.ContentPayload.self),
    Rule("GET", repository + "/contents/", [GitHubAPI.ContentPayload].self),
    Rule("GET", repository + "/git/blobs/[0-9a-f]+", GitHubAPI.BlobPayload.self),
    Rule(
      "POST", #"/app/installations/\d+/access_tokens"#, GitHubAPI.InstallationTokenPayload.self
    ) { #expect(!$0.token.isEmpty) },
    Rule("GET", repository + "/installation", GitHubAPI.InstallationPayload.self),
    Rule("GET", "/app", GitHubAPI.AppPayload.self) { #expect($0.slug?.isEmpty == false) },
    Rule("GET", "/user", GitHubAPI.AccountPayload.self) { #expect(ForgeAccount($0).id > 0) },
  ]

  /// What GitHub lists of a change can be put together again, or is named as left out.
  private static func checkFiles(_ files: [GitHubAPI.ChangedFilePayload]) {
    let rebuilt = RebuiltDiff.diff(of: files)
    let parsed = try? Diff(parsing: rebuilt.bytes)
    let shown = parsed?.files.map(\.path.description) ?? []
    #expect(Set(shown + rebuilt.leftOut) == Set(files.map(\.filename)))
  }

  private static func exchanges() throws -> [Exchange] {
    let text = try SharedData.data("github/recordings/rest-recordings.jsonl")
    return try text.split(separator: UInt8(ascii: "\n")).compactMap { line in
      guard let object = try JSONSerialization.jsonObject(with: Data(line)) as? [String: Any],
        let request = object["request"] as? [String: Any],
        let response = object["response"] as? [String: Any],
        let method = request["method"] as? String, let path = request["path"] as? String,
        let status = response["status"] as? Int
      else { return nil }
      let body = try JSONSerialization.data(
        withJSONObject: response["body"] ?? NSNull(), options: .fragmentsAllowed)
      return Exchange(
        method: method, path: path.split(separator: "?").first.map(String.init) ?? path,
        status: status, body: body)
    }
  }

  @Test("of every endpoint that Stet calls decode to its payload")
  func decode() throws {
    let exchanges = try Self.exchanges()
    #expect(exchanges.count == 459)
    var total = 0
    for rule in Self.rules {
      let pattern = try Regex(rule.path)
      let matching = exchanges.filter {
        $0.method == rule.method && (200..<300).contains($0.status)
          && $0.path.wholeMatch(of: pattern) != nil
      }
      #expect(!matching.isEmpty, "nothing recorded for \(rule.name)")
      for exchange in matching {
        #expect(throws: Never.self, "\(exchange.method) \(exchange.path)") {
          try rule.decode(exchange.body)
        }
      }
      total += matching.count
      print("\(matching.count)\t\(rule.name)")
    }
    print("\(total)\trecorded exchanges decoded")
    #expect(total >= 75)
  }

  private struct RefusedPayload: Decodable {
    var source: String
    var status: Int
    var text: String
    var words: String?
    var headers: [String: String]

    private enum Key: String, CodingKey { case source, status, body, headers }
    private struct Body: Decodable { var message: String? }

    init(from decoder: any Decoder) throws {
      let container = try decoder.container(keyedBy: Key.self)
      source = try container.decode(String.self, forKey: .source)
      status = try container.decode(Int.self, forKey: .status)
      headers = try container.decodeIfPresent([String: String].self, forKey: .headers) ?? [:]
      text = (try? container.decode(String.self, forKey: .body)) ?? ""
      words = (try? container.decode(Body.self, forKey: .body))?.message
    }
  }

  @Test("of refusals become errors that a use case can act on")
  func refusals() throws {
    let data = try SharedData.data("github/error-responses.json")
    let refusals = try JSONDecoder().decode([RefusedPayload].self, from: data)
    let objects = try #require(try JSONSerialization.jsonObject(with: data) as? [[String: Any]])
    #expect(refusals.count == 19)
    let codes: [Int: ForgeError.Code] = [
      400: .rejected, 401: .unauthorized, 403: .unauthorized, 404: .notFound, 406: .rejected,
      409: .conflict, 422: .rejected, 503: .unreachable,
    ]
    for (refusal, object) in zip(refusals, objects) {
      let body = try JSONSerialization.data(
        withJSONObject: object["body"] ?? NSNull(), options: .fragmentsAllowed)
      let isHTML = refusal.words == nil
      let error = Refusal(
        call: .get(.pullRequest, APIPath(ForgeBench.repository, "pulls", "1")),
        status: refusal.status, headers: [:],
        body: isHTML ? Array(refusal.text.utf8) : [UInt8](body), serverTime: 0
      ).error(hiding: "")
      #expect(error.code == codes[refusal.status], Comment(rawValue: refusal.source))
      #expect(error.status == refusal.status)
      let start = "GitHub answered GET /repos/octo/hello/pulls/1 with \(refusal.status)"
      #expect(error.detail.hasPrefix(start))
      let firstWords = refusal.words?.prefix { $0 != "\n" } ?? "a page in HTML"
      #expect(error.detail.contains(firstWords), Comment(rawValue: error.detail))
      #expect(!error.detail.contains("\n"))
    }
    print("\(refusals.count)\trecorded refusals mapped")
  }
}
