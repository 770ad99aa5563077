import Domain
import Foundation
import Hummingbird
import Logging
import NIOCore
import ServiceLifecycle
import UseCases

/// `/v1/repl`: interpreters in the sandbox that keep their names from cell to cell.
struct ReplRoutes {
  let ports: ServerPorts
  let limits: ServerLimits

  static let session = Operation.Parameter(
    name: "session", place: .path, schema: Schema.text(), meaning: "The session, as it was opened.")

  var routes: [Route] {
    [
      Route(
        .post, "/v1/repl", .api(.write), isLimited: true,
        Operation(
          id: "openRepl", tag: "repl", summary: "Starts a Python interpreter in the sandbox",
          detail: "It belongs to the token that opened it, and is closed when it was not used for "
            + "STET_REPL_IDLE seconds.",
          body: "ReplRequest",
          results: [
            .init(
              status: 201, meaning: "It is ready.", schema: "ReplSession",
              headers: ["Location": "The session."])
          ], problems: [.tooManyRequests, .unavailable]), handler: open),
      Route(
        .post, "/v1/repl/{session}/cells", .api(.write), isLimited: true,
        Operation(
          id: "runCell", tag: "repl", summary: "Runs one cell",
          detail: "An error of the code is a result, with status 200. With `Accept: "
            + "text/event-stream` the output comes as it is written: events `stdout` and `stderr` "
            + "with a `text`, last `result` (the cell) or `problem`. Who leaves meanwhile "
            + "interrupts the cell.",
          parameters: [Self.session], body: "CellRequest",
          results: [.init(status: 200, meaning: "The cell has ended.", schema: "Cell")],
          problems: [.notFound, .conflict, .unavailable]), handler: run),
      Route(
        .post, "/v1/repl/{session}/interrupt", .api(.write), isLimited: true,
        Operation(
          id: "interruptRepl", tag: "repl", summary: "Interrupts the cell that runs, if one does",
          parameters: [Self.session],
          results: [.init(status: 200, meaning: "It was told.", schema: "ReplSession")],
          problems: [.notFound]), handler: interrupt),
      Route(
        .post, "/v1/repl/{session}/reset", .api(.write), isLimited: true,
        Operation(
          id: "resetRepl", tag: "repl", summary: "Starts the session's interpreter anew",
          detail: "All names are lost, and a cell that runs is killed.",
          parameters: [Self.session],
          results: [.init(status: 200, meaning: "It is ready.", schema: "ReplSession")],
          problems: [.notFound, .unavailable]), handler: reset),
      Route(
        .delete, "/v1/repl/{session}", .api(.write), isLimited: true,
        Operation(
          id: "closeRepl", tag: "repl", summary: "Ends a session", parameters: [Self.session],
          results: [.init(status: 200, meaning: "It is closed.", schema: "ReplSession")],
          problems: [.notFound]), handler: close),
    ]
  }

  private func sessions() throws -> ReplSessions {
    guard let sessions = ports.repl else {
      throw Problem(.unavailable, "This server runs no code.")
    }
    return sessions
  }

  @Sendable private func open(
    _ request: Request, _ context: ServerContext
  ) async throws -> Response {
    try request.requireJSON()
    var fields = try JSONFields(
      await context.read(request, limit: limits.apiBody, deadline: limits.bodyDeadline))
    var image = SandboxImage.python
    if let name = fields.text("image", maxBytes: 100) {
      if let known = SandboxImage(rawValue: name) {
        image = known
      } else {
        let names = SandboxImage.allCases.map(\.rawValue).joined(separator: ", ")
        fields.refuse("image", "It has to be one of \(names).")
      }
    }
    try fields.check()
    let sessions = try sessions()
    do throws(ReplError) {
      let id = try await sessions.open(image: image, askedBy: context.caller.actor)
      var response = Self.answer(id, status: 201)
      response.headers[.location] = "/v1/repl/\(id)"
      return response
    } catch {
      throw Problem.of(repl: error)
    }
  }

  @Sendable private func run(
    _ request: Request, _ context: ServerContext
  ) async throws -> Response {
    try request.requireJSON()
    var fields = try JSONFields(
      await context.read(request, limit: limits.apiBody, deadline: limits.bodyDeadline))
    let sessions = try sessions()
    let code = fields.text("code", isRequired: true, maxBytes: limits.apiBody)
    let time = time(&fields, most: sessions.bounds.longestCell)
    try fields.check()
    let cell = ReplCell(
      sessions: sessions, session: context.parameter("session"), code: code ?? "", time: time,
      askedBy: context.caller.actor)
    if request.headers.first("accept")?.contains(RunEvents.contentType) == true {
      return Response(
        status: .ok,
        headers: [
          .contentType: RunEvents.contentType, .cacheControl: "no-store, no-transform",
          // Who listens for the client's leaving reads what may follow on its connection.
          .connection: "close",
        ],
        body: ResponseBody { writer in try await cell.stream(to: &writer, for: request) })
    }
    let result = try await whileHeard(request) {
      try await cell.finished()
    }
    var response = Answer.json(ReplCell.document(result))
    // Who listened for the client's leaving has read what may follow on its connection.
    response.headers[.connection] = "close"
    return response
  }

  private func time(_ fields: inout JSONFields, most: Duration) -> Duration? {
    switch fields.value("time") ?? .null {
    case .null: return nil
    case let value:
      let longest = most / .seconds(1)
      guard let seconds = value.number, seconds > 0, seconds <= longest else {
        fields.refuse("time", "It has to be a number of seconds above 0, at most \(Int(longest)).")
        return nil
      }
      return .seconds(seconds)
    }
  }

