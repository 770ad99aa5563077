import Domain
import Foundation
import Hummingbird

/// One method at one place, with what `/openapi.json` says of it.
struct Route: Sendable {
  enum Access: Sendable, Hashable {
    /// Answered to anybody, or by a signature that the route checks itself.
    case open
    /// A token with at least this scope, or a program of this machine while no token exists.
    case api(APIToken.Scope)
    /// The same, and a program of this machine also when tokens exist.
    case thisMachine(APIToken.Scope)
    /// A page for people: by a session, or as the API; `nil`: for anybody.
    case page(APIToken.Scope?)

    /// `nil` where no token is asked for.
    var scope: APIToken.Scope? {
      switch self {
      case .open: nil
      case .api(let scope), .thisMachine(let scope): scope
      case .page(let scope): scope
      }
    }

    var isPage: Bool { if case .page = self { true } else { false } }

    var opensToThisMachine: Bool {
      if case .thisMachine = self { true } else { false }
    }
  }

  var method: HTTPRequest.Method
  /// Such as `/v1/runs/{id}`: the label of metrics, too.
  var path: String
  var access: Access
  /// Whether the limits per token, and per address of those refused, count it.
  var isLimited: Bool
  var operation: Operation
  var handler: @Sendable (Request, ServerContext) async throws -> Response

  init(
    _ method: HTTPRequest.Method, _ path: String, _ access: Access, isLimited: Bool = false,
    _ operation: Operation,
    handler: @escaping @Sendable (Request, ServerContext) async throws -> Response
  ) {
    self.method = method
    self.path = path
    self.access = access
    self.isLimited = isLimited
    self.operation = operation
    self.handler = handler
  }
}

/// Finds the route of a request.
struct RouteTable: Sendable {
  enum Match {
    case found(Route, parameters: [String: String])
    /// The place is known, with these methods.
    case wrongMethod([HTTPRequest.Method])
    case unknown
  }

  private enum Part: Sendable {
    case literal(Substring)
    case capture(String)
  }

  let routes: [Route]
  private let parts: [[Part]]

  init(_ routes: [Route]) {
    self.routes = routes
    parts = routes.map { route in
      route.path.dropFirst().split(separator: "/", omittingEmptySubsequences: false).map { part in
        part.hasPrefix("{") ? .capture(String(part.dropFirst().dropLast())) : .literal(part)
      }
    }
  }

  /// - Parameter path: without its query. A HEAD is a GET whose body is left out.
  func match(_ method: HTTPRequest.Method, _ path: String) -> Match {
    guard path.hasPrefix("/") else { return .unknown }
    let wanted = method == .head ? .get : method
    let segments = path.dropFirst().split(separator: "/", omittingEmptySubsequences: false)
    var allowed: [HTTPRequest.Method] = []
    for (route, parts) in zip(routes, parts) {
      guard let parameters = Self.parameters(of: segments, by: parts) else { continue }
      if route.method == wanted { return .found(route, parameters: parameters) }
      allowed.append(route.method)
      if route.method == .get { allowed.append(.head) }
    }
    return allowed.isEmpty ? .unknown : .wrongMethod(allowed)
  }

  private static func parameters(of segments: [Substring], by parts: [Part]) -> [String: String]? {
    guard segments.count == parts.count else { return nil }
    var parameters: [String: String] = [:]
    for (segment, part) in zip(segments, parts) {
      switch part {
      case .literal(let text): guard segment == text else { return nil }
      case .capture(let name):
        guard !segment.isEmpty, let value = segment.removingPercentEncoding else {
          return nil
        }
        parameters[name] = value
      }
    }
    return parameters
  }
}
