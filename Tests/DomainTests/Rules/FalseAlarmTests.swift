import Foundation
import Testing

@testable import Domain

/// The rules on merged pull requests of real projects, where nearly every hit is a false alarm.
/// The diffs are data that this repository does not hold: the folder that STET_SHARED_DATA names.
enum RealDiffs {
  static let folder: URL = {
    let named = ProcessInfo.processInfo.environment["STET_SHARED_DATA"]
    let root = URL(fileURLWithPath: FileManager.default.currentDirectoryPath)
    return
      (named.map { URL(fileURLWithPath: $0) }
      ?? root.appendingPathComponent("../shared/data")).appendingPathComponent("diffs")
  }()

  static let names: [String] = {
    let all = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
    return all.filter { $0.hasSuffix(".diff") }.sorted()
  }()

  static func read(_ name: String) throws -> [UInt8] {
    [UInt8](try Data(contentsOf: folder.appendingPathComponent(name)))
  }
}

/// Disabled, and said so in the output, where the folder of real diffs is absent.
@Suite(.enabled(if: !RealDiffs.names.isEmpty, "no diffs in \(RealDiffs.folder.path)"))
struct FalseAlarmTests {
  /// Hits on the real diffs, as judged by eye in docs/rules.md. A rule that is not named has none.
  static let judged: [String: Int] = ["mutable-default": 1]

  @Test func `Rules do not shout on merged pull requests`() throws {
    var hits: [String: Int] = [:]
    var lines = 0
    let verbose = ProcessInfo.processInfo.environment["STET_SHOW_HITS"] != nil
    for name in RealDiffs.names {
      let diff = try Diff(parsing: RealDiffs.read(name))
      lines += diff.files.reduce(0) { $0 + $1.additions + $1.deletions }
      for finding in BuiltInRules.findings(in: diff) {
        hits[finding.source.description, default: 0] += 1
        if verbose {
          say("\(name) \(finding.path):\(finding.line) \(finding.source) \(finding.quote)")
        }
      }
    }
    say("\(RealDiffs.names.count) diffs, \(lines) changed lines")
    for rule in BuiltInRules.all {
      let count = hits["rule:\(rule.name)"] ?? 0
      if count > 0 { say("\(rule.name): \(count)") }
      #expect(
        count <= Self.judged[rule.name] ?? 0,
        "\(rule.name) has \(count) hits; read them with STET_SHOW_HITS=1")
    }
  }

  @Test(arguments: RealDiffs.names)
  func `Every finding quotes its own line`(name: String) throws {
    try expectQuotesHold(Diff(parsing: RealDiffs.read(name)))
  }
}

/// To standard error, because standard output is read by the runner when it lists tests.
private func say(_ line: String) { FileHandle.standardError.write(Data((line + "\n").utf8)) }

/// Each finding's quote is the text of its lines, on its side, in its file.
func expectQuotesHold(_ diff: Diff, sourceLocation: SourceLocation = #_sourceLocation) {
  for finding in BuiltInRules.findings(in: diff) {
    let texts = diff.files.filter { $0.path.description == finding.path }.map { file in
      file.hunks.flatMap { hunk in
        hunk.lines.filter { line in
          line.number(on: finding.side).map { (finding.startLine...finding.line).contains($0) }
            ?? false
        }
      }.map { line in
        String(
          decoding: line.bytes.last == 13 ? line.bytes.dropLast() : line.bytes, as: UTF8.self)
      }.joined(separator: "\n")
    }
    #expect(texts.contains(finding.quote), "\(finding)", sourceLocation: sourceLocation)
  }
}
