import Domain
import Foundation
import LanguageModels
import Logging
import Storage
import TestKit
import Testing
import WebClient

@testable import UseCases

/// How near likenesses come for reviewers of the shared reviews, with a model that runs here: by
/// examples, and beside them the bare model. It prints what `docs/likeness.md` tells.
@Suite struct FidelityReportTests {
  private struct Row: Decodable {
    var id: String
    var inReplyTo: String?
    var author: String
    var role: String
    var createdAt: Double
    var reviewCommit: String
    var commit: String?
    var path: String?
    var line: Int?
    var diffHunk: String?
    var body: String
  }

  private static var rows: [Row]? {
    guard let root = ProcessInfo.processInfo.environment["STET_SHARED_DATA"],
      let text = try? String(
        contentsOfFile: root + "/reviews/git-appraise-review-comments.jsonl", encoding: .utf8)
    else { return nil }
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    return text.split(separator: "\n").compactMap {
      try? decoder.decode(Row.self, from: Data($0.utf8))
    }
  }

  /// Of each review in that file: what the person said, and the hunks at which only others did,
  /// which the person let pass.
  private static func examples(_ rows: [Row], of reviewer: String) -> [ReviewExample] {
    let reviews = Dictionary(grouping: rows, by: \.reviewCommit)
    let numbers = Dictionary(
      uniqueKeysWithValues: reviews.keys.sorted().enumerated().map { ($1, $0 + 1) })
    var sieve = CommentSieve()
    var examples: [ReviewExample] = []
    for row in rows.sorted(by: { ($0.createdAt, $0.id) < ($1.createdAt, $1.id) }) {
      guard let path = row.path, let hunk = row.diffHunk, !hunk.isEmpty,
        let number = numbers[row.reviewCommit]
      else { continue }
      let at = Date(timeIntervalSince1970: row.createdAt)
      let isTheirs = row.author == reviewer && row.role == "reviewer"
      if isTheirs {
        let past = PastComment(
          pullRequest: number,
          comment: ForgeComment(
            id: Int64(examples.count), author: ForgeAccount(id: 1, login: reviewer, isBot: false),
            body: row.body.replacing("\\n", with: "\n"), createdAt: at,
            place: .init(
              path: path, side: .new, line: row.line, commit: row.commit ?? "",
              inReplyTo: row.inReplyTo == nil ? nil : 1, diffHunk: hunk)),
          updatedAt: at, line: row.line)
        guard let text = sieve.text(of: past) else { continue }
        examples.append(
          ReviewExample(
            id: row.id, pullRequest: number, at: at, path: path, line: row.line,
            commit: row.commit ?? "", hunk: hunk, comment: text))
      } else if let review = reviews[row.reviewCommit],
        review.contains(where: { $0.author == reviewer && $0.role == "reviewer" }),
        !review.contains(where: { $0.author == reviewer && $0.diffHunk == hunk })
      {
        examples.append(
          ReviewExample(
            id: "silence " + row.id, pullRequest: number, at: at, path: path, line: nil,
            commit: "", hunk: hunk, comment: nil))
      }
    }
    return examples
  }

  @Test(
    .enabled(
      if: ProcessInfo.processInfo.environment["STET_TEST_SLOW"] == "1" && rows != nil,
      "slow: set STET_TEST_SLOW=1 and STET_SHARED_DATA, and have a local model"),
    arguments: ["reviewer-a", "reviewer-j"])
  func aLikenessBesideTheBareModel(_ login: String) async throws {
    let rows = try #require(Self.rows)
    let environment = ProcessInfo.processInfo.environment
    let name = environment["STET_FIDELITY_MODEL"] ?? "qwen2.5-coder-0.5b"
    let client = WebClient(configuration: WebClientConfiguration(userAgent: "stet/test"))
    let data =
      environment["STET_DATA_DIR"] ?? (environment["HOME"] ?? "") + "/.local/share/stet"
    let server = try LlamaServer(
      model: name, store: ModelStore(dataFolder: data, environment: environment, web: client),
      environment: environment, logger: Logger(label: "test"))
    let model = LocalModel(server: server, client: client)
    let bench = try await LearningBench()
    var ports = bench.ports
    ports.model = model
    ports.callDeadline = .seconds(120)
    var reviewer = LearnedReviewer(
      id: "r-\(login)",
      identity: ReviewerIdentity(
        forge: "github", repository: RepositoryName(owner: "google", name: "git-appraise"),
        user: ForgeAccount(id: 1, login: login, isBot: false)))
    let examples = Self.examples(rows, of: login)
    try await ports.reviewers.add(examples, to: reviewer.id)
    reviewer = try await ports.reviewers.save(reviewer)
    var failures: [String] = []
    for isLearned in [true, false] {
      do {
        let fidelity = try await MeasureFidelity(ports: ports).run(
          .init(reviewer: reviewer, questions: 30, isLearned: isLearned))
        print("=== \(login), \(isLearned ? "by examples" : "bare")")
        print(FidelityText.plain(fidelity))
        for pair in fidelity.pairs where pair.theirs != nil || pair.said != nil {
          print("  they: \(pair.theirs ?? "-")\n  it:   \(pair.said ?? "-")")
        }
        #expect(fidelity.heldOut > 0 && fidelity.measured > 0)
      } catch { failures.append("\(error)") }
    }
    await model.stop()
    await client.shutdown()
    #expect(failures.isEmpty, "\(failures)")
  }
}
