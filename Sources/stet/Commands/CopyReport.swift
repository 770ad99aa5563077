import Domain
import Foundation
import Storage

/// What a copy of a whole database came to.
struct CopyReport {
  private let tables: [CopiedTableReport]

  init(_ tables: [CopiedTableReport]) { self.tables = tables }

  private struct Row: Encodable {
    var table: String
    var rows: Int
    var sha256: String
    var equal: Bool
  }

  /// - Throws: where a table is not equal.
  func tell(json: Bool) throws {
    if json {
      try Output.results.write(
        JSONText.of(
          tables.map {
            Row(
              table: $0.table, rows: $0.target.rows, sha256: $0.target.hash, equal: $0.isEqual)
          }))
    } else {
      var text = TextTable(columns: 3)
      text.add(["table", "rows", "equal"])
      for table in tables {
        text.add([
          table.table, "\(table.target.rows)",
          table.isEqual ? "yes" : "no, \(table.source.rows) in the source",
        ])
      }
      try Output.results.write(text.text)
    }
    let different = tables.filter { !$0.isEqual }.map(\.table)
    guard different.isEmpty else {
      throw CommandFailure.failed(
        "The copy does not hold what the source does, in \(different.joined(separator: ", ")). "
          + "Somebody else writes to one of them; end that, and run this again.")
    }
  }
}

enum DatabasePresence {
  /// - Throws: where there is no such file: an empty one would be made.
  static func require(_ file: String) throws {
    guard FileManager.default.fileExists(atPath: file) else {
      throw CommandFailure.misuse(
        "There is no database \(file) yet; check STET_DATA_DIR and DATABASE_URL.")
    }
  }
}
