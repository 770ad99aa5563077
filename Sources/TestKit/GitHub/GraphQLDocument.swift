import Domain

/// A GraphQL document with one operation, as far as clients of GitHub write them.
/// Source: GraphQL specification, October 2021, section 2. Directives are not read.
struct GraphQLDocument {
  struct Field {
    var name: String
    var alias: String
    var arguments: [String: JSONValue] = [:]
    var selections: [Selection] = []
    /// 1-based.
    var line: Int
    var column: Int
  }

  enum Selection {
    case field(Field)
    /// `... on Type { … }`, or a fragment by name put in its place.
    case inline(on: String?, [Selection])
  }

  struct ParseError: Error {
    var message: String
  }

  var isMutation: Bool
  var selections: [Selection]

  /// - Parameter variables: put in the place of `$name`; one that is absent is `null`.
  init(_ text: String, variables: [String: JSONValue]) throws {
    var parser = Parser(text, variables: variables)
    self = try parser.document()
  }

  private init(isMutation: Bool, selections: [Selection]) {
    self.isMutation = isMutation
    self.selections = selections
  }

  private struct Token {
    var text: String
    var isString = false
    var line: Int
    var column: Int
  }

  private struct Parser {
    var tokens: [Token] = []
    var index = 0
    var variables: [String: JSONValue]
    var fragments: [String: [Selection]] = [:]
    var declared: Set<String> = []

    init(_ text: String, variables: [String: JSONValue]) {
      self.variables = variables
      tokens = Self.tokens(text)
    }

    private static func tokens(_ text: String) -> [Token] {
      var tokens: [Token] = []
      var (line, column) = (1, 1)
      var rest = Substring(text)
      func isName(_ character: Character) -> Bool {
        character.isLetter || character.isNumber || character == "_"
      }
      while let first = rest.first {
        var token = Token(text: String(first), line: line, column: column)
        var length = 1
        if first == "#" {
          length = rest.prefix { !$0.isNewline }.count
        } else if isName(first) || first == "-" {
          let body = rest.dropFirst().prefix { isName($0) || $0 == "." }
          let isNumber = first == "-" || first.isNumber
          token.text = isNumber ? String(first) + String(body) : String(rest.prefix(while: isName))
          length = token.text.count
        } else if rest.hasPrefix("...") {
          token.text = "..."
          length = 3
        } else if first == "\"" {
          var value = ""
          var isEscaped = false
          for character in rest.dropFirst() {
            length += 1
            if isEscaped {
              value.append(["n": "\n", "t": "\t", "r": "\r"][character] ?? character)
              isEscaped = false
            } else if character == "\\" {
              isEscaped = true
            } else if character == "\"" {
              break
            } else {
              value.append(character)
            }
          }
          token.text = value
          token.isString = true
        }
        if first != "#", first != ",", !first.isWhitespace { tokens.append(token) }
        for character in rest.prefix(length) {
          if character.isNewline { (line, column) = (line + 1, 1) } else { column += 1 }
        }
        rest = rest.dropFirst(length)
      }
      return tokens
    }

    private var next: Token? { index < tokens.count ? tokens[index] : nil }

    private func unexpected() -> ParseError {
      guard let next else { return ParseError(message: "Expected one of SCHEMA, actual: (none)") }
      return ParseError(
        message: "Parse error on \"\(next.text)\" at [\(next.line), \(next.column)]")
    }

    private mutating func take(_ text: String) -> Bool {
      guard let next, next.text == text, !next.isString else { return false }
      index += 1
      return true
    }

    private mutating func expect(_ text: String) throws {
      guard take(text) else { throw unexpected() }
    }

    private mutating func name() throws -> Token {
      guard let next, !next.isString, let first = next.text.first,
        first.isLetter || first == "_"
      else { throw unexpected() }
      index += 1
      return next
    }

    mutating func document() throws -> GraphQLDocument {
      // Fragments may stand after the operation that names them.
      let all = tokens
      while index < tokens.count {
        if next?.text == "fragment" { try fragment() } else { try skipDefinition() }
      }
      tokens = all
      index = 0
      while next?.text == "fragment" { try skipDefinition() }
      var isMutation = false
      if take("mutation") {
        isMutation = true
        try heading()
      } else if take("query") {
        try heading()
      }
      return GraphQLDocument(isMutation: isMutation, selections: try selections())
    }

    private mutating func fragment() throws {
      try expect("fragment")
      let name = try name().text
      try expect("on")
      let type = try self.name().text
      fragments[name] = [.inline(on: type, try selections())]
    }

    private mutating func skipDefinition() throws {
      while let next, next.text != "{" || next.isString {
        index += 1
      }
      var depth = 0
      while let next {
        index += 1
        if next.isString { continue }
        if next.text == "{" { depth += 1 }
        if next.text == "}" { depth -= 1 }
        if depth == 0 { return }
      }
      throw unexpected()
    }

    /// The operation's name and variables, with their defaults.
    private mutating func heading() throws {
      if next?.text != "{", next?.text != "(" { _ = try name() }
      guard take("(") else { return }
      while !take(")") {
        try expect("$")
        let name = try name().text
        declared.insert(name)
        try expect(":")
        let isRequired = try type()
        if take("=") {
          let value = try value()
          if variables[name] == nil { variables[name] = value }
        }
        if isRequired, variables[name] == nil || variables[name] == .null {
          throw ParseError(
            message: "Variable $\(name) of type was provided invalid value: Expected value to "
              + "not be null")
        }
      }
    }

    private mutating func type() throws -> Bool {
      if take("[") {
        _ = try type()
        try expect("]")
      } else {
        _ = try name()
      }
      return take("!")
    }

    private mutating func selections() throws -> [Selection] {
      try expect("{")
      var selections: [Selection] = []
      while !take("}") {
        if take("...") {
          if take("on") {
            let type = try name().text
            selections.append(.inline(on: type, try self.selections()))
          } else if next?.text == "{" {
            selections.append(.inline(on: nil, try self.selections()))
          } else {
            selections += fragments[try name().text] ?? []
          }
          continue
        }
        selections.append(.field(try field()))
      }
      return selections
    }

    private mutating func field() throws -> Field {
      let first = try name()
      var field = Field(
        name: first.text, alias: first.text, line: first.line, column: first.column)
      if take(":") { field.name = try name().text }
      if take("(") {
        while !take(")") {
          let name = try name().text
          try expect(":")
          field.arguments[name] = try value()
        }
      }
      if next?.text == "{", next?.isString == false { field.selections = try selections() }
      return field
    }

    private mutating func value() throws -> JSONValue {
      guard let token = next else { throw unexpected() }
      if token.isString {
        index += 1
        return .string(token.text)
      }
      if take("$") {
        let name = try name().text
        guard declared.contains(name) else {
          throw ParseError(message: "Variable $\(name) is used by anonymous query but not declared")
        }
        return variables[name] ?? .null
      }
      if take("[") {
        var list: [JSONValue] = []
        while !take("]") { list.append(try value()) }
        return .array(list)
      }
      if take("{") {
        var members: [String: JSONValue] = [:]
        while !take("}") {
          let name = try name().text
          try expect(":")
          members[name] = try value()
        }
        return .object(members)
      }
      index += 1
      switch token.text {
      case "true": return .bool(true)
      case "false": return .bool(false)
      case "null": return .null
      default:
        if let number = Int(token.text) { return .integer(number) }
        if let number = Double(token.text) { return .number(number) }
        guard let first = token.text.first, first.isLetter else { throw unexpected() }
        return .string(token.text)
      }
    }
  }
}
