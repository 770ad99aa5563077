import Domain
import Foundation
import WebClient

/// One request of GitHub's API, before it is known who asks.
struct GitHubCall: Sendable {
  static let json = "application/vnd.github+json"
  static let diff = "application/vnd.github.diff"
  static let raw = "application/vnd.github.raw+json"
  /// The largest answer that is read. GitHub's own limits are far below it.
  static let maxAnswerBytes = 64 << 20

  enum Target: Sendable {
    /// Path and query beneath the API's URL.
    case rest(String)
    case graphQL
  }

  var endpoint: Endpoint
  var method: String
  var target: Target
  var accept = GitHubCall.json
  var body: [UInt8]?
  /// Sending it twice does no harm: a read, or a token that is asked for again.
  var mayRepeat: Bool
  /// Asked with the validator of the last answer, so that an unchanged one costs no rate limit.
  var isConditional = false
  /// A validator that the caller keeps itself, of an answer that is kept nowhere.
  var etag: String?
  /// Of a listing: how many items a full page has.
  var pageSize: Int?
  var budget: RetryBudget?

  /// The path without its query, for messages.
  var printable: String {
    switch target {
    case .rest(let target): "\(method) \(target.prefix { $0 != "?" })"
    case .graphQL: "\(method) /graphql (\(endpoint.rawValue))"
    }
  }

  /// GitHub keeps the limits of GraphQL apart.
  var resource: String {
    if case .graphQL = target { return "graphql" }
    return "core"
  }

  static func get(
    _ endpoint: Endpoint, _ path: APIPath, query: [(String, String)] = [],
    accept: String = GitHubCall.json, isConditional: Bool = false
  ) -> GitHubCall {
    GitHubCall(
      endpoint: endpoint, method: "GET", target: .rest(path.target(query)), accept: accept,
      mayRepeat: true, isConditional: isConditional)
  }

  static func change(
    _ endpoint: Endpoint, _ method: String, _ path: APIPath, body: some Encodable & Sendable
  ) throws(ForgeError) -> GitHubCall {
    GitHubCall(
      endpoint: endpoint, method: method, target: .rest(path.target()), body: try encoded(body),
      mayRepeat: false)
  }

  static func encoded(_ body: some Encodable) throws(ForgeError) -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.withoutEscapingSlashes, .sortedKeys]
    do { return [UInt8](try encoder.encode(body)) } catch {
      throw ForgeError(code: .rejected, detail: "The request to GitHub cannot be written as JSON.")
    }
  }
}

/// A path of the API, each of its parts escaped, so that none can reach into another path.
struct APIPath: Sendable, ExpressibleByArrayLiteral {
  private(set) var text = ""

  init(arrayLiteral parts: String...) { for part in parts { append(part) } }

  init(_ repository: RepositoryName, _ parts: String...) {
    for part in ["repos", repository.owner, repository.name] + parts { append(part) }
  }

  mutating func append(_ part: String) {
    // A part of dots alone would be taken for the folder above, escaped or not.
    let isDots = part == "." || part == ".."
    text += "/" + (isDots ? part.replacing(".", with: "%252E") : Self.escaped(part))
  }

  func target(_ query: [(String, String)] = []) -> String {
    guard !query.isEmpty else { return text }
    return text + "?"
      + query.map { "\(Self.escaped($0.0))=\(Self.escaped($0.1))" }.joined(separator: "&")
  }

  /// Everything but the unreserved characters. Source: RFC 3986, 2.3.
  static func escaped(_ text: String) -> String {
    let digits = Array("0123456789ABCDEF".utf8)
    var output: [UInt8] = []
    for byte in text.utf8 {
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."),
        UInt8(ascii: "_"), UInt8(ascii: "~"):
        output.append(byte)
      default: output += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
      }
    }
    return String(decoding: output, as: UTF8.self)
  }
}

/// What came back, errors aside.
struct GitHubAnswer: Sendable {
  var headers: WebHeaders
  var body: [UInt8]
  /// Only by the caller's own `etag`: there is no body then.
  var isUnchanged = false

  /// Lower case, without parameters.
  var contentType: String {
    let text = headers["content-type"] ?? ""
    return text.prefix { $0 != ";" }.lowercased().trimmingCharacters(in: .whitespaces)
  }

  /// The URL under `rel="next"`. Source: RFC 8288, 3, as far as GitHub uses it.
  var nextLink: String? {
    for value in headers.values(of: "link") {
      for link in value.split(separator: ",") {
        let parts = link.split(separator: ";").map { $0.trimmingCharacters(in: .whitespaces) }
        guard let url = parts.first, url.hasPrefix("<"), url.hasSuffix(">"),
          parts.dropFirst().contains(where: { $0 == "rel=\"next\"" || $0 == "rel=next" })
        else { continue }
        return String(url.dropFirst().dropLast())
      }
    }
    return nil
  }
}
