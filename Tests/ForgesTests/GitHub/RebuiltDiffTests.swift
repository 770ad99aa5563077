import Domain
import Foundation
import TestKit
import Testing

@testable import Forges

@Suite("A diff put together from a listing of files")
struct RebuiltDiffTests {
  private static let diffs: [String] = {
    let folder = SharedData.folder.appendingPathComponent("diffs").path
    let all = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    return all.filter { $0.hasSuffix(".diff") }.sorted()
  }()

  /// An empty file that came or went.
  private static func isEmpty(_ file: FileDiff) -> Bool {
    let blob = file.status == .added ? file.newBlob : file.status == .deleted ? file.oldBlob : nil
    return blob?.hasPrefix("e69de29") == true
  }

  /// A file as GitHub lists it. - Returns: `nil` for what its JSON cannot hold.
  private static func entry(_ file: FileDiff) -> [String: Any]? {
    guard String(validating: file.path.bytes, as: UTF8.self) != nil else { return nil }
    let status: [FileDiff.Status: String] = [
      .added: "added", .deleted: "removed", .modified: "modified", .renamed: "renamed",
      .copied: "copied", .typeChanged: "changed",
    ]
    var entry: [String: Any] = [
      "filename": file.path.description, "status": status[file.status] ?? "",
      "additions": file.additions, "deletions": file.deletions,
      "changes": file.additions + file.deletions,
      // The diff abbreviates it, GitHub does not.
      "sha": isEmpty(file) ? "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391" : file.newBlob ?? "",
    ]
    if file.status == .renamed || file.status == .copied {
      entry["previous_filename"] = file.oldPath?.description
    }
    guard !file.hunks.isEmpty else { return entry }
    let printed = file.printed()
    let start = printed.indices.first { index in
      printed[index...].starts(with: "@@ ".utf8)
        && (index == 0 || printed[index - 1] == UInt8(ascii: "\n"))
    }
    guard let start else { return nil }
    // GitHub leaves out the last line's end.
    var patch = printed[start...]
    if patch.last == UInt8(ascii: "\n") { patch.removeLast() }
    if let text = String(validating: patch, as: UTF8.self) { entry["patch"] = text }
    return entry
  }

