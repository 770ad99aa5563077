import Domain
import Hummingbird

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
    let code = fields.text("code", isRequired: true, maxBytes: limits.apiBody)
    if code?.isEmpty == true { fields.refuse("code", "It is empty.") }
    let diff = fields.text("diff", maxBytes: limits.apiBody)
    let words = fields.text("context", maxBytes: 64 << 10)
    let path = fields.text("path", maxBytes: 4096)
    try fields.check()

    let asked = FixRequest(
      code: code ?? "", diff: diff, context: words, path: path, askedBy: context.caller.actor,
      deadline: limits.fixDeadline)
    // The use case holds the deadline; the little more is for one that does not.
    let answer = try await within(limits.fixDeadline + .seconds(2)) {
      do {
        return try await fix(asked)
      } catch let failure as FixFailure {
        throw Self.problem(failure)
      }
    }
    guard let answer else { throw Self.problem(FixFailure(code: .timedOut, detail: "")) }
    return Answer.json(
      .object([
        "fixed_code": .string(answer.fixedCode), "changed": .bool(answer.changed),
        "reason": Answer.optional(answer.reason),
        "verified": .array(answer.verified.map(JSONValue.string)),
        "usage": RunDocument.usage(answer.usage), "run": .string(answer.run),
      ]))
  }

  private static func problem(_ failure: FixFailure) -> Problem {
    let detail = SecretMask.masked(failure.detail).text
    return switch failure.code {
    case .timedOut:
      Problem(
        .timedOut, "No fix came in time. Try again, or send less code. \(detail)",
        headers: ["Retry-After": "10"])
    case .tooLong: Problem.fields([.init(field: "code", message: detail)])
    case .modelFailed: Problem(.modelFailed, detail)
    case .storeFailed: Problem(.unavailable, detail, headers: ["Retry-After": "10"])
    }
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
