/// A text that is shown to nobody: neither printed, nor described, nor mirrored, nor encoded.
struct Secret: Sendable, Hashable, CustomStringConvertible, CustomDebugStringConvertible,
  CustomReflectable
{
  private let text: String

  init(_ text: String) { self.text = text }

  /// The text itself, for the one request header that it is for.
  func reveal() -> String { text }

  var description: String { "********" }
  var debugDescription: String { description }
  var customMirror: Mirror { Mirror(reflecting: description) }
}
