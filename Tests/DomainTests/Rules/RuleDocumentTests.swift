import Foundation
import Testing

@testable import Domain

/// docs/rules.md is written by hand around a table that these tests hold to the rules.
@Suite struct RuleDocumentTests {
  static let document: String = {
    var root = URL(fileURLWithPath: #filePath)
    for _ in 0..<4 { root.deleteLastPathComponent() }
    let file = root.appendingPathComponent("docs/rules.md")
    return (try? String(contentsOf: file, encoding: .utf8)) ?? ""
  }()

  static func row(_ rule: any ReviewRule) -> String {
    "| `\(rule.name)` | \(rule.summary) | \(rule.category) | \(rule.severity.rawValue) "
      + "| \(rule.confidence) |"
  }

  @Test(arguments: BuiltInRules.all.map(\.name))
  func `Each rule has its row`(name: String) throws {
    let rule = try #require(BuiltInRules.all.first { $0.name == name })
    #expect(Self.document.contains("\n" + Self.row(rule)), "\(Self.row(rule))")
  }

  @Test func `No row is of a rule that is gone`() {
    let rows = Self.document.split(separator: "\n").filter { $0.hasPrefix("| `") }
    #expect(rows.count == BuiltInRules.all.count)
  }

  /// The last two columns are the hits on the real diffs and how many of them were judged true.
  @Test(arguments: BuiltInRules.all.map(\.name))
  func `The measured column is the one that the test of false alarms allows`(name: String) throws {
    let row = try #require(
      Self.document.split(separator: "\n").first { $0.hasPrefix("| `\(name)` ") })
    let cells = row.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) }
    #expect(cells.count == 7)
    #expect(Int(cells[5]) == FalseAlarmTests.judged[name] ?? 0)
  }
}
