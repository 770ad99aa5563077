/// A number of a model's tokens.
public struct TokenCount: Sendable, Hashable, Comparable, Codable, ExpressibleByIntegerLiteral {
  public var value: Int
  public init(_ value: Int) { self.value = value }
  public init(integerLiteral value: Int) { self.value = value }
  public init(from decoder: any Decoder) throws {
    value = try decoder.singleValueContainer().decode(Int.self)
  }
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(value)
  }
  public static func < (a: Self, b: Self) -> Bool { a.value < b.value }
  public static func + (a: Self, b: Self) -> Self { Self(a.value + b.value) }
  public static func - (a: Self, b: Self) -> Self { Self(a.value - b.value) }
  public static func += (a: inout Self, b: Self) { a.value += b.value }
}

/// An amount of money in United States dollars.
public struct USD: Sendable, Hashable, Comparable, Codable {
  public var value: Double
  public init(_ value: Double) { self.value = value }
  public init(from decoder: any Decoder) throws {
    value = try decoder.singleValueContainer().decode(Double.self)
  }
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(value)
  }
  public static func < (a: Self, b: Self) -> Bool { a.value < b.value }
  public static func + (a: Self, b: Self) -> Self { Self(a.value + b.value) }
}

/// A number of bytes.
public struct ByteCount: Sendable, Hashable, Comparable, Codable, ExpressibleByIntegerLiteral {
  public var value: Int
  public init(_ value: Int) { self.value = value }
  public init(integerLiteral value: Int) { self.value = value }
  public static func < (a: Self, b: Self) -> Bool { a.value < b.value }
  public static func mebibytes(_ count: Int) -> Self { Self(count << 20) }
}
