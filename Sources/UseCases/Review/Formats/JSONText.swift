import Domain

/// JSON whose members keep their order, so that output is stable and reads like its documentation.
indirect enum JSONText {
  case null
  case bool(Bool)
  case integer(Int)
  case number(Double)
  case string(String)
  case array([JSONText])
  case object([(String, JSONText)])

  static func optional(_ text: String?) -> JSONText { text.map(JSONText.string) ?? .null }

  /// Indented by two spaces, with a final newline.
  func printed() -> String {
    var output = ""
    write(to: &output, indent: 0)
    return output + "\n"
  }

  private func write(to output: inout String, indent: Int) {
    switch self {
    case .null: output += "null"
    case .bool(let value): output += value ? "true" : "false"
    case .integer(let value): output += String(value)
    case .number(let value): output += value.isFinite ? "\(value)" : "null"
    case .string(let value): Self.write(value, to: &output)
    case .array(let items):
      Self.write(items, "[", "]", to: &output, indent) { item, output in
        item.write(to: &output, indent: indent + 1)
      }
    case .object(let members):
      Self.write(members, "{", "}", to: &output, indent) { member, output in
        Self.write(member.0, to: &output)
        output += ": "
        member.1.write(to: &output, indent: indent + 1)
      }
    }
  }

  private static func write<Item>(
    _ items: [Item], _ open: String, _ close: String, to output: inout String, _ indent: Int,
    _ each: (Item, inout String) -> Void
  ) {
    output += open
    for (index, item) in items.enumerated() {
      output += index == 0 ? "\n" : ",\n"
      output += String(repeating: "  ", count: indent + 1)
      each(item, &output)
    }
    if !items.isEmpty { output += "\n" + String(repeating: "  ", count: indent) }
    output += close
  }

  /// Escapes what JSON must, and invisible characters too: the value stays exact, and a terminal
  /// that shows the document is not steered by it.
  private static func write(_ text: String, to output: inout String) {
    output += "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": output += "\\\""
      case "\\": output += "\\\\"
      case "\n": output += "\\n"
      case "\t": output += "\\t"
      case "\r": output += "\\r"
      default:
        if HiddenText.kind(of: scalar) == nil {
          output.unicodeScalars.append(scalar)
        } else {
          for unit in String(scalar).utf16 {
            let digits = String(unit, radix: 16)
            output += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
          }
        }
      }
    }
    output += "\""
  }
}
