import TestKit
import Testing
import WebClient

@Suite("Redirects")
struct RedirectTests {
  private let client = WebClient(configuration: WebClientConfiguration(userAgent: "stet/test"))

  private static func redirect(_ status: Int, to location: String) -> FaultReply {
    FaultReply(status: status, headers: [("Location", location)])
  }

  @Test("are never followed by a request with a secret", arguments: [301, 302, 303, 307, 308])
  func secret(status: Int) async throws {
    try await FaultServer.with { _ in
      .text("stolen")
    } _: { other in
      let elsewhere = other.url + "/?token=hunter2"
      try await FaultServer.with { _ in
        Self.redirect(status, to: elsewhere)
      } _: { server in
        let error = await #expect(throws: WebError.self) {
          try await client.send(
            WebRequest(
              url: server.url, headers: ["X-Key": "k"], carriesSecret: true,
              retry: RetryPolicy(attempts: 3), acceptsErrorStatus: true))
        }
        #expect(error?.code == .redirected)
        #expect(error?.status == status)
        #expect(error?.detail.contains("hunter2") == false)
        #expect(server.requests.count == 1)
        #expect(other.requests.isEmpty)
      }
    }
  }

  @Test("to another origin leave keys behind, to the same one they do not")
  func stripped() async throws {
    try await FaultServer.with { _ in
      .text("there")
    } _: { other in
      let elsewhere = other.url + "/x"
      try await FaultServer.with { request in
        switch request.path {
        case "/a": Self.redirect(302, to: "b?c=1")
        case "/b?c=1": Self.redirect(302, to: elsewhere)
        default: .text("lost", status: 404)
        }
      } _: { server in
        let response = try await client.send(
          WebRequest(
            url: server.url + "/a",
            headers: ["Authorization": "Basic eA==", "Cookie": "a=b", "X-Plain": "kept"]))
        #expect(response.body == Array("there".utf8))
        #expect(response.attempts == 1)
        #expect(server.requests.map { $0.header("authorization") } == ["Basic eA==", "Basic eA=="])
        let last = try #require(other.requests.first)
        #expect(last.header("authorization") == nil)
        #expect(last.header("cookie") == nil)
        #expect(last.header("x-plain") == "kept")
      }
    }
  }

  @Test(
    "change the method as RFC 9110 says",
    arguments: [(301, "GET"), (302, "GET"), (303, "GET"), (307, "POST"), (308, "POST")])
  func method(status: Int, expected: String) async throws {
    try await FaultServer.with { request in
      request.path == "/" ? Self.redirect(status, to: "/next") : .text("ok")
    } _: { server in
      _ = try await client.send(
        WebRequest(
          method: "POST", url: server.url, headers: ["Content-Type": "text/plain"],
          body: [0x61, 0x62]))
      let last = try #require(server.requests.last)
      #expect(last.path == "/next")
      #expect(last.method == expected)
      #expect(last.body == (expected == "POST" ? [0x61, 0x62] : []))
    }
  }

  @Test("in a circle end after five")
  func circle() async throws {
    try await FaultServer.with { _ in
      Self.redirect(302, to: "/again")
    } _: { server in
      let error = await #expect(throws: WebError.self) {
        try await client.send(
          WebRequest(url: server.url, deadline: .seconds(20), retry: RetryPolicy(attempts: 4)))
      }
      #expect(error?.code == .redirected)
      #expect(server.requests.count == 6)
    }
  }

  @Test(
    "to what is not the web are refused",
    arguments: ["file:///etc/passwd", "ftp://127.0.0.1/", "http://a:b@127.0.0.1/", "http://", "//"])
  func schemes(location: String) async throws {
    try await FaultServer.with { _ in
      Self.redirect(302, to: location)
    } _: { server in
      let error = await #expect(throws: WebError.self) {
        try await client.send(WebRequest(url: server.url, deadline: .seconds(20)))
      }
      #expect(error?.code == .redirected)
    }
  }

  @Test("without a target, and 304, are answers", arguments: [300, 302, 304])
  func noLocation(status: Int) async throws {
    try await FaultServer.with { _ in
      FaultReply(status: status)
    } _: { server in
      let response = try await client.send(WebRequest(url: server.url, carriesSecret: true))
      #expect(response.status == status)
    }
  }
}
