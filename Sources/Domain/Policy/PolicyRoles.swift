/// What somebody may command, weakest first.
public enum PolicyRole: String, Sendable, Hashable, Codable, CaseIterable, Comparable {
  case none, reader, reviewer, maintainer, admin

  private var rank: Int { Self.allCases.firstIndex(of: self) ?? 0 }
  public static func < (a: Self, b: Self) -> Bool { a.rank < b.rank }

  /// What the forge's permission is worth where the policy says nothing of a person.
  public init(_ permission: ForgePermission) {
    switch permission {
    case .none: self = .none
    case .read: self = .reader
    case .triage, .write: self = .reviewer
    case .maintain: self = .maintainer
    case .admin: self = .admin
    }
  }
}

/// Who may command what.
public struct PolicyRoles: Sendable, Hashable {
  public var people: [PolicyRole: PolicyPeople]
  /// The role that a command asks for, by its word; others have `defaults`.
  public var commands: [String: PolicyRole]

  public init(people: [PolicyRole: PolicyPeople] = [:], commands: [String: PolicyRole] = [:]) {
    self.people = people
    self.commands = commands
  }

  /// Commands, the role each asks for, and the permission on the forge without which no role helps.
  public static let defaults: [String: (role: PolicyRole, permission: ForgePermission)] = [
    "help": (.none, .none), "summary": (.reader, .read), "explain": (.reader, .read),
    "why": (.reader, .read), "review": (.reviewer, .triage), "ignore": (.reviewer, .triage),
    "enrich": (.reviewer, .triage), "fix": (.reviewer, .write), "queue": (.maintainer, .write),
    "dequeue": (.reviewer, .triage), "merge": (.maintainer, .write),
    "approve": (.maintainer, .write), "freeze": (.admin, .maintain),
    "unfreeze": (.admin, .maintain),
  ]

  public static var commandNames: [String] { defaults.keys.sorted() }

  /// The strongest role that names the person; otherwise what the forge's permission is worth.
  /// A membership that cannot be learned gives nothing.
  public func role(of person: PolicyFacts.Person) -> PolicyRole {
    let named = people.filter { $0.value.truth(of: person) == .yes }.map(\.key).max()
    return named ?? PolicyRole(person.permission ?? .none)
  }

  /// - Returns: `nil` where the person may; else one sentence that says what is lacking.
  public func refusal(of command: String, by person: PolicyFacts.Person) -> String? {
    let needed = Self.defaults[command] ?? (.admin, .admin)
    let role = role(of: person)
    let wanted = commands[command] ?? needed.role
    if role < wanted {
      return "'\(command)' needs the role \(wanted.rawValue); \(person.login) has \(role.rawValue)."
    }
    let permission = person.permission ?? .none
    if permission < needed.permission {
      return
        "'\(command)' needs \(needed.permission.rawValue) permission on the forge; "
        + "\(person.login) has \(permission.rawValue)."
    }
    return nil
  }
}
