import Domain
import Hummingbird

/// What was wrong with a request, as `application/problem+json`. Source: RFC 9457.
struct Problem: Error, Sendable {
  enum Kind: String, Sendable, CaseIterable {
    case malformed, unsigned, unauthorized, forbidden
    case notFound = "not-found"
    case methodNotAllowed = "method-not-allowed"
    case tooSlow = "too-slow"
    case conflict
    case tooLarge = "too-large"
    case unsupportedType = "unsupported-type"
    case invalidFields = "invalid-fields"
    case tooManyRequests = "too-many-requests"
    case failed
    case modelFailed = "model-failed"
    case unavailable
    case timedOut = "timed-out"
  }

  /// One member of the request that cannot be taken as it is.
  struct FieldError: Sendable, Hashable {
    var field: String
    var message: String
  }

  var kind: Kind
  /// What is wrong here and what to do, secrets masked.
  var detail: String
  var errors: [FieldError] = []
  var headers: [String: String] = [:]

  init(
    _ kind: Kind, _ detail: String, errors: [FieldError] = [], headers: [String: String] = [:]
  ) {
    self.kind = kind
    self.detail = detail
    self.errors = errors
    self.headers = headers
  }

  static func fields(_ errors: [FieldError]) -> Problem {
    let names = errors.filter { !$0.field.isEmpty }.map { "`\($0.field)`" }
    return Problem(
      .invalidFields,
      names.isEmpty
        ? errors.map(\.message).joined(separator: " ")
        : "Some fields cannot be taken: \(names.joined(separator: ", ")). See `errors` for each.",
      errors: errors)
  }

  static func unknown(_ what: String, _ id: String) -> Problem {
    Problem(.notFound, "There is no \(what) \(Defanged.forPlainJSON(String(id.prefix(100)))).")
  }

  /// What a client is told of an error that no route expected. Its words go to the log alone.
  static func of(_ error: any Error) -> Problem {
    switch error {
    case let problem as Problem: problem
    case let error as StoreError: of(store: error)
    default:
      Problem(
        .failed, "This request failed inside Stet. Its log names the cause by the request id.")
    }
  }

  private static func of(store error: StoreError) -> Problem {
    let detail = SecretMask.masked(error.detail).text
    return switch error.code {
    case .conflict: Problem(.conflict, detail)
    case .full:
      Problem(
        .unavailable, "Nothing was stored, as the disk is full: \(detail) Make room and try again.",
        headers: ["Retry-After": "60"])
    case .tooLarge: Problem(.tooLarge, detail)
    case .unreachable:
      Problem(
        .unavailable, "It cannot be told whether this was stored: \(detail)",
        headers: ["Retry-After": "5"])
    case .locked, .cancelled:
      Problem(.unavailable, "Nothing was stored: \(detail)", headers: ["Retry-After": "5"])
    case .corrupt, .unwritable, .newerSchema, .failed, .refused:
      Problem(.unavailable, "Nothing was stored: \(detail)", headers: ["Retry-After": "60"])
    }
  }

  /// - Parameter instance: the request's id.
  func response(instance: String) -> Response {
    var members: [String: JSONValue] = [
      "type": .string("/docs#\(kind.rawValue)"), "title": .string(kind.title),
      "status": .integer(kind.status), "detail": .string(detail),
      "instance": .string("urn:stet:request:\(instance)"),
    ]
    if !errors.isEmpty {
      members["errors"] = .array(
        errors.map { .object(["field": .string($0.field), "message": .string($0.message)]) })
    }
    var response = Answer.json(
      .object(members), status: kind.status, contentType: Answer.problemType)
    for (name, value) in headers { response.headers.set(name, value) }
    return response
  }
}

extension Problem.Kind {
  var status: Int {
    switch self {
    case .malformed: 400
    case .unsigned, .unauthorized: 401
    case .forbidden: 403
    case .notFound: 404
    case .methodNotAllowed: 405
    case .tooSlow: 408
    case .conflict: 409
    case .tooLarge: 413
    case .unsupportedType: 415
    case .invalidFields: 422
    case .tooManyRequests: 429
    case .failed: 500
    case .modelFailed: 502
    case .unavailable: 503
    case .timedOut: 504
    }
  }

  var title: String {
    switch self {
    case .malformed: "The request cannot be read"
    case .unsigned: "The signature does not prove the sender"
    case .unauthorized: "A valid token is needed"
    case .forbidden: "The token does not allow this"
    case .notFound: "There is no such thing"
    case .methodNotAllowed: "The method is not served here"
    case .tooSlow: "The body came too slowly"
    case .conflict: "The state does not allow this"
    case .tooLarge: "The body is too large"
    case .unsupportedType: "The content type is not taken"
    case .invalidFields: "Some fields are not valid"
    case .tooManyRequests: "Too many requests"
    case .failed: "The request failed"
    case .modelFailed: "The work failed"
    case .unavailable: "The service cannot do this now"
    case .timedOut: "The work took too long"
    }
  }
}
