import Foundation
import Testing

@testable import Domain

/// Real diffs of merged pull requests, with git's own facts beside them. The folder is not part of
/// this project: STET_SHARED_DATA names it, or it is looked for beside the package.
private enum SharedDiffs {
  static let folder: URL = {
    if let path = ProcessInfo.processInfo.environment["STET_SHARED_DATA"] {
      return URL(fileURLWithPath: path).appendingPathComponent("diffs")
    }
    return URL(fileURLWithPath: #filePath).appendingPathComponent(
      "../../../../../shared/data/diffs"
    )
    .standardizedFileURL
  }()

  static let names: [String] = {
    let all = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
    return all.filter { $0.hasSuffix(".diff") }.map { String($0.dropLast(5)) }.sorted()
  }()

  static func bytes(_ name: String) throws -> [UInt8] {
    [UInt8](try Data(contentsOf: folder.appendingPathComponent(name + ".diff")))
  }
}

private struct FactsPayload: Decodable {
  struct File: Decodable {
    var status: String
    var similarity: Int?
    var oldPath: String?
    var newPath: String?
    var oldMode: String
    var newMode: String
    var oldBlob: String
    var newBlob: String
    var binary: Bool
    var additions: Int
    var deletions: Int
    var sections: Int
    var submodule: Bool
    var hunks: [[Int]]
    var noNewlineAtEofOld: Bool
    var noNewlineAtEofNew: Bool
    var diffLines: Int
    var lines: [Line]
    var linesComplete: Bool
  }

  struct Line: Decodable {
    var t: String
    var old: Int?
    var new: Int?
    var pos: Int
    var text: String?
    var textB64: String?
    var cut: Int?
  }

  var files: [File]
}

// Disabled, and said to be, on a machine that has not the data.
@Suite(
  .enabled(
    if: !SharedDiffs.names.isEmpty, "no shared data: set STET_SHARED_DATA to run these tests"))
struct SharedDiffTests {
  @Test(arguments: SharedDiffs.names)
  func printsAsItWasRead(name: String) throws {
    let input = try SharedDiffs.bytes(name)
    #expect(try Diff(parsing: input).printed() == input)
  }

  /// The header made from the facts alone must be the one that git wrote.
  @Test(arguments: SharedDiffs.names)
  func headersFollowFromTheFacts(name: String) throws {
    let input = try SharedDiffs.bytes(name)
    for file in try Diff(parsing: input).files {
      var made: [UInt8] = []
      file.printHeader(into: &made)
      let header = try #require(file.header)
      #expect(made == Array(input[header]), "\(file.path)")
    }
  }

  @Test(arguments: SharedDiffs.names)
  func equalsGitsFacts(name: String) throws {
    let data = try Data(contentsOf: SharedDiffs.folder.appendingPathComponent(name + ".json"))
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    let facts = try decoder.decode(FactsPayload.self, from: data)
    var sections = try Diff(parsing: SharedDiffs.bytes(name)).files[...]
    for expected in facts.files {
      let parts = Array(sections.prefix(expected.sections))
      sections = sections.dropFirst(expected.sections)
      let first = try #require(parts.first)
      let last = try #require(parts.last)
      let what = Comment(rawValue: expected.newPath ?? expected.oldPath ?? "")
      checkHeader(first, last, expected, what)
      #expect(parts.map(\.additions).reduce(0, +) == expected.additions, what)
      #expect(parts.map(\.deletions).reduce(0, +) == expected.deletions, what)
      #expect(
        parts.flatMap(\.hunks).map { [$0.oldStart, $0.oldCount, $0.newStart, $0.newCount] }
          == expected.hunks, what)
      checkLines(parts.flatMap(\.hunks).flatMap { Array($0.lines) }, expected, what)
    }
    #expect(sections.isEmpty)
  }

  private func checkHeader(
    _ first: FileDiff, _ last: FileDiff, _ expected: FactsPayload.File, _ what: Comment
  ) {
    let letters: [FileDiff.Status: String] = [
      .added: "A", .deleted: "D", .modified: "M", .renamed: "R", .copied: "C", .typeChanged: "T",
    ]
    #expect((first.isTypeChange ? "T" : letters[last.status]) == expected.status, what)
    #expect(first.oldPath?.description == expected.oldPath, what)
    #expect(last.newPath?.description == expected.newPath, what)
    #expect(last.similarity == expected.similarity, what)
    #expect(last.isSubmodule == expected.submodule, what)
    // A binary file that was only renamed has no section of its own kind: the diff cannot tell.
    if expected.similarity != 100 { #expect(last.isBinary == expected.binary, what) }
    if let mode = first.oldMode { #expect(mode.description == expected.oldMode, what) }
    if let mode = last.newMode { #expect(mode.description == expected.newMode, what) }
    // A change of mode or name alone has no line that names objects.
    if expected.oldBlob != expected.newBlob {
      #expect(expected.oldBlob.hasPrefix(first.oldBlob ?? "?"), what)
      #expect(expected.newBlob.hasPrefix(last.newBlob ?? "?"), what)
    }
  }

  private func checkLines(
    _ lines: [DiffLine], _ expected: FactsPayload.File, _ what: Comment
  ) {
    #expect(
      lines.contains { !$0.endsWithNewline && $0.kind != .added } == expected.noNewlineAtEofOld,
      what)
    #expect(
      lines.contains { !$0.endsWithNewline && $0.kind != .removed }
        == expected.noNewlineAtEofNew, what)
    if expected.linesComplete { #expect(lines.count == expected.lines.count, what) }
    let byPosition = Dictionary(uniqueKeysWithValues: lines.map { ($0.position, $0) })
    let markers: [DiffLine.Kind: String] = [.added: "+", .removed: "-", .context: " "]
    for fact in expected.lines {
      guard let line = byPosition[fact.pos] else {
        Issue.record("no line at position \(fact.pos) of \(what.rawValue)")
        continue
      }
      #expect(markers[line.kind] == fact.t, what)
      #expect(line.oldNumber == fact.old, what)
      #expect(line.newNumber == fact.new, what)
      if let cut = fact.cut { #expect(line.bytes.count == cut, what) }
      if let text = fact.text {
        let shown = fact.cut == nil ? Array(line.bytes) : Array(line.bytes.prefix(text.utf8.count))
        #expect(shown == Array(text.utf8), what)
      } else if let encoded = fact.textB64, let text = Data(base64Encoded: encoded) {
        #expect(Array(line.bytes.prefix(text.count)) == Array(text), what)
      }
    }
  }
}
