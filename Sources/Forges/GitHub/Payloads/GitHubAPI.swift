import Domain
import Foundation

/// The shapes of GitHub's REST and GraphQL answers, as far as Stet reads them. Fields that GitHub
/// leaves out in old or in small answers are optional.
enum GitHubAPI {
  static let decoder: JSONDecoder = {
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    decoder.dateDecodingStrategy = .custom { decoder in
      let container = try decoder.singleValueContainer()
      let text = try container.decode(String.self)
      if let date = try? Date(text, strategy: .iso8601) { return date }
      let precise = Date.ISO8601FormatStyle(includingFractionalSeconds: true)
      if let date = try? Date(text, strategy: precise) { return date }
      throw DecodingError.dataCorruptedError(in: container, debugDescription: "not a date")
    }
    return decoder
  }()

  /// - Throws: `.unreachable` for JSON that breaks off, `.malformed` for anything else that is not
  ///   what the API promises.
  static func decode<Payload: Decodable>(
    _ type: Payload.Type, _ answer: GitHubAnswer, of call: GitHubCall
  ) throws(ForgeError) -> Payload {
    let problem: String
    do { return try decoder.decode(type, from: Data(answer.body)) } catch let
      DecodingError.keyNotFound(key, context)
    {
      problem = "misses \(path(context.codingPath + [key]))"
    } catch let DecodingError.typeMismatch(_, context) {
      problem = "has something else at \(path(context.codingPath))"
    } catch let DecodingError.valueNotFound(_, context) {
      problem = "has nothing at \(path(context.codingPath))"
    } catch {
      throw notJSON(answer, of: call)
    }
    throw ForgeError(
      code: .malformed,
      detail: OneSentence.of("GitHub's answer to \(call.printable) \(problem)"))
  }

  private struct AnythingPayload: Decodable {
    init(from decoder: any Decoder) {}
  }

  /// `nil` for what is not an array.
  static func itemCount(_ body: [UInt8]) -> Int? {
    try? decoder.decode([AnythingPayload].self, from: Data(body)).count
  }

  static func notJSON(_ answer: GitHubAnswer, of call: GitHubCall) -> ForgeError {
    let start = answer.body.first { !" \t\r\n".utf8.contains($0) }
    if start == UInt8(ascii: "{") || start == UInt8(ascii: "[") {
      return ForgeError(
        code: .unreachable,
        detail: OneSentence.of("GitHub's answer to \(call.printable) breaks off"))
    }
    let what =
      answer.body.isEmpty
      ? "is empty"
      : start == UInt8(ascii: "<") || answer.contentType == "text/html"
        ? "is a page in HTML, as a proxy or a login gives it" : "is not JSON"
    return ForgeError(
      code: .malformed,
      detail: OneSentence.of(
        "GitHub's answer to \(call.printable) \(what): check GitHub's API URL"))
  }

  private static func path(_ keys: [any CodingKey]) -> String {
    keys.isEmpty
      ? "its top"
      : keys.map { $0.intValue.map { "[\($0)]" } ?? $0.stringValue }.joined(separator: ".")
  }
}

extension GitHubAPI {
  struct AccountPayload: Decodable {
    var id: Int64?
    var login: String
    var type: String?

    /// What GitHub shows in the place of a deleted account.
    static let ghost = ForgeAccount(id: 10137, login: "ghost", isBot: false)
  }

  struct AppPayload: Decodable {
    var id: Int64
    var slug: String?
    var name: String?
  }

  struct PermissionPayload: Decodable {
    var permission: String
    /// Finer than `permission`; the name of a custom role at times.
    var roleName: String?
  }

  struct ReactionPayload: Decodable {
    var id: Int64
    var content: String
    var user: AccountPayload?
  }

  struct LabelPayload: Decodable { var name: String }

  struct CheckRunPayload: Decodable {
    struct Output: Decodable { var title: String? }

    var id: Int64
    var status: String
    var conclusion: String?
    var output: Output?
    var externalID: String?

    enum CodingKeys: String, CodingKey {
      case id, status, conclusion, output
      // As the decoder's key strategy writes it.
      case externalID = "externalId"
    }

    func isOwn(of pull: PullRequestReference) -> Bool {
      externalID.flatMap { CheckOwner(parsing: $0) }?.isOf(pull.number) ?? false
    }
  }

  struct CheckRunListPayload: Decodable {
    var checkRuns: [CheckRunPayload]
  }

  struct StatusPayload: Decodable {
    var id: Int64
    var state: String
    var context: String?
    var description: String?
  }
}

extension ForgeAccount {
  init(_ payload: GitHubAPI.AccountPayload?) {
    guard let payload else {
      self = GitHubAPI.AccountPayload.ghost
      return
    }
    self.init(
      id: payload.id ?? 0, login: payload.login,
      isBot: payload.type == "Bot" || payload.login.hasSuffix("[bot]"))
  }
}

extension ForgePermission {
  /// A custom role counts as the permission that it is built on.
  init(_ payload: GitHubAPI.PermissionPayload) {
    self =
      payload.roleName.flatMap(ForgePermission.init(rawValue:))
      ?? ForgePermission(rawValue: payload.permission) ?? .none
  }
}
