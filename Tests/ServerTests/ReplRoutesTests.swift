import Domain
import Foundation
import Logging
import Sandbox
import Testing
import UseCases

@testable import Server

/// Cells over HTTP, in the sandbox that the product uses.
@Suite struct ReplRoutesTests {
  private static let sandbox = IsolatedSandbox(
    images: ImageStore(folder: "/nowhere"), environment: ["PATH": "/usr/bin:/bin"],
    logger: Logger(label: "test"))

  private static func withSessions(
    _ bounds: ReplSessions.Bounds = .init(),
    _ body: @escaping @Sendable (ServerUnderTest, ReplSessions) async throws -> Void
  ) async throws {
    let sessions = ReplSessions(sandbox: sandbox, bounds: bounds)
    try await withServer({ ports, _ in ports.repl = sessions }) { server async throws in
      try await body(server, sessions)
    }
    await sessions.shutDown()
    #expect(await sessions.count == 0)
  }

  private static func open(
    _ server: ServerUnderTest, headers: [String: String] = [:]
  ) async throws -> String {
    let opened = try await server.json("POST", "/v1/repl", headers: headers, body: "{}")
    try #require(opened.status == 201)
    return try #require(opened.body["session"]?.string)
  }

  /// The cell, sent again while another runs.
  private static func once(
    _ server: ServerUnderTest, _ path: String, _ code: String
  ) async throws -> (status: Int, body: JSONValue) {
    while true {
      let answer = try await server.json("POST", path, body: cell(code))
      if answer.status != 409 { return answer }
      try await Task.sleep(for: .milliseconds(20))
    }
  }

  private static func cell(_ code: String, time: Double? = nil) throws -> String {
    var members: [String: JSONValue] = ["code": .string(code)]
    if let time { members["time"] = .number(time) }
    return String(decoding: try JSONEncoder().encode(JSONValue.object(members)), as: UTF8.self)
  }

  @Test func namesAreKeptUntilAResetAndAnErrorIsAResult() async throws {
    try await Self.withSessions { server, _ in
      let id = try await Self.open(server)
      let path = "/v1/repl/\(id)/cells"
      let first = try await server.json(
        "POST", path,
        body: Self.cell("import sys\nx = 6\nprint('out')\nprint('err', file=sys.stderr)"))
      #expect(first.status == 200)
      #expect(first.body["stdout"] == .string("out\n"))
      #expect(first.body["stderr"] == .string("err\n"))
      #expect(first.body["value"] == .null && first.body["error"] == .null)
      let second = try await server.json("POST", path, body: Self.cell("x * 7"))
      #expect(second.body["value"] == .string("42"))
      let third = try await server.json("POST", path, body: Self.cell("x / 0"))
      #expect(third.status == 200)
      #expect(third.body["error"]?["name"] == .string("ZeroDivisionError"))
      #expect(third.body["error"]?["traceback"]?.string?.contains("x / 0") == true)

      #expect(try await server.call("POST", "/v1/repl/\(id)/reset").status == 200)
      let after = try await server.json("POST", path, body: Self.cell("x"))
      #expect(after.body["error"]?["name"] == .string("NameError"))
      #expect(try await server.call("DELETE", "/v1/repl/\(id)").status == 200)
      #expect(try await server.call("POST", path, body: Self.cell("1")).status == 404)
      #expect(try await server.call("DELETE", "/v1/repl/\(id)").status == 404)
    }
  }

