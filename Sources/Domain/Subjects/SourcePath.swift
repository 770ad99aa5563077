/// A path inside a repository, as the bytes git stores, because git paths need not be UTF-8.
public struct SourcePath: Hashable, Sendable, Comparable, CustomStringConvertible {
  public let bytes: [UInt8]

  public init(bytes: [UInt8]) { self.bytes = bytes }
  public init(_ string: String) { bytes = Array(string.utf8) }

  /// For people and for JSON: bytes that are not UTF-8 become U+FFFD.
  public var description: String { String(decoding: bytes, as: UTF8.self) }

  /// The last component, without a slash.
  public var name: String {
    let start = bytes.lastIndex(of: UInt8(ascii: "/")).map { $0 + 1 } ?? 0
    return String(decoding: bytes[start...], as: UTF8.self)
  }

  /// Lower-cased text after the last dot of the name; empty where there is none.
  public var fileExtension: String {
    let name = name
    guard let dot = name.lastIndex(of: "."), dot != name.startIndex else { return "" }
    return name[name.index(after: dot)...].lowercased()
  }

  public static func < (a: SourcePath, b: SourcePath) -> Bool {
    a.bytes.lexicographicallyPrecedes(b.bytes)
  }
}

extension SourcePath: ExpressibleByStringLiteral {
  public init(stringLiteral value: String) { self.init(value) }
}
