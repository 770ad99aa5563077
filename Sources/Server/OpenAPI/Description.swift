import Domain
import Hummingbird

/// The OpenAPI 3.1 document of a table of routes.
enum Description {
  /// Of the API, not of the program: it grows with a change that breaks its callers.
  static let version = "1"

  static func document(of routes: [Route]) -> JSONValue {
    var paths: [String: [String: JSONValue]] = [:]
    for route in routes {
      paths[route.path, default: [:]][route.method.rawValue.lowercased()] = operation(route)
    }
    return .object([
      "openapi": .string("3.1.0"),
      "info": .object([
        "title": .string("Stet"), "version": .string(version),
        "description": .string(
          "A self-hosted teammate for pull requests. Errors are `application/problem+json`."),
      ]),
      "paths": .object(paths.mapValues { .object($0) }),
      "components": .object([
        "schemas": .object(Schemas.all),
        "securitySchemes": .object([
          "token": .object([
            "type": .string("http"), "scheme": .string("bearer"),
            "description": .string(
              "Made by `stet token create`. While none exists, programs of this machine are "
                + "answered without one, unless the server has a public address."),
          ]),
          "session": .object([
            "type": .string("apiKey"), "in": .string("cookie"), "name": .string("stet_session"),
            "description": .string(
              "Set by the sign-in page of the dashboard; `__Host-stet_session` where the public "
                + "address is one of https."),
          ]),
        ]),
      ]),
    ])
  }

  private static func operation(_ route: Route) -> JSONValue {
    let operation = route.operation
    var members: [String: JSONValue] = [
      "operationId": .string(operation.id), "summary": .string(operation.summary),
      "tags": .array([.string(operation.tag)]), "responses": responses(route),
    ]
    if !operation.detail.isEmpty { members["description"] = .string(operation.detail) }
    if !operation.parameters.isEmpty {
      members["parameters"] = .array(operation.parameters.map(parameter))
    }
    if let body = operation.body {
      members["requestBody"] = .object([
        "required": .bool(!operation.isBodyOptional),
        "content": content(operation.bodyType, Schema.ref(body)),
      ])
    }
    if let scope = route.access.scope {
      let none = route.access.opensToThisMachine ? [JSONValue.object([:])] : []
      let session =
        route.access.isPage ? [JSONValue.object(["session": .array([])])] : []
      members["security"] = .array(session + [.object(["token": .array([])])] + none)
      members["x-scope"] = .string(scope.rawValue)
    }
    return .object(members)
  }

  private static func parameter(_ parameter: Operation.Parameter) -> JSONValue {
    .object([
      "name": .string(parameter.name), "in": .string(parameter.place.rawValue),
      "required": .bool(parameter.place == .path), "schema": parameter.schema,
      "description": .string(parameter.meaning),
    ])
  }

  private static func responses(_ route: Route) -> JSONValue {
    var responses: [String: JSONValue] = [:]
    for result in route.operation.results {
      var members: [String: JSONValue] = ["description": .string(result.meaning)]
      members["content"] = content(
        result.contentType, result.schema.map(Schema.ref) ?? Schema.text())
      if !result.headers.isEmpty {
        members["headers"] = .object(
          result.headers.mapValues {
            .object(["schema": Schema.text(), "description": .string($0)])
          })
      }
      responses["\(result.status)"] = .object(members)
    }
    for kind in problems(of: route) where responses["\(kind.status)"] == nil {
      responses["\(kind.status)"] = .object([
        "description": .string(kind.title + "."),
        "content": route.access.isPage
          ? content(PageTemplates.contentType, Schema.text())
          : content(Answer.problemType, Schema.ref("Problem")),
      ])
    }
    return .object(responses)
  }

  /// Those of the operation, and those that access, limits and the store bring.
  static func problems(of route: Route) -> [Problem.Kind] {
    var kinds = route.operation.problems
    if route.access.scope != nil { kinds += [.unauthorized, .forbidden, .unavailable] }
    if route.isLimited { kinds.append(.tooManyRequests) }
    if route.operation.body != nil {
      kinds += [.malformed, .tooSlow, .tooLarge, .unsupportedType, .invalidFields]
    }
    return kinds + [.failed]
  }

  private static func content(_ type: String, _ schema: JSONValue) -> JSONValue {
    .object([type: .object(["schema": schema])])
  }
}
