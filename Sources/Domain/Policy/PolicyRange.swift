/// Bounds of a number, both inclusive; without either it holds of every number.
public struct PolicyRange: Sendable, Hashable {
  public var least: Int?
  public var most: Int?

  public init(least: Int? = nil, most: Int? = nil) {
    self.least = least
    self.most = most
  }

  public func contains(_ number: Int) -> Bool {
    (least.map { number >= $0 } ?? true) && (most.map { number <= $0 } ?? true)
  }

  /// Such as `at least 2`, with each bound worded by the caller.
  func described(_ word: (Int) -> String = { "\($0)" }) -> String {
    switch (least, most) {
    case (nil, nil): "any number"
    case (let least?, nil): "at least \(word(least))"
    case (nil, let most?): most == 0 ? "none" : "at most \(word(most))"
    case (let least?, let most?):
      least == most ? "exactly \(word(least))" : "\(word(least)) to \(word(most))"
    }
  }
}

/// People by login (with `*` for any text) or by team.
public struct PolicyPeople: Sendable, Hashable {
  public var logins: [NameGlob]
  /// As `ORG/TEAM`, in lower case.
  public var teams: [String]

  public init(logins: [NameGlob] = [], teams: [String] = []) {
    self.logins = logins
    self.teams = teams
  }

  /// `LOGIN`, `*[bot]`, `@ORG/TEAM`; an `@` before a login is left out.
  public init(_ words: [String]) {
    self.init()
    for word in words {
      let name = word.hasPrefix("@") ? String(word.dropFirst()) : word
      if name.contains("/") {
        teams.append(name.lowercased())
      } else {
        logins.append(NameGlob(name, ignoresCase: true))
      }
    }
  }

  public var isEmpty: Bool { logins.isEmpty && teams.isEmpty }

  /// Whether it is one of them; unknown where only an unknown membership could tell.
  func truth(of person: PolicyFacts.Person) -> PolicyTruth {
    if logins.contains(where: { $0.matches(person.login) }) { return .yes }
    if teams.isEmpty { return .no }
    guard let own = person.teams else { return .unknown }
    return own.contains { teams.contains($0.lowercased()) } ? .yes : .no
  }

  /// Whether a person is surely one of them; nobody in particular means everybody.
  public func includes(_ person: PolicyFacts.Person) -> Bool {
    isEmpty || truth(of: person) == .yes
  }

  public var description: String {
    (logins.map(\.text) + teams.map { "@\($0)" }).joined(separator: ", ")
  }
}

/// What is known of a statement. Source: Kleene's strong logic of three values.
public enum PolicyTruth: String, Sendable, Hashable, Codable {
  case yes, no, unknown

  public init(_ flag: Bool) { self = flag ? .yes : .no }

  var opposite: PolicyTruth {
    switch self {
    case .yes: .no
    case .no: .yes
    case .unknown: .unknown
    }
  }
}