  private static func server(
    _ entries: [[String: Any]], _ body: (FaultServer) async throws -> Void
  ) async throws {
    let pages = try stride(from: 0, to: max(entries.count, 1), by: 100).map {
      try ForgeBench.json(Array(entries.dropFirst($0).prefix(100)))
    }
    try await FaultServer.with(
      { request in
        let host = request.header("host") ?? ""
        if request.header("accept") == GitHubCall.diff {
          return .json(
            #"""
            {"message": "Sorry, the diff exceeded the maximum number of files (300).",
             "errors": [{"resource": "PullRequest", "field": "diff", "code": "too_large"}]}
            """#, status: 406)
        }
        guard request.path.contains("/pulls/7/files") else {
          return .json(ForgeBench.pullRequest)
        }
        let page = request.path.split(separator: "page=").last.flatMap { Int($0) } ?? 1
        let number = request.path.contains("&page=") ? page : 1
        let next = "<http://\(host)/repos/octo/hello/pulls/7/files?per_page=100&page=\(number + 1)>"
        return .json(
          pages[number - 1],
          headers: number < pages.count ? [("Link", next + "; rel=\"next\"")] : [])
      }, body)
  }

  private func lines(_ file: FileDiff) -> [String] {
    file.hunks.flatMap { Array($0.lines) }.map { line in
      "\(line.kind) \(line.oldNumber ?? 0) \(line.newNumber ?? 0) \(line.endsWithNewline) "
        + String(decoding: line.bytes, as: UTF8.self)
    }
  }

  @Test(
    "has the files and lines of the real one",
    .enabled(if: SharedData.isThere, Comment(rawValue: SharedData.absence)), arguments: diffs)
  func shared(name: String) async throws {
    let real = try Diff(parsing: [UInt8](SharedData.data("diffs/" + name))).files
    let entries = real.compactMap { Self.entry($0) }
    try await Self.server(entries) { server in
      let rebuilt = try await ForgeBench.forge(server.url).diff(of: ForgeBench.reference)
      let parsed = try Diff(parsing: rebuilt.bytes).files
      let shown = real.filter { file in
        guard let entry = Self.entry(file) else { return false }
        return entry["patch"] != nil || [.renamed, .copied].contains(file.status)
          || Self.isEmpty(file)
      }
      try #require(parsed.map(\.path) == shown.map(\.path))
      for (new, old) in zip(parsed, shown) {
        #expect(new.status == old.status, Comment(rawValue: old.path.description))
        #expect(new.oldPath == old.oldPath)
        #expect(lines(new) == lines(old), Comment(rawValue: old.path.description))
      }
      #expect(parsed.count + rebuilt.leftOut.count == entries.count)
    }
  }

  @Test("writes names as git does, and names what has no text")
  func names() async throws {
    let patch = "@@ -1 +1 @@\n-a\n+b\n\\ No newline at end of file"
    func file(_ name: String, _ status: String, _ more: [String: Any] = [:]) -> [String: Any] {
      var entry: [String: Any] = [
        "filename": name, "status": status, "additions": 1, "deletions": 1, "changes": 2,
        "sha": "0123",
      ]
      for (key, value) in more { entry[key] = value }
      return entry
    }
    let entries = [
      file("a b.txt", "modified", ["patch": patch]),
      file("tab\tquote\"ü\\.txt", "modified", ["patch": patch]),
      file("new\nline", "renamed", ["patch": patch, "previous_filename": "old name"]),
      file("moved", "renamed", ["previous_filename": "was", "changes": 0]),
      file("photo.png", "modified", ["changes": 0, "additions": 0, "deletions": 0]),
      file("huge.txt", "modified"),
      file("cut.txt", "modified", ["patch": "@@ -1,9 +1,9 @@\n-a\n+b"]),
      file("miscounted.txt", "modified", ["patch": patch, "additions": 5]),
      file("same", "unchanged", ["changes": 0]),
      file(
        "empty", "added",
        [
          "changes": 0, "additions": 0, "deletions": 0,
          "sha": "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391",
        ]),
    ].map { entry in
      entry["filename"] as? String == "moved"
        ? entry.merging(["additions": 0, "deletions": 0]) { $1 } : entry
    }
    try await Self.server(entries) { server in
      let rebuilt = try await ForgeBench.forge(server.url).diff(of: ForgeBench.reference)
      let parsed = try Diff(parsing: rebuilt.bytes).files
      #expect(
        parsed.map(\.path.description) == [
          "a b.txt", "tab\tquote\"ü\\.txt", "new\nline", "moved", "empty",
        ])
      #expect(parsed.map(\.oldPath?.description)[2...] == ["old name", "was", nil])
      #expect(rebuilt.leftOut == ["photo.png", "huge.txt", "cut.txt", "miscounted.txt"])
    }
  }

  @Test("says that there are more files than GitHub lists")
  func beyond() async throws {
    let entries = (0..<3000).map { number -> [String: Any] in
      [
        "filename": "f\(number)", "status": "added", "additions": 1, "deletions": 0, "changes": 1,
        "sha": "1", "patch": "@@ -0,0 +1 @@\n+x",
      ]
    }
    let pull = ForgeBench.pullRequest.replacing(
      #""changed_files": 4"#, with: #""changed_files": 3004"#)
    let pages = try (0..<30).map {
      try ForgeBench.json(Array(entries[($0 * 100)..<($0 * 100 + 100)]))
    }
    try await FaultServer.with { request in
      let host = request.header("host") ?? ""
      if request.header("accept") == GitHubCall.diff { return .json("{}", status: 406) }
      guard request.path.contains("/files") else { return .json(pull) }
      let number =
        request.path.split(separator: "&page=").dropFirst().first.flatMap { Int($0) } ?? 1
      return .json(
        pages[number - 1],
        headers: number < 30
          ? [
            (
              "Link",
              "<http://\(host)/repos/octo/hello/pulls/7/files?x=1&page=\(number + 1)>; rel=\"next\""
            )
          ]
          : [])
    } _: { server in
      let rebuilt = try await ForgeBench.forge(server.url).diff(of: ForgeBench.reference)
      #expect(try Diff(parsing: rebuilt.bytes).files.count == 3000)
      #expect(rebuilt.leftOut == ["(4 files beyond those that GitHub lists)"])
      #expect(server.requests.count == 32)
    }
  }

  @Test("stands in for a comparison that is too large")
  func comparison() async throws {
    try await FaultServer.with { request in
      request.header("accept") == GitHubCall.diff
        ? .json(#"{"message": "too large"}"#, status: 406)
        : .json(
          #"""
          {"files": [{"filename": "a", "status": "added", "additions": 1, "deletions": 0,
            "changes": 1, "sha": "1", "patch": "@@ -0,0 +1 @@\n+x"}]}
          """#)
    } _: { server in
      let rebuilt = try await ForgeBench.forge(server.url).comparison(
        ForgeBench.repository, base: "a", head: "b")
      #expect(try Diff(parsing: rebuilt.bytes).files.map(\.path.description) == ["a"])
    }
  }
}
