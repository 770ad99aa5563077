import Domain
import Foundation
import TestKit
import Testing

@testable import UseCases

/// What the suite `Likeness` learns from and works with: shared data of real reviews, which is no
/// part of this project.
enum ReviewerNotes {
  static let environment = ProcessInfo.processInfo.environment
  static let modelName = "smollm2-135m"

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

  struct Note: Decodable, Sendable {
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

    var text: String { body.replacing("\\n", with: "\n") }
    var at: Date { Date(timeIntervalSince1970: createdAt) }

    /// The code after the change, as far as the hunk shows it.
    var code: String? {
      diffHunk.map { hunk in
        hunk.split(separator: "\n", omittingEmptySubsequences: false).dropFirst()
          .filter { !$0.hasPrefix("-") }.map { $0.dropFirst() + "\n" }.joined()
      }
    }
  }

  /// In the order of time.
  static func all() throws -> [Note] {
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    return try String(contentsOf: try #require(comments), encoding: .utf8).split(separator: "\n")
      .map { try decoder.decode(Note.self, from: Data($0.utf8)) }
      .sorted { ($0.createdAt, $0.id) < ($1.createdAt, $1.id) }
  }

  /// Plays these reviews on a fake forge as pull requests of others, at which `reviewer` spoke as
  /// `login`. Code at which only others spoke is there too.
  static func play(
    _ notes: [Note], of reviewer: String, as login: String, on hub: FakeGitHub,
    in repository: RepositoryName
  ) {
    let reviews = Dictionary(grouping: notes.filter { $0.diffHunk != nil }, by: \.reviewCommit)
    let ordered = reviews.values.sorted { $0[0].createdAt < $1[0].createdAt }
    for (place, notes) in ordered.enumerated() {
      let theirs = notes.filter { $0.author == reviewer && $0.role == "reviewer" }
      guard !theirs.isEmpty else { continue }
      var files: [String: [UInt8]?] = [:]
      for note in notes {
        if let path = note.path, let code = note.code { files[path] = Array(code.utf8) }
      }
      let pull = hub.addPullRequest(
        in: repository, title: "Review \(place)", author: "ada", head: files,
        headBranch: "review-\(place)")
      for note in theirs {
        hub.addPastComment(
          note.text, by: login, on: pull, path: note.path ?? "", line: note.line,
          hunk: note.diffHunk ?? "", at: note.at)
      }
    }
  }

  /// Kept over runs: the model, the server and the Python environment are fetched once.
  static let dataFolder: String = {
    URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent()
      .appending(path: ".build/local-model-tests").path
  }()
}
