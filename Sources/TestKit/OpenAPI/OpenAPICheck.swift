public import Domain
import Foundation

/// Holds what was asked of a `FakeGitHub`, and what it answered, against GitHub's own descriptions.
///
///     let check = try #require(OpenAPICheck.shared)
///     #expect(check.problems(in: hub.log) == [])
public struct OpenAPICheck: Sendable {
  public struct Report: Sendable {
    /// As `GET /repos/{owner}/{repo}`.
    public var operations: Set<String> = []
    public var requests = 0
    /// Bodies of requests that were held against a schema.
    public var requestBodies = 0
    public var answers = 0
    public var answerBodies = 0
    /// `POST /graphql`, which no description covers.
    public var outside = 0
    /// Refusals that GitHub gives on every route, whether its description lists them or not.
    public var unlisted: Set<String> = []
    public var problems: [String] = []

    public var counts: String {
      "\(operations.count) operations, \(requests) requests (\(requestBodies) bodies), "
        + "\(answers) answers (\(answerBodies) bodies), \(outside) outside the description"
    }
  }

  private struct Operation {
    var name: String
    var parts: [String]
    var value: JSONValue
    var parameters: [JSONValue]
    var description: Int
  }

  private let descriptions: [JSONValue]
  private let checks: [JSONSchemaCheck]
  private let operations: [String: [Operation]]

  /// GitHub answers `null` here for a comment that a later commit has outdated, and for one on a
  /// whole file, though its description says that it does not.
  private static let nullInTruth: Set<String> = [
    ".line", ".original_line", ".position", ".start_line", ".original_start_line", ".start_side",
  ]

  /// - Parameter descriptions: OpenAPI 3.0 or 3.1; an operation is judged by the first that has it.
  public init(_ descriptions: [JSONValue]) {
    self.descriptions = descriptions
    let checks = descriptions.map {
      JSONSchemaCheck(document: $0, nullable: Self.nullInTruth)
    }
    self.checks = checks
    var operations: [String: [Operation]] = [:]
    for (index, description) in descriptions.enumerated() {
      for (template, item) in description["paths"]?.members ?? [:] {
        // `{base}...{head}` is the same as `{basehead}`.
        if template.contains("...") { continue }
        for (method, value) in item.members where value["responses"] != nil {
          let parameters = (item["parameters"]?.array ?? []) + (value["parameters"]?.array ?? [])
          operations[method.uppercased(), default: []].append(
            Operation(
              name: "\(method.uppercased()) \(template)",
              parts: template.split(separator: "/").map(String.init), value: value,
              parameters: parameters.map(checks[index].resolved), description: index))
        }
      }
    }
    self.operations = operations
  }

  /// The descriptions of the shared data folder: the official one of 2022-07, and for what it lacks
  /// one derived in 2026-10. `nil` where the folder is absent.
  public static let shared: OpenAPICheck? = {
    let folder = ProcessInfo.processInfo.environment["STET_SHARED_DATA"] ?? "../shared/data"
    let names = [
      "openapi-2022-07-api.github.com-trimmed.json", "openapi-derived-2026-10-v2022-11-28.json",
    ]
    let documents = names.compactMap { name in
      FileManager.default.contents(atPath: "\(folder)/github/\(name)")
        .flatMap { JSONValue(bytes: Array($0)) }
    }
    return documents.count == names.count ? OpenAPICheck(documents) : nil
  }()

  public func problems(in log: [FakeGitHub.Exchange]) -> [String] { report(on: log).problems }

  public func report(on log: [FakeGitHub.Exchange]) -> Report {
    var report = Report()
    for exchange in log { check(exchange, &report) }
    return report
  }

  private func check(_ exchange: FakeGitHub.Exchange, _ report: inout Report) {
    if exchange.plainPath == "/graphql" {
      report.outside += 1
      return
    }
    report.requests += 1
    guard let (operation, parameters) = operation(of: exchange) else {
      if exchange.status != 404 {
        report.problems.append(
          "\(exchange.method) \(exchange.plainPath): no operation of the description")
      }
      return
    }
    report.operations.insert(operation.name)
    func add(_ problems: [String], _ what: String) {
      report.problems += problems.map {
        "\(operation.name) \(exchange.status), \(what): \($0)"
      }
    }
    // What was refused as malformed is not held to the form.
    if exchange.status != 400, exchange.status != 422 {
      add(request(exchange, operation, parameters, &report), "request")
    }
    guard exchange.status != 0, !exchange.isFault else { return }
    report.answers += 1
    add(answer(exchange, operation, &report), "answer")
  }

  private func operation(
    of exchange: FakeGitHub.Exchange
  ) -> (Operation, [String: String])? {
    let segments = GitHubRequest(
      ReceivedRequest(
        method: exchange.method, path: exchange.path, headers: [], body: [], connection: 0,
        number: 0)
    ).segments
    var best: (Operation, [String: String])?
    var bestRank = (-1, 0)
    for operation in operations[exchange.method] ?? [] {
      guard let parameters = Self.match(operation.parts, segments) else { continue }
      let literals = operation.parts.count { !$0.hasPrefix("{") }
      // Of equals, the first description's.
      if (literals, -operation.description) > bestRank {
        best = (operation, parameters)
        bestRank = (literals, -operation.description)
      }
    }
    return best
  }