  @Sendable private func interrupt(
    _ request: Request, _ context: ServerContext
  ) async throws -> Response {
    try await order(context) { sessions, id, caller async throws(ReplError) in
      try await sessions.interrupt(id, askedBy: caller)
    }
  }

  @Sendable private func reset(
    _ request: Request, _ context: ServerContext
  ) async throws -> Response {
    try await order(context) { sessions, id, caller async throws(ReplError) in
      try await sessions.reset(id, askedBy: caller)
    }
  }

  @Sendable private func close(
    _ request: Request, _ context: ServerContext
  ) async throws -> Response {
    try await order(context) { sessions, id, caller async throws(ReplError) in
      try await sessions.close(id, askedBy: caller)
    }
  }

  private func order(
    _ context: ServerContext,
    _ give: (ReplSessions, String, String) async throws(ReplError) -> Void
  ) async throws -> Response {
    let id = context.parameter("session")
    let sessions = try sessions()
    do throws(ReplError) {
      try await give(sessions, id, context.caller.actor)
    } catch {
      throw Problem.of(repl: error)
    }
    return Self.answer(id)
  }

  private static func answer(_ id: String, status: Int = 200) -> Response {
    Answer.json(.object(["session": .string(id)]), status: status)
  }
}

/// One cell of a request.
struct ReplCell: Sendable {
  let sessions: ReplSessions
  let session: String
  let code: String
  let time: Duration?
  let askedBy: String

  func run(
    onOutput: @escaping @Sendable (SandboxOutput) -> Void = { _ in }
  ) async throws(ReplError) -> CellResult {
    try await sessions.run(
      code, in: session, limit: time, askedBy: askedBy, onOutput: onOutput)
  }

  /// - Throws: a `Problem`.
  func finished() async throws -> CellResult {
    do throws(ReplError) {
      return try await run()
    } catch {
      throw Problem.of(repl: error)
    }
  }

  static func document(_ cell: CellResult) -> JSONValue {
    .object([
      "stdout": .string(cell.stdout), "stderr": .string(cell.stderr),
      "value": Answer.optional(cell.value),
      "error": cell.error.map {
        .object([
          "name": .string($0.name), "message": .string($0.message),
          "traceback": .string($0.traceback),
        ])
      } ?? .null,
      "seconds": .number(cell.seconds),
    ])
  }

  private func outcome(
    _ onOutput: @escaping @Sendable (SandboxOutput) -> Void
  ) async -> Result<CellResult, ReplError> {
    do throws(ReplError) {
      return .success(try await run(onOutput: onOutput))
    } catch {
      return .failure(error)
    }
  }

  private enum Step: Sendable {
    case output(SandboxOutput)
    case ended(Result<CellResult, ReplError>)
  }

  /// Writes the output as it comes. A client that leaves, and a server that stops, interrupt the
  /// cell.
  func stream(to writer: inout any ResponseBodyWriter, for request: Request) async throws {
    let (steps, continuation) = AsyncStream.makeStream(of: Step.self)
    let cell = Task {
      continuation.yield(.ended(await outcome { continuation.yield(.output($0)) }))
      continuation.finish()
    }
    defer { cell.cancel() }
    let end = EventWriter(writer)
    try await withGracefulShutdownHandler {
      try await request.body.consumeWithInboundCloseHandler { rest in
        rest.letGo()
        var output = TextPieces()
        var error = TextPieces()
        for await step in steps {
          switch step {
          case .output(.output(let bytes)): try await end.text("stdout", output.text(bytes))
          case .output(.error(let bytes)): try await end.text("stderr", error.text(bytes))
          case .ended(let result):
            try await end.text("stdout", output.rest())
            try await end.text("stderr", error.rest())
            switch result {
            case .success(let done): try await end.event("result", Self.document(done))
            case .failure(let why):
              let problem = Problem.of(repl: why)
              try await end.event(
                "problem",
                .object([
                  "type": .string("/problems/\(problem.kind.rawValue)"),
                  "detail": .string(problem.detail),
                ]))
            }
          }
        }
      } onInboundClosed: {
        cell.cancel()
      }
    } onGracefulShutdown: {
      cell.cancel()
    }
    writer = end.writer
    try await writer.finish(nil)
  }
}

/// One client's end of a stream of events. Used by one task at a time.
private final class EventWriter {
  var writer: any ResponseBodyWriter
  private var number = 0

  init(_ writer: any ResponseBodyWriter) { self.writer = writer }

  func text(_ name: String, _ text: String) async throws {
    if !text.isEmpty { try await event(name, .object(["text": .string(text)])) }
  }

  func event(_ name: String, _ value: JSONValue) async throws {
    number += 1
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    let data = String(decoding: try encoder.encode(value), as: UTF8.self)
    try await writer.write(ByteBuffer(string: "event: \(name)\nid: \(number)\ndata: \(data)\n\n"))
  }
}

extension Problem {
  static func of(repl error: ReplError) -> Problem {
    let detail = SecretMask.masked(error.detail).text
    return switch error.code {
    case .unknown: Problem(.notFound, detail)
    case .running: Problem(.conflict, detail)
    case .ended: Problem(.conflict, "\(detail) `reset` starts another.")
    case .tooMany: Problem(.tooManyRequests, detail, headers: ["Retry-After": "60"])
    case .full: Problem(.unavailable, detail, headers: ["Retry-After": "60"])
    case .invalid: Problem.fields([.init(field: "code", message: detail)])
    case .unavailable: Problem(.unavailable, detail)
    case .cancelled:
      Problem(.unavailable, "The cell was broken off.", headers: ["Retry-After": "5"])
    }
  }
}
