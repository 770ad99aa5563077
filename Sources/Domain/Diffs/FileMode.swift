/// What git says a path is: the number it stores in a tree, such as 0o100644.
public struct FileMode: Sendable, Hashable, CustomStringConvertible {
  /// The mode itself, permission bits included.
  public let raw: UInt32

  public init(raw: UInt32) { self.raw = raw }

  public static let regular = FileMode(raw: 0o100644)
  public static let executable = FileMode(raw: 0o100755)
  public static let symlink = FileMode(raw: 0o120000)
  public static let submodule = FileMode(raw: 0o160000)

  /// What stands at the path, permissions aside.
  public enum Kind: Sendable, Hashable { case file, symlink, submodule, other }

  public var kind: Kind {
    switch raw & 0o170000 {
    case 0o100000: .file
    case 0o120000: .symlink
    case 0o160000: .submodule
    default: .other
    }
  }

  public var isExecutable: Bool { kind == .file && raw & 0o111 != 0 }

  /// Six octal digits, as git prints them.
  public var description: String {
    let digits = String(raw, radix: 8)
    return String(repeating: "0", count: max(0, 6 - digits.count)) + digits
  }
}
