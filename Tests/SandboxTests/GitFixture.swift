import Foundation
import Sandbox
import Testing

/// A throw-away repository made with the real git.
struct GitFixture {
  let folder: String
  let environment: [String: String]

  init() throws {
    let base = FileManager.default.temporaryDirectory.path
    folder = "\(base)/stet-git-\(UUID().uuidString)"
    try FileManager.default.createDirectory(
      atPath: folder + "/home", withIntermediateDirectories: true)
    environment = [
      "PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": folder + "/home",
      "GIT_CONFIG_NOSYSTEM": "1",
    ]
  }

  var work: String { folder + "/work" }

  func remove() { try? FileManager.default.removeItem(atPath: folder) }

  /// Creates the repository with one commit on `main`.
  func begin() async throws {
    try FileManager.default.createDirectory(atPath: work, withIntermediateDirectories: true)
    try await git("init", "-q", "-b", "main")
    try write("a.txt", "one\ntwo\nthree\n")
    try await commit("first")
  }

  @discardableResult
  func git(_ arguments: String..., at place: String? = nil) async throws -> String {
    var all = environment
    for role in ["AUTHOR", "COMMITTER"] {
      all["GIT_\(role)_NAME"] = "Somebody"
      all["GIT_\(role)_EMAIL"] = "somebody@example.org"
      all["GIT_\(role)_DATE"] = "2024-01-02T03:04:05Z"
    }
    let result = try await CommandRunner().run(
      Command("git", arguments, environment: all, workingFolder: place ?? work))
    #expect(result.succeeded, "git \(arguments): \(result.errorText)")
    return String(decoding: result.output, as: UTF8.self)
      .trimmingCharacters(in: .whitespacesAndNewlines)
  }

  func commit(_ message: String) async throws {
    try await git("add", "-A")
    try await git("commit", "-q", "--allow-empty", "-m", message)
  }

  func write(_ path: String, _ text: String) throws {
    let file = work + "/" + path
    try FileManager.default.createDirectory(
      atPath: (file as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
    try Data(text.utf8).write(to: URL(fileURLWithPath: file))
  }

  func open(at place: String? = nil) async throws -> GitRepository {
    try await GitRepository(at: place ?? work, environment: environment)
  }

  /// Runs a test in a repository that is removed whatever happens.
  static func with(_ body: (GitFixture) async throws -> Void) async throws {
    let fixture = try GitFixture()
    defer { fixture.remove() }
    try await fixture.begin()
    try await body(fixture)
  }
}

func text(_ bytes: [UInt8]?) -> String? {
  bytes.map { String(decoding: $0, as: UTF8.self) }
}
