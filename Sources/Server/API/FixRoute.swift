import Domain
import Hummingbird
import UseCases

/// `POST /fix`: one model call, and the code alone comes back.
struct FixRoute {
  let ports: ServerPorts
  let limits: ServerLimits

  var routes: [Route] {
    [
      Route(
        .post, "/fix", .api(.write), isLimited: true,
        Operation(
          id: "fix", tag: "fix", summary: "Fixes one file",
          detail: "Without a model it is what linters can fix.", body: "FixRequest",
          results: [
            .init(status: 200, meaning: "The code, changed or not.", schema: "FixAnswer")
          ], problems: [.modelFailed, .timedOut, .unavailable]), handler: fix)
    ]
  }

  @Sendable private func fix(
    _ request: Request, _ context: ServerContext
  ) async throws -> Response {
    try request.requireJSON()
    guard let fix = ports.fix else {
      throw Problem(.unavailable, "This server was started without the part that fixes code.")
    }
    var fields = try JSONFields(
      await context.read(request, limit: limits.apiBody, deadline: limits.bodyDeadline))
    let most = FixCode.largest.value
    let code = fields.text("code", isRequired: true, maxBytes: most)
    if code?.isEmpty == true { fields.refuse("code", "It is empty.") }
    let diff = fields.text("diff", maxBytes: most)
    let words = fields.text("context", maxBytes: most)
    let path = fields.text("path", maxBytes: 4096)
    try fields.check()

    let asked = FixCode.Request(
      code: code ?? "", diff: diff, context: words, path: path, askedBy: context.caller.actor,
      deadline: limits.fixDeadline)
    // The use case holds the deadline; the little more is for one that does not.
    let answer = try await whileHeard(request) {
      try await within(limits.fixDeadline + .seconds(2)) {
        do throws(FixError) {
          return try await fix(asked)
        } catch {
          throw Self.problem(error)
        }
      }
    }
    guard let answer else { throw Self.problem(FixError(code: .timedOut, detail: "")) }
    var response = Answer.json(
      .object([
        "fixed_code": .string(answer.fixedCode), "changed": .bool(answer.changed),
        "reason": Answer.optional(answer.reason),
        "verified": .array(answer.verified.map(JSONValue.string)),
        "usage": RunDocument.usage(answer.usage), "run": .string(answer.run),
      ]))
    // Who listened for the client's leaving has read what may follow on its connection.
    response.headers[.connection] = "close"
    return response
  }

  private static func problem(_ error: FixError) -> Problem {
    let detail = SecretMask.masked(error.detail).text
    let seconds = error.retryAfter.map { "\(max(1, Int(($0 / .seconds(1)).rounded(.up))))" }
    return switch error.code {
    case .invalid, .tooLong:
      Problem.fields([
        .init(
          field: error.field ?? "code", message: error.field == nil ? detail : "It \(detail).")
      ])
    case .timedOut:
      Problem(
        .timedOut, "No fix came in time: try again, or send less code. \(detail)",
        headers: ["Retry-After": seconds ?? "10"])
    case .rateLimited:
      Problem(.unavailable, detail, headers: ["Retry-After": seconds ?? "30"])
    case .unauthorized, .modelFailed: Problem(.modelFailed, detail)
    case .cancelled:
      Problem(.unavailable, "The server was stopped meanwhile.", headers: ["Retry-After": "5"])
    }
  }
}

/// Does the work of a request whose body was read, and cancels it where its client leaves meanwhile.
func whileHeard<Value: Sendable>(
  _ request: Request, _ work: @escaping @Sendable () async throws -> Value
) async throws -> Value {
  do {
    return try await request.body.consumeWithCancellationOnInboundClose { rest in
      rest.letGo()
      return try await work()
    }
  } catch is CancellationError {
    // Nobody is left to read it; the log has its status.
    throw Problem(.unavailable, "The client left before the answer.")
  }
}

/// - Returns: `nil` where it took longer; the work is cancelled then.
func within<Value: Sendable>(
  _ limit: Duration, _ work: @escaping @Sendable () async throws -> Value
) async throws -> Value? {
  try await withThrowingTaskGroup(of: Value?.self) { group in
    group.addTask { try await work() }
    group.addTask {
      try await Task.sleep(for: limit)
      return nil
    }
    defer { group.cancelAll() }
    return try await group.next() ?? nil
  }
}
