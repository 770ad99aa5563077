/// Reads the text of a `TextPattern`.
struct TextPatternParser {
  typealias Node = TextPattern.Node
  typealias Malformed = TextPattern.Malformed

  static let digit: [ClosedRange<UInt32>] = [0x30...0x39]
  static let word: [ClosedRange<UInt32>] = [
    0x30...0x39, 0x41...0x5A, 0x5F...0x5F, 0x61...0x7A, 0xAA...0x2FF, 0x370...0x1FFF,
    0x3040...0xD7FF,
  ]
  static let space: [ClosedRange<UInt32>] = [0x09...0x0D, 0x20...0x20, 0xA0...0xA0]
  private static let deepest = 30
  private static let mostRepetitions = 100

  private let scalars: [Unicode.Scalar]
  private var index = 0
  private var depth = 0
  let ignoresCase: Bool

  init(_ text: String) {
    ignoresCase = text.hasPrefix("(?i)")
    scalars = Array((ignoresCase ? String(text.dropFirst(4)) : text).unicodeScalars)
  }

  mutating func parse() throws(Malformed) -> Node {
    let node = try choice()
    guard index == scalars.count else { throw malformed("has a ')' without its '('") }
    return node
  }

  private var next: Unicode.Scalar? { index < scalars.count ? scalars[index] : nil }

  private func malformed(_ why: String) -> Malformed {
    Malformed(description: "the pattern \(why)")
  }

  private mutating func choice() throws(Malformed) -> Node {
    depth += 1
    defer { depth -= 1 }
    guard depth <= Self.deepest else { throw malformed("is nested too deeply") }
    var nodes = [try sequence()]
    while next == "|" {
      index += 1
      nodes.append(try sequence())
    }
    return nodes.count == 1 ? nodes[0] : .choice(nodes)
  }

  private mutating func sequence() throws(Malformed) -> Node {
    var nodes: [Node] = []
    while let scalar = next, scalar != "|", scalar != ")" {
      let node = try repeated()
      if node != .empty { nodes.append(node) }
    }
    if nodes.isEmpty { return .empty }
    return nodes.count == 1 ? nodes[0] : .sequence(nodes)
  }

  private mutating func repeated() throws(Malformed) -> Node {
    var node = try single()
    var wasRepeated = false
    while let scalar = next {
      let bounds: (Int, Int?)
      switch scalar {
      case "*": bounds = (0, nil)
      case "+": bounds = (1, nil)
      case "?": bounds = (0, 1)
      case "{":
        guard let counted = try counts() else { return node }
        bounds = counted
        index -= 1
      default: return node
      }
      index += 1
      // `a+?` and `a++` of other dialects ask how much is taken, which a search does not tell.
      if wasRepeated, scalar == "?" || scalar == "+" { continue }
      // Nothing repeated is nothing, and would be unrolled without ever growing too large; so would
      // what is there no times.
      if bounds.1 == 0 {
        node = .empty
      } else if node != .empty {
        node = .several(node, least: bounds.0, most: bounds.1)
      }
      wasRepeated = true
    }
    return node
  }

  /// `{m}`, `{m,n}` or `{m,}`; a brace that is none of these is itself.
  private mutating func counts() throws(Malformed) -> (Int, Int?)? {
    guard let end = scalars[index...].firstIndex(of: "}") else { return nil }
    let text = String(String.UnicodeScalarView(scalars[(index + 1)..<end]))
    let parts = text.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
    guard (1...2).contains(parts.count), let least = Int(parts[0]) else { return nil }
    let most: Int?
    if parts.count == 1 {
      most = least
    } else if parts[1].isEmpty {
      most = nil
    } else if let number = Int(parts[1]) {
      most = number
    } else {
      return nil
    }
    guard least >= 0, max(least, most ?? 0) <= Self.mostRepetitions,
      most.map({ $0 >= least }) ?? true
    else {
      throw malformed(
        "has a count outside 0 to \(Self.mostRepetitions), or one that goes backwards")
    }
    index = end + 1
    return (least, most)
  }

  private mutating func single() throws(Malformed) -> Node {
    guard let scalar = next else { return .empty }
    index += 1
    switch scalar {
    case "(":
      if next == "?" {
        guard index + 1 < scalars.count, scalars[index + 1] == ":" else {
          throw malformed("uses '(?', of which only '(?:' and a leading '(?i)' are known")
        }
        index += 2
      }
      let node = try choice()
      guard next == ")" else { throw malformed("has a '(' without its ')'") }
      index += 1
      return node
    case "[": return try set()
    case ".": return .set([0x0A...0x0A], inverted: true)
    case "^": return .lineStart
    case "$": return .lineEnd
    case "*", "+", "?": throw malformed("has a '\(scalar)' with nothing before it")
    case "\\": return try escape()
    default: return literal(scalar)
    }
  }

  private func literal(_ scalar: Unicode.Scalar) -> Node {
    guard ignoresCase else { return .set([scalar.value...scalar.value], inverted: false) }
    let ranges = scalar.properties.lowercaseMapping.unicodeScalars.map { $0.value...$0.value }
    return ranges.count == 1
      ? .set(ranges, inverted: false) : .sequence(ranges.map { .set([$0], inverted: false) })
  }

  private mutating func escape() throws(Malformed) -> Node {
    guard let scalar = next else { throw malformed("ends with a backslash") }
    index += 1
    switch scalar {
    case "b": return .wordBoundary
    case "n": return .set([0x0A...0x0A], inverted: false)
    case "t": return .set([0x09...0x09], inverted: false)
    case "d", "D": return .set(Self.digit, inverted: scalar == "D")
    case "w", "W": return .set(Self.word, inverted: scalar == "W")
    case "s", "S": return .set(Self.space, inverted: scalar == "S")
    default:
      guard !scalar.properties.isAlphabetic, !("0"..."9").contains(scalar) else {
        throw malformed("uses '\\\(scalar)', which is not known here")
      }
      return literal(scalar)
    }
  }

  private mutating func set() throws(Malformed) -> Node {
    var ranges: [ClosedRange<UInt32>] = []
    var inverted = false
    if next == "^" {
      inverted = true
      index += 1
    }
    let first = index
    while let scalar = next {
      index += 1
      if scalar == "]", index - 1 > first { return .set(folded(ranges), inverted: inverted) }
      var low = scalar.value
      if scalar == "\\" {
        switch try escape() {
        case .set(let more, inverted: false):
          guard more.count == 1, let only = more.first, only.count == 1 else {
            ranges += more
            continue
          }
          low = only.lowerBound
        default: throw malformed("has an escape in '[…]' that cannot stand there")
        }
      }
      if next == "-", index + 1 < scalars.count, scalars[index + 1] != "]" {
        let high = scalars[index + 1].value
        guard high >= low else { throw malformed("has a range in '[…]' that goes backwards") }
        ranges.append(low...high)
        index += 2
      } else {
        ranges.append(low...low)
      }
    }
    throw malformed("has a '[' without its ']'")
  }

  /// The text is in lower case then; so must the set be.
  private func folded(_ ranges: [ClosedRange<UInt32>]) -> [ClosedRange<UInt32>] {
    guard ignoresCase else { return ranges }
    return ranges
      + ranges.compactMap { range in
        let upper = range.clamped(to: 0x41...0x5A)
        guard upper.overlaps(range) else { return nil }
        return (upper.lowerBound + 32)...(upper.upperBound + 32)
      }
  }
}
