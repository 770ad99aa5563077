/// The strictest common subset of JSON Schema that every vendor's structured answers accept:
/// every member required, `null` by union, no further members, no numeric or length limits.
public indirect enum JSONSchema: Sendable, Hashable {
  case string
  case integer
  case number
  case boolean
  /// One of these strings.
  case choice([String])
  case nullable(JSONSchema)
  case list(JSONSchema)
  /// Members in the order in which a model should write them.
  case object([Member])

  public struct Member: Sendable, Hashable {
    public var name: String
    public var schema: JSONSchema
    public var description: String?

    public init(_ name: String, _ schema: JSONSchema, _ description: String? = nil) {
      self.name = name
      self.schema = schema
      self.description = description
    }
  }
}
