/// Rows of text whose columns stand under each other. The last column is not padded.
struct TextTable {
  private let columns: Int
  private var rows: [[String]] = []

  init(columns: Int) { self.columns = columns }

  /// Control characters would move the cursor, so they are left out.
  mutating func add(_ row: [String]) { rows.append(row.map(Self.plain)) }

  var text: String {
    var widths = [Int](repeating: 0, count: columns)
    for row in rows {
      for (place, cell) in row.enumerated() where place < columns {
        widths[place] = max(widths[place], cell.count)
      }
    }
    var text = ""
    for row in rows {
      for (place, cell) in row.enumerated() {
        text += cell
        if place + 1 < row.count {
          text += String(repeating: " ", count: widths[place] - cell.count + 2)
        }
      }
      text += "\n"
    }
    return text
  }

  static func plain(_ text: String) -> String {
    String(
      String.UnicodeScalarView(
        text.unicodeScalars.filter { scalar in
          scalar.value >= 0x20 && !(0x7F...0x9F).contains(scalar.value)
            && !(0x202A...0x202E).contains(scalar.value)
            && !(0x2066...0x2069).contains(scalar.value)
        }))
  }
}