  private static func match(_ parts: [String], _ segments: [String]) -> [String: String]? {
    let takesRest = ["{path}", "{basehead}", "{ref}"].contains(parts.last)
    guard segments.count == parts.count || (takesRest && segments.count > parts.count) else {
      return nil
    }
    var parameters: [String: String] = [:]
    for (index, part) in parts.enumerated() {
      if part.hasPrefix("{") {
        let isLast = takesRest && index == parts.count - 1
        parameters[String(part.dropFirst().dropLast())] =
          isLast ? segments[index...].joined(separator: "/") : segments[index]
      } else if part != segments[index] {
        return nil
      }
    }
    return parameters
  }

  private func request(
    _ exchange: FakeGitHub.Exchange, _ operation: Operation, _ path: [String: String],
    _ report: inout Report
  ) -> [String] {
    var problems: [String] = []
    let check = checks[operation.description]
    func parameter(_ name: String, _ place: String) -> JSONValue? {
      operation.parameters.first { $0["name"]?.string == name && $0["in"]?.string == place }
    }
    func judge(_ text: String, _ name: String, _ place: String) {
      guard let parameter = parameter(name, place), let schema = parameter["schema"] else {
        problems.append("\(place) parameter '\(name)' is not in the description")
        return
      }
      let whole = check.resolved(schema)
      let value: JSONValue =
        whole["type"]?.string == "string"
        ? .string(text)
        : Int(text).map(JSONValue.integer)
          ?? .string(text)
      problems += check.problems(of: value, against: schema).map { "\(place) \(name) \($0)" }
    }
    for (name, text) in path.sorted(by: { $0.key < $1.key }) {
      // The first description writes `{path}` with its own rules of escaping.
      judge(text, name, "path")
    }
    let query = GitHubRequest(
      ReceivedRequest(
        method: "GET", path: exchange.path, headers: [], body: [], connection: 0, number: 0)
    ).query
    for (name, text) in query.sorted(by: { $0.key < $1.key }) { judge(text, name, "query") }
    if exchange.requestBody.isEmpty == false, exchange.requestJSON == nil {
      return problems + ["the body is not JSON"]
    }
    // A newer description may allow a form that the older one did not know.
    let judged = operations[exchange.method, default: []].filter { $0.name == operation.name }
      .sorted { $0.description < $1.description }.map { self.body(exchange, $0) }
    if exchange.requestJSON != nil { report.requestBodies += 1 }
    return problems + (judged.contains([]) ? [] : judged.first ?? [])
  }

  private func body(_ exchange: FakeGitHub.Exchange, _ operation: Operation) -> [String] {
    let check = checks[operation.description]
    let body = check.resolved(operation.value["requestBody"] ?? .null)
    guard let schema = body["content"]?["application/json"]?["schema"] else {
      return exchange.requestBody.isEmpty ? [] : ["a body where the description has none"]
    }
    guard let value = exchange.requestJSON else {
      return body["required"]?.bool == true ? ["no body where one is required"] : []
    }
    var problems = check.problems(of: value, against: schema)
    // A member that nobody reads is a mistake, though the schema lets it pass.
    if let named = check.resolved(schema)["properties"]?.members {
      for name in value.members.keys.sorted() where named[name] == nil {
        problems.append("the body's member '\(name)' is not in the description")
      }
    }
    return problems
  }

  private static let everywhere: Set<Int> = [400, 401, 403, 404, 406, 415, 422, 429, 500, 502, 503]

  private func answer(
    _ exchange: FakeGitHub.Exchange, _ operation: Operation, _ report: inout Report
  ) -> [String] {
    let check = checks[operation.description]
    // What any of the descriptions lists for it.
    let same = operations[exchange.method, default: []].filter { $0.name == operation.name }
    let isListed = same.contains { other in
      let statuses = other.value["responses"]?.members ?? [:]
      return statuses["\(exchange.status)"] != nil
        || statuses["\(exchange.status / 100)XX"] != nil
    }
    let notModified = exchange.status == 304 && exchange.method == "GET"
    if !isListed {
      guard Self.everywhere.contains(exchange.status) || notModified else {
        return ["status \(exchange.status) is not listed"]
      }
      report.unlisted.insert("\(operation.name) \(exchange.status)")
    }
    if exchange.status == 204 || notModified {
      return exchange.responseBody.isEmpty ? [] : ["a body where there can be none"]
    }
    let type = exchange.responseHeaders["content-type"] ?? ""
    // Diffs and raw files have no schema.
    guard type.hasPrefix("application/json") else { return [] }
    guard let value = exchange.responseJSON else { return ["the body is not JSON"] }
    report.answerBodies += 1
    let responses = operation.value["responses"]
    let response = check.resolved(
      responses?["\(exchange.status)"] ?? responses?["\(exchange.status / 100)XX"] ?? .null)
    guard let schema = response["content"]?["application/json"]?["schema"] else {
      guard exchange.status >= 400 else { return ["no schema for an answer with a body"] }
      return value["message"]?.string == nil ? ["a refusal without a message"] : []
    }
    return check.problems(of: value, against: schema)
  }
}
