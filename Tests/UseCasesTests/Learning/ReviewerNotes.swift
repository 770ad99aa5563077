import Foundation
import Testing

/// What the suite `Likeness` learns from and works with: shared data of real reviews, which is no
/// part of this project.
enum ReviewerNotes {
  static let environment = ProcessInfo.processInfo.environment
  static let modelName = "smollm2-135m"
  static let reviewer = "reviewer-a"

  static var comments: URL? {
    environment["STET_SHARED_DATA"].map {
      URL(fileURLWithPath: $0).appending(path: "reviews/git-appraise-review-comments.jsonl")
    }
  }

  /// Debian's PyTorch, or a Python that a setting names.
  static let isWanted: Bool = {
    let files = FileManager.default
    guard environment["STET_TEST_LLAMACPP"] == "1",
      let comments, files.fileExists(atPath: comments.path)
    else { return false }
    return environment["STET_TEST_TRAINER_PYTHON"] != nil
      || files.fileExists(atPath: "/usr/lib/python3/dist-packages/torch/__init__.py")
  }()

  static let whatItNeeds: Comment =
    """
    set STET_TEST_LLAMACPP=1 and STET_SHARED_DATA, and install python3-torch (1.13) and \
    libopenblas0-pthread, or set STET_TEST_TRAINER_PYTHON; needs a package index once
    """

  struct ReviewNote: Decodable {
    var author: String
    var createdAt: Int
    var reviewCommit: String
    var path: String?
    var diffHunk: String?
    var body: String
  }

  struct Turn: Encodable {
    var role: String
    var content: String
  }

  static func turns(_ comment: ReviewNote) -> [Turn] {
    [
      Turn(
        role: "system",
        content: "You review changes of google/git-appraise as \(reviewer) does: one line, or none."
      ),
      Turn(
        role: "user",
        content: "\(comment.path ?? "")\n\(String((comment.diffHunk ?? "").suffix(500)))"),
      Turn(role: "assistant", content: comment.body.replacing("\\n", with: "\n")),
    ]
  }

  /// Earlier comments to learn from, and later ones of other reviews to be measured by.
  static func split() throws -> (training: [[Turn]], heldOut: [[Turn]]) {
    let text = try String(contentsOf: try #require(comments), encoding: .utf8)
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    let all = try text.split(separator: "\n")
      .map { try decoder.decode(ReviewNote.self, from: Data($0.utf8)) }
      .filter {
        $0.author == reviewer && $0.diffHunk != nil && (10..<400).contains($0.body.utf8.count)
      }
      .sorted { ($0.createdAt, $0.body) < ($1.createdAt, $1.body) }
    let cut = all.count * 4 / 5
    let learned = Set(all[..<cut].map(\.reviewCommit))
    let later = all[cut...].filter { !learned.contains($0.reviewCommit) }
    return (all[..<cut].map(turns), later.prefix(8).map(turns))
  }

  static func write(_ conversations: [[Turn]], to path: String) throws {
    struct Line: Encodable { var messages: [Turn] }
    let encoder = JSONEncoder()
    let lines = try conversations.map {
      String(decoding: try encoder.encode(Line(messages: $0)), as: UTF8.self) + "\n"
    }
    try Data(lines.joined().utf8).write(to: URL(fileURLWithPath: path))
  }

  /// Kept over runs: the model, the server and the Python environment are fetched once.
  static let dataFolder: String = {
    URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent()
      .appending(path: ".build/local-model-tests").path
  }()
}
