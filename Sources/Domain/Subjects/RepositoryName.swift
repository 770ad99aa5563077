/// A repository on a forge, written `OWNER/NAME`. GitHub compares both without regard to case.
public struct RepositoryName: Sendable, Hashable, Codable, CustomStringConvertible {
  public var owner: String
  public var name: String

  public init(owner: String, name: String) {
    self.owner = owner
    self.name = name
  }

  /// - Returns: `nil` unless the text is two parts of letters, digits, `-`, `_` and `.`, neither of
  ///   them `.` or `..`, so that neither can reach into another path of an API.
  public init?(_ text: String) {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count == 2, parts.allSatisfy(Self.isPart) else { return nil }
    self.init(owner: String(parts[0]), name: String(parts[1]))
  }

  private static func isPart(_ part: Substring) -> Bool {
    !part.isEmpty && part.utf8.count <= 100 && part != "." && part != ".."
      && part.utf8.allSatisfy { byte in
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
          UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"),
          UInt8(ascii: "."):
          true
        default: false
        }
      }
  }

  public var description: String { "\(owner)/\(name)" }

  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    let text = try container.decode(String.self)
    guard let value = RepositoryName(text) else {
      throw DecodingError.dataCorruptedError(
        in: container, debugDescription: "'\(text)' is not OWNER/NAME")
    }
    self = value
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(description)
  }
}

/// A pull request by its place, written `OWNER/NAME#NUMBER`. Issues share the numbers.
public struct PullRequestReference: Sendable, Hashable, Codable, CustomStringConvertible {
  public var repository: RepositoryName
  public var number: Int

  public init(_ repository: RepositoryName, _ number: Int) {
    self.repository = repository
    self.number = number
  }

  /// `OWNER/NAME#NUMBER`; `nil` for anything else.
  public init?(_ text: String) {
    let parts = text.split(separator: "#", omittingEmptySubsequences: false)
    guard parts.count == 2, let repository = RepositoryName(String(parts[0])),
      let number = Int(parts[1]), number > 0, parts[1].utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 })
    else { return nil }
    self.init(repository, number)
  }

  public var description: String { "\(repository)#\(number)" }

  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    let text = try container.decode(String.self)
    guard let value = PullRequestReference(text) else {
      throw DecodingError.dataCorruptedError(
        in: container, debugDescription: "'\(text)' is not OWNER/NAME#NUMBER")
    }
    self = value
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(description)
  }
}