  @Test func aSessionIsNobodyElses() async throws {
    try await Self.withSessions { server, _ in
      let mine = ["Authorization": "Bearer \(try await server.makeToken().text)"]
      let others = ["Authorization": "Bearer \(try await server.makeToken().text)"]
      let id = try await Self.open(server, headers: mine)
      for (method, place, body) in [
        ("POST", "/cells", #"{"code":"1"}"#), ("POST", "/interrupt", nil), ("POST", "/reset", nil),
        ("DELETE", "", nil),
      ] as [(String, String, String?)] {
        let path = "/v1/repl/\(id)\(place)"
        #expect(try await server.call(method, path, headers: others, body: body).status == 404)
      }
      let own = try await server.json(
        "POST", "/v1/repl/\(id)/cells", headers: mine, body: #"{"code":"2 + 2"}"#)
      #expect(own.body["value"] == .string("4"))
    }
  }

  @Test(arguments: [
    ("/v1/repl", "{", 400), ("/v1/repl", "[]", 422), ("/v1/repl", #"{"image":"moon"}"#, 422),
    ("/v1/repl", #"{"image":"data"}"#, 503), ("/cells", "{}", 422),
    ("/cells", #"{"code":1}"#, 422), ("/cells", #"{"code":"1","time":"x"}"#, 422),
    ("/cells", #"{"code":"1","time":0}"#, 422), ("/cells", #"{"code":"1","time":1e9}"#, 422),
  ])
  func whatCannotBeTakenIsToldByField(_ place: String, _ body: String, _ status: Int) async throws {
    try await Self.withSessions { server, _ in
      var path = place
      if place == "/cells" { path = "/v1/repl/\(try await Self.open(server))/cells" }
      #expect(try await server.call("POST", path, body: body).status == status)
    }
  }

  @Test func boundsHoldAndIdleSessionsEnd() async throws {
    let bounds = ReplSessions.Bounds(sessions: 3, ofOne: 2, idle: .seconds(3))
    try await Self.withSessions(bounds) { server, sessions in
      let mine = ["Authorization": "Bearer \(try await server.makeToken().text)"]
      let others = ["Authorization": "Bearer \(try await server.makeToken().text)"]
      _ = try await Self.open(server, headers: mine)
      _ = try await Self.open(server, headers: mine)
      let third = try await server.call("POST", "/v1/repl", headers: mine, body: "{}")
      #expect(third.status == 429 && third.headers["retry-after"] != nil)
      _ = try await Self.open(server, headers: others)
      #expect(try await server.call("POST", "/v1/repl", headers: others, body: "{}").status == 503)
      try await eventually { await sessions.count == 0 }
      _ = try await Self.open(server, headers: mine)
    }
  }

  @Test func aCellThatRunsIsInterruptedAndAnotherWaitsForNothing() async throws {
    try await Self.withSessions { server, _ in
      let id = try await Self.open(server)
      let path = "/v1/repl/\(id)/cells"
      async let slow = Self.once(
        server, path, "kept = 1\nimport time\nprint('on', flush=True)\ntime.sleep(60)")
      try await eventually {
        try await server.call("POST", path, body: Self.cell("1")).status == 409
      }
      try await eventually {
        _ = try await server.call("POST", "/v1/repl/\(id)/interrupt")
        return try await server.call("POST", path, body: Self.cell("1")).status == 200
      }
      let cut = try await slow
      #expect(["KeyboardInterrupt", "Interrupted"].contains(cut.body["error"]?["name"]?.string))
      let late = try await server.json("POST", path, body: Self.cell("while True: pass", time: 0.3))
      #expect(late.body["error"]?["name"] == .string("TimedOut"))
    }
  }

  @Test func anInterpreterThatEndedIsToldAndResets() async throws {
    try await Self.withSessions { server, _ in
      let id = try await Self.open(server)
      let path = "/v1/repl/\(id)/cells"
      #expect(
        try await server.call("POST", path, body: Self.cell("import os; os._exit(3)")).status == 409
      )
      #expect(try await server.call("POST", path, body: Self.cell("1")).status == 409)
      #expect(try await server.call("POST", "/v1/repl/\(id)/reset").status == 200)
      #expect(try await server.call("POST", path, body: Self.cell("1")).status == 200)
    }
  }

  @Test func outputComesAsItIsWritten() async throws {
    try await Self.withSessions { server, _ in
      let id = try await Self.open(server)
      let connection = try await RawConnection(port: server.port)
      let body = try Self.cell(
        "import time\nprint('one', flush=True)\ntime.sleep(30)\n'never'", time: 40)
      try await connection.send(
        "POST /v1/repl/\(id)/cells HTTP/1.1\r\nHost: 127.0.0.1:\(server.port)\r\n"
          + "Accept: text/event-stream\r\nContent-Type: application/json\r\n"
          + "Content-Length: \(body.utf8.count)\r\n\r\n\(body)")
      let begin = try await connection.read(until: "\"one\\n\"}")
      #expect(begin.contains("event: stdout\nid: 1\ndata: {\"text\":\"one\\n\"}"))
      // Who leaves interrupts the cell, and the session stays.
      await connection.close()
      try await eventually {
        try await server.call("POST", "/v1/repl/\(id)/cells", body: Self.cell("1")).status == 200
      }
      let second = try await RawConnection(port: server.port)
      let short = try Self.cell("print('two')\n5")
      try await second.send(
        "POST /v1/repl/\(id)/cells HTTP/1.1\r\nHost: 127.0.0.1:\(server.port)\r\n"
          + "Accept: text/event-stream\r\nContent-Type: application/json\r\n"
          + "Content-Length: \(short.utf8.count)\r\n\r\n\(short)")
      let whole = String(decoding: await second.rest(), as: UTF8.self)
      #expect(whole.contains("event: result\n") && whole.contains(#""value":"5""#))
    }
  }

  @Test func aServerThatRunsNoCodeSaysSo() async throws {
    try await withServer { server async throws in
      #expect(try await server.call("POST", "/v1/repl", body: "{}").status == 503)
    }
  }
}
