import Domain
import Foundation
import Testing

@testable import Storage

@Suite struct SchemaTests {
  /// The tables of a new database, with their columns.
  private func tables() async throws -> [String: [String]] {
    var tables: [String: [String]] = [:]
    try await withFolder { folder in
      let database = SQLiteDatabase(path: folder + "/a.db")
      let rows = try await database.query(
        SQLStatement(
          """
          SELECT t.name, c.name FROM sqlite_master AS t, pragma_table_info(t.name) AS c
          WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite_%' ORDER BY t.name, c.cid
          """))
      for row in rows { tables[row.text(0) ?? "", default: []].append(row.text(1) ?? "") }
    }
    return tables
  }

  private func documented() throws -> [String: String] {
    let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .appendingPathComponent("../../docs/data.md").standardizedFileURL
    var documented: [String: String] = [:]
    for line in try String(contentsOf: file, encoding: .utf8).split(separator: "\n")
    where line.hasPrefix("| `") {
      let cells = line.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) }
      documented[cells[0].replacingOccurrences(of: "`", with: "")] = String(line)
      #expect(cells.count == 4, "\(line)")
    }
    return documented
  }

  @Test func everyTableIsDocumentedAndNoOther() async throws {
    let tables = try await tables()
    let documented = try documented()
    #expect(tables.count >= 12)
    #expect(Set(documented.keys) == Set(tables.keys))
  }

  /// No column is there that might hold a token's text or a key.
  @Test func noColumnIsNamedLikeASecret() async throws {
    for (table, columns) in try await tables() {
      for column in columns {
        #expect(
          !["secret", "password", "token_text", "api_key", "credential"]
            .contains { column.contains($0) }, "\(table).\(column)")
      }
    }
  }

  /// One text serves both databases: what only one of them knows is not in it.
  @Test(arguments: Migration.all.flatMap(\.statements))
  func theTextIsWhatBothDatabasesKnow(_ statement: String) {
    let words = statement.uppercased().split { !$0.isLetter && $0 != "_" }
    for word in [
      "AUTOINCREMENT", "BLOB", "INTEGER", "SERIAL", "JSONB", "WITHOUT", "PRAGMA", "REAL",
    ] {
      #expect(!words.contains(Substring(word)), "\(word)")
    }
  }
}
