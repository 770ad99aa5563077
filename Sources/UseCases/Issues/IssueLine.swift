public import Domain
import Foundation

/// One line of a batch: an issue as JSON, held to the bounds of the tracker.
public struct IssueLine: Sendable, Hashable {
  public static let longestTitle = 300
  public static let longestDescription = 64 << 10

  /// Whatever the line has, a text or a number, to be given back.
  public var id: JSONValue?
  public var title: String
  public var description: String

  /// - Throws: `IssueLineError` with all that is wrong.
  public init(parsing bytes: [UInt8]) throws(IssueLineError) {
    guard let value = try? JSONDecoder().decode(JSONValue.self, from: Data(bytes)) else {
      throw IssueLineError(detail: "It is not JSON in UTF-8.")
    }
    guard case .object(let members) = value else {
      throw IssueLineError(detail: "It has to be a JSON object with title and description.")
    }
    var wrong: [String] = []
    let title = (members["title"]?.string ?? "").trimmingCharacters(in: .whitespacesAndNewlines)
    if title.isEmpty || title.count > Self.longestTitle {
      wrong.append("title has to be a text of 1 to \(Self.longestTitle) characters")
    }
    let description: String
    switch members["description"] ?? .null {
    case .null: description = ""
    case .string(let text): description = text
    default:
      description = ""
      wrong.append("description has to be a text")
    }
    if description.utf8.count > Self.longestDescription {
      wrong.append("description is longer than \(Self.longestDescription) bytes")
    }
    switch members["id"] ?? .null {
    case .null: id = nil
    case .string(let text) where text.utf8.count <= 200: id = .string(text)
    case .integer(let number): id = .integer(number)
    default: wrong.append("id has to be a number or a text of at most 200 bytes")
    }
    guard wrong.isEmpty else {
      throw IssueLineError(detail: wrong.joined(separator: "; ") + ".")
    }
    self.title = title
    self.description = description
  }
}

/// Why a line of a batch is no issue, all reasons together.
public struct IssueLineError: Error, Sendable, Hashable {
  public var detail: String
}
