/// Why the server did not start.
public struct ServerError: Error, Sendable, Hashable, CustomStringConvertible {
  public enum Code: String, Sendable {
    case portTaken = "port_taken"
    case cannotListen = "cannot_listen"
    /// It would be reachable from elsewhere while anybody may call it.
    case tokenNeeded = "token_needed"
  }
  public var code: Code
  /// One sentence that says what to do.
  public var detail: String

  public init(code: Code, detail: String) {
    self.code = code
    self.detail = detail
  }

  public var description: String { detail }
}
