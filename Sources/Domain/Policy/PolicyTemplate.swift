/// Text with places for facts: `{title}`, `{number}`, …; `{{` and `}}` are braces.
public struct PolicyTemplate: Sendable, Hashable, CustomStringConvertible {
  public enum Place: String, Sendable, Hashable, CaseIterable {
    case number, title, body, author, actor, base, head, commit, repository, rule, reason
  }

  /// Why a template cannot be read.
  public struct Malformed: Error, Sendable, Equatable, CustomStringConvertible {
    public var description: String
    /// The place that is not known.
    public var word: String?
  }

  private enum Part: Sendable, Hashable {
    case text(String)
    case place(Place)
  }

  public let text: String
  private let parts: [Part]

  public init(_ text: String) throws(Malformed) {
    self.text = text
    var parts: [Part] = []
    var plain = ""
    var rest = text[...]
    while let character = rest.first {
      rest = rest.dropFirst()
      switch character {
      case "{" where rest.first == "{", "}" where rest.first == "}":
        plain.append(character)
        rest = rest.dropFirst()
      case "{":
        guard let end = rest.firstIndex(of: "}") else {
          throw Malformed(description: "has a '{' without its '}'; write '{{' for a brace")
        }
        let word = String(rest[..<end])
        guard let place = Place(rawValue: word) else {
          throw Malformed(
            description:
              "names '{\(word.prefix(40))}', which is not known; known are "
              + Place.allCases.map { "{\($0.rawValue)}" }.joined(separator: ", "), word: word)
        }
        if !plain.isEmpty { parts.append(.text(plain)) }
        plain = ""
        parts.append(.place(place))
        rest = rest[rest.index(after: end)...]
      case "}": throw Malformed(description: "has a '}' without its '{'; write '}}' for a brace")
      default: plain.append(character)
      }
    }
    if !plain.isEmpty { parts.append(.text(plain)) }
    self.parts = parts
  }

  /// - Parameter guarded: applied to what others wrote: title, body, names of branches and people.
  public func rendered(
    _ facts: PolicyFacts, rule: String, reason: String,
    guarded: (String) -> String = { $0 }
  ) -> String {
    parts.map { part in
      switch part {
      case .text(let text): text
      case .place(let place):
        switch place {
        case .number: "\(facts.number)"
        case .title: guarded(facts.title)
        case .body: guarded(facts.body)
        case .author: facts.author.login
        case .actor: facts.actor?.login ?? ""
        case .base: guarded(facts.base)
        case .head: guarded(facts.head)
        case .commit: facts.headCommit
        case .repository: facts.repository
        case .rule: rule
        case .reason: guarded(reason)
        }
      }
    }.joined()
  }

  public var description: String { text }
}
