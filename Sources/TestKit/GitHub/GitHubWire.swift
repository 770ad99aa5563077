import Domain
import Foundation

/// A request as GitHub would read it.
struct GitHubRequest {
  var method: String
  /// Path and query as on the wire.
  var target: String
  /// Decoded, without empty ones.
  var segments: [String]
  var query: [String: String]
  /// By lower-case name.
  var headers: [String: String]
  var body: [UInt8]

  init(_ request: ReceivedRequest) {
    method = request.method
    target = request.path
    let halves = request.path.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
    var parts = halves[0].split(separator: "/").map { String($0).removingPercentEncoding ?? "" }
    // An Enterprise server has its API below this path.
    if parts.starts(with: ["api", "v3"]) { parts.removeFirst(2) }
    if parts == ["api", "graphql"] { parts.removeFirst() }
    segments = parts
    query = [:]
    for pair in halves.dropFirst().first?.split(separator: "&") ?? [] {
      let sides = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      let texts = sides.map {
        $0.replacingOccurrences(of: "+", with: " ").removingPercentEncoding ?? ""
      }
      query[texts[0]] = texts.count > 1 ? texts[1] : ""
    }
    headers = Dictionary(request.headers.map { ($0.name.lowercased(), $0.value) }) { first, _ in
      first
    }
    body = request.body
  }

  /// `diff`, `raw` and the like of `application/vnd.github.v3.diff`; `nil` for JSON.
  var media: String? {
    let accepted = headers["accept"] ?? ""
    for type in accepted.split(separator: ",") {
      let name = type.split(separator: ";")[0].trimmingCharacters(in: .whitespaces)
      guard name.hasPrefix("application/vnd.github.") else { continue }
      let words = name.dropFirst("application/vnd.github.".count).split(separator: "+")[0]
        .split(separator: ".").filter { $0 != "v3" }
      if let word = words.first, word != "json" { return String(word) }
    }
    return nil
  }
}

struct GitHubReply {
  var status: Int
  var headers: [(name: String, value: String)] = []
  var body: [UInt8] = []
  var type = "application/json; charset=utf-8"

  static func json(_ value: JSONValue, status: Int = 200) -> GitHubReply {
    GitHubReply(status: status, body: value.bytes)
  }
}

/// An answer that says no.
struct GitHubRefusal: Error {
  var status: Int
  var message: String
  var errors: JSONValue?
  var documentation = "https://docs.github.com/rest"
  var headers: [(name: String, value: String)] = []

  static let notFound = GitHubRefusal(status: 404, message: "Not Found")
  static let badCredentials = GitHubRefusal(status: 401, message: "Bad credentials")
  static let forIntegration = GitHubRefusal(
    status: 403, message: "Resource not accessible by integration")

  /// 422 with one error of a field.
  static func field(
    _ resource: String, _ field: String, _ code: String, _ message: String? = nil
  ) -> GitHubRefusal {
    var error: [String: JSONValue] = [
      "resource": .string(resource), "field": .string(field), "code": .string(code),
    ]
    if let message { error["message"] = .string(message) }
    return GitHubRefusal(
      status: 422, message: "Validation Failed", errors: .array([.object(error)]))
  }

  /// 422 with sentences, as reviews are refused.
  static func unprocessable(_ sentences: String...) -> GitHubRefusal {
    GitHubRefusal(
      status: 422, message: "Unprocessable Entity",
      errors: .array(sentences.map(JSONValue.string)))
  }

  static func invalid(_ sentence: String) -> GitHubRefusal {
    GitHubRefusal(status: 422, message: "Invalid request.\n\n\(sentence)")
  }

  var reply: GitHubReply {
    var body: [String: JSONValue] = [
      "message": .string(message), "documentation_url": .string(documentation),
      "status": .string("\(status)"),
    ]
    if let errors { body["errors"] = errors }
    var reply = GitHubReply.json(.object(body), status: status)
    reply.headers = headers
    return reply
  }
}

/// What can stand in an `object([…])`.
protocol JSONWritable { var json: JSONValue { get } }
extension String: JSONWritable { var json: JSONValue { .string(self) } }
extension Int: JSONWritable { var json: JSONValue { .integer(self) } }
extension Int64: JSONWritable { var json: JSONValue { .integer(Int(self)) } }
extension Bool: JSONWritable { var json: JSONValue { .bool(self) } }
extension Double: JSONWritable { var json: JSONValue { .number(self) } }
extension JSONValue: JSONWritable { var json: JSONValue { self } }
extension Array: JSONWritable where Element: JSONWritable {
  var json: JSONValue { .array(map(\.json)) }
}
extension Dictionary: JSONWritable where Key == String, Value: JSONWritable {
  var json: JSONValue { .object(mapValues(\.json)) }
}
extension Date: JSONWritable { var json: JSONValue { .string(gitHubText) } }

