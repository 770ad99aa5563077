import Domain
import Testing

@testable import Server

/// A server behind a proxy, where everybody may look like a program of its machine.
@Suite struct PublicAddressTests {
  @Test(
    arguments: [
      (nil, false), ("", false), ("http://127.0.0.1:8080", false), ("http://localhost", false),
      ("http://[::1]:8080", false), ("https://stet.example.org", true),
      ("https://stet.example.org/path", true), ("http://10.0.0.1", true),
      ("http://localhost.example.org", true), ("no address at all", true),
      ("stet.example.org", true),
    ] as [(String?, Bool)])
  func aPublicAddressIsToldFromThisMachine(address: String?, isElsewhere: Bool) {
    #expect(ServerConfiguration(publicURL: address).isReachedFromElsewhere == isElsewhere)
  }

  @Test func nobodyIsTakenForAProgramOfThisMachine() async throws {
    try await withServer({ $1.publicURL = "https://stet.example.org" }) { server async throws in
      // As nginx with a bare `proxy_pass` sends it.
      for path in ["/v1/jobs", "/metrics", "/issues"] {
        let response = try await server.call("GET", path)
        #expect(response.status == 401, "\(path)")
        #expect(response.text.contains("stet token create"))
      }
      #expect(try await server.call("GET", "/healthz").status == 200)
      let signed = ["X-Signature": "good", "X-Delivery": "d", "X-Event": "push"]
      let delivery = try await server.call(
        "POST", "/webhooks/forge", headers: signed, body: "{}")
      #expect(delivery.status == 202)

      let (text, _) = try await server.makeToken(.read)
      for path in ["/v1/jobs", "/metrics"] {
        let response = try await server.call(
          "GET", path, headers: ["Authorization": "Bearer \(text)"])
        #expect(response.status == 200, "\(path)")
      }
    }
  }

  @Test func theDescriptionIsOpenToAll() async throws {
    try await withServer({ $1.publicURL = "https://stet.example.org" }) { server async throws in
      for path in ["/docs", "/openapi.json"] {
        let response = try await server.call("GET", path, headers: ["X-Forwarded-For": "8.8.8.8"])
        #expect(response.status == 200, "\(path)")
      }
    }
  }

  @Test func metricsStayOpenToThisMachineOnceTokensExist() async throws {
    try await withServer { server async throws in
      _ = try await server.makeToken(.read)
      try await eventually { try await server.call("GET", "/v1/jobs").status == 401 }
      #expect(try await server.call("GET", "/metrics").status == 200)
      let forwarded = try await server.call(
        "GET", "/metrics", headers: ["X-Forwarded-For": "8.8.8.8"])
      #expect(forwarded.status == 401)
    }
  }
}
