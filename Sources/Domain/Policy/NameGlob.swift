/// A pattern over a name: `*` is any text, `?` one character, everything else itself. With
/// `stopsAtSlash`, as for branches, `*` does not cross a slash and `**` does.
public struct NameGlob: Sendable, Hashable, CustomStringConvertible {
  private enum Step: Hashable, Sendable {
    case byte(UInt8)
    case any
    case star(crosses: Bool)
  }

  public static let longest = 256

  public let text: String
  private let steps: [Step]
  private let ignoresCase: Bool
  private let stopsAtSlash: Bool

  public init(_ text: String, ignoresCase: Bool = false, stopsAtSlash: Bool = false) {
    self.text = text
    self.ignoresCase = ignoresCase
    self.stopsAtSlash = stopsAtSlash
    var steps: [Step] = []
    let bytes = Array((ignoresCase ? text.lowercased() : text).utf8)
    var index = 0
    while index < bytes.count {
      switch bytes[index] {
      case UInt8(ascii: "*"):
        let start = index
        while index < bytes.count, bytes[index] == UInt8(ascii: "*") { index += 1 }
        steps.append(.star(crosses: !stopsAtSlash || index - start > 1))
        continue
      case UInt8(ascii: "?"): steps.append(.any)
      case let byte: steps.append(.byte(byte))
      }
      index += 1
    }
    self.steps = steps
  }

  /// - Complexity: O(bytes of name × bytes of pattern), whatever the pattern.
  public func matches(_ name: String) -> Bool {
    let slash = UInt8(ascii: "/")
    var states = [Bool](repeating: false, count: steps.count + 1)
    states[0] = true
    spread(&states)
    for byte in (ignoresCase ? name.lowercased() : name).utf8 {
      var next = [Bool](repeating: false, count: states.count)
      for (index, step) in steps.enumerated() where states[index] {
        switch step {
        case .byte(let wanted): if byte == wanted { next[index + 1] = true }
        case .any: if !stopsAtSlash || byte != slash { next[index + 1] = true }
        case .star(let crosses): if crosses || byte != slash { next[index] = true }
        }
      }
      spread(&next)
      states = next
    }
    return states[steps.count]
  }

  private func spread(_ states: inout [Bool]) {
    for (index, step) in steps.enumerated() where states[index] {
      if case .star = step { states[index + 1] = true }
    }
  }

  public var description: String { text }
}