/// A JSON object; `nil` is written as `null`.
func object(_ members: KeyValuePairs<String, (any JSONWritable)?>) -> JSONValue {
  var object: [String: JSONValue] = [:]
  for (name, value) in members { object[name] = value?.json ?? .null }
  return .object(object)
}

extension JSONValue {
  var bytes: [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return (try? encoder.encode(self)).map(Array.init) ?? []
  }

  init?(bytes: [UInt8]) {
    guard let value = try? JSONDecoder().decode(JSONValue.self, from: Data(bytes)) else {
      return nil
    }
    self = value
  }

  var members: [String: JSONValue] { if case .object(let members) = self { members } else { [:] } }
  var bool: Bool? { if case .bool(let value) = self { value } else { nil } }

  /// Both objects' members; those of `other` win.
  func merging(_ other: JSONValue) -> JSONValue {
    .object(members.merging(other.members) { $1 })
  }
}

extension Date {
  /// `2026-11-21T15:00:00Z`.
  var gitHubText: String { formatted(.iso8601) }

  /// `Sat, 21 Nov 2026 15:00:00 GMT`.
  var httpText: String {
    let parts = Calendar.gregorianUTC.dateComponents(
      [.weekday, .day, .month, .year, .hour, .minute, .second], from: self)
    func two(_ number: Int?) -> String { (number ?? 0) < 10 ? "0\(number ?? 0)" : "\(number ?? 0)" }
    let days = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
    let months = [
      "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]
    return "\(days[(parts.weekday ?? 1) - 1]), \(two(parts.day)) \(months[(parts.month ?? 1) - 1])"
      + " \(parts.year ?? 0) \(two(parts.hour)):\(two(parts.minute)):\(two(parts.second)) GMT"
  }
}

extension Calendar {
  fileprivate static var gregorianUTC: Calendar {
    var calendar = Calendar(identifier: .gregorian)
    calendar.timeZone = .gmt
    return calendar
  }
}

/// The members of a request's body, refused in GitHub's words where they are of the wrong type.
struct GitHubFields {
  var members: [String: JSONValue]
  var place = "properties"

  init(_ body: [UInt8]) throws {
    if body.isEmpty {
      members = [:]
      return
    }
    guard let value = JSONValue(bytes: body) else {
      throw GitHubRefusal(status: 400, message: "Problems parsing JSON")
    }
    guard case .object(let members) = value else {
      throw GitHubRefusal(status: 400, message: "Body should be a JSON object")
    }
    self.members = members
  }

  init(_ value: JSONValue, place: String) throws {
    guard case .object(let members) = value else {
      throw GitHubRefusal.invalid("For '\(place)', \(value.inspected) is not an object.")
    }
    self.members = members
    self.place = place
  }

  private func wrong(_ name: String, _ value: JSONValue, _ kind: String) -> GitHubRefusal {
    .invalid("For '\(place)/\(name)', \(value.inspected) is not \(kind).")
  }

  subscript(name: String) -> JSONValue? { members[name] == .null ? nil : members[name] }

  func string(_ name: String) throws -> String? {
    guard let value = self[name] else { return nil }
    guard let text = value.string else { throw wrong(name, value, "a string") }
    return text
  }

  func required(_ name: String) throws -> String {
    guard let text = try string(name) else {
      throw GitHubRefusal.invalid("\"\(name)\" wasn't supplied.")
    }
    return text
  }

  func integer(_ name: String) throws -> Int? {
    guard let value = self[name] else { return nil }
    guard let number = value.integer else { throw wrong(name, value, "an integer") }
    return number
  }

  func choice(_ name: String, of names: [String]) throws -> String? {
    guard let text = try string(name) else { return nil }
    guard names.contains(text) else {
      let list = names.map { "\"\($0)\"" }.joined(separator: ", ")
      throw GitHubRefusal.invalid(
        "For '\(place)/\(name)', \"\(text)\" is not a possible value. Must be one of the "
          + "following: \(list).")
    }
    return text
  }

  func array(_ name: String) throws -> [JSONValue]? {
    guard let value = self[name] else { return nil }
    guard let list = value.array else { throw wrong(name, value, "an array") }
    return list
  }
}

extension JSONValue {
  fileprivate var inspected: String { String(decoding: bytes, as: UTF8.self) }
}
