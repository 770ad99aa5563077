import TestKit
import Testing

@testable import WebClient

@Suite("Proxies")
struct ProxyTests {
  private func choose(
    _ environment: [String: String], _ url: String = "https://api.example.com/"
  ) throws -> ProxySettings.Choice {
    ProxySettings(environment: environment).choice(for: try WebAddress(url))
  }

  private static func http(_ host: String, _ port: Int) -> ProxySettings.Choice {
    .proxy(ProxySettings.Proxy(kind: .http, host: host, port: port))
  }

  @Test(
    "are chosen by the scheme, lower case first",
    arguments: [
      ([:], "https://x.test/", .direct),
      (["HTTPS_PROXY": "http://p:81"], "https://x.test/", http("p", 81)),
      (["HTTPS_PROXY": "http://p:81"], "http://x.test/", .direct),
      (["HTTPS_PROXY": "http://p:81", "https_proxy": "q:82"], "https://x.test/", http("q", 82)),
      (["https_proxy": "", "HTTPS_PROXY": "p:81"], "https://x.test/", http("p", 81)),
      (["HTTP_PROXY": "p:81"], "http://x.test/", http("p", 81)),
      (["HTTP_PROXY": "p:81", "REQUEST_METHOD": "GET"], "http://x.test/", .direct),
      (["http_proxy": "p:81", "REQUEST_METHOD": "GET"], "http://x.test/", http("p", 81)),
      (["ALL_PROXY": "p:81"], "http://x.test/", http("p", 81)),
      (["ALL_PROXY": "p:81", "HTTPS_PROXY": "q:82/"], "https://x.test/", http("q", 82)),
      (["HTTPS_PROXY": "http://p"], "https://x.test/", http("p", 1080)),
      (["HTTPS_PROXY": "http://[::5]:80"], "https://x.test/", http("::5", 80)),
      (["HTTPS_PROXY": "p:81"], "https://localhost/", .direct),
      (["HTTPS_PROXY": "p:81"], "https://127.3.2.1:444/", .direct),
      (["HTTPS_PROXY": "p:81"], "https://[::1]/", .direct),
      (
        ["all_proxy": "socks5://p:9"], "http://x.test/",
        .proxy(ProxySettings.Proxy(kind: .socks, host: "p", port: 9))
      ),
      (
        ["https_proxy": "http://me:a%40b%3A@p:9"], "https://x.test/",
        .proxy(ProxySettings.Proxy(kind: .http, host: "p", port: 9, user: "me", password: "a@b:"))
      ),
    ] as [([String: String], String, ProxySettings.Choice)])
  func choice(environment: [String: String], url: String, expected: ProxySettings.Choice) throws {
    #expect(try choose(environment, url) == expected)
  }

  @Test(
    "are left out for what NO_PROXY names",
    arguments: [
      ("*", "https://x.test/", true), ("x.test", "https://x.test/", true),
      ("x.test", "https://a.x.test/", true), (".x.test", "https://a.x.test/", true),
      (".x.test", "https://x.test/", true), ("*.x.test", "https://a.x.test/", true),
      ("x.test", "https://ax.test/", false), ("X.Test", "https://x.TEST/", true),
      ("a.test, x.test", "https://x.test/", true), ("a.test x.test", "https://x.test/", true),
      ("x.test:443", "https://x.test/", true), ("x.test:8443", "https://x.test/", false),
      ("x.test:8443", "https://x.test:8443/", true), ("10.0.0.0/8", "https://10.9.8.7/", true),
      ("10.0.0.0/8", "https://11.9.8.7/", false), ("10.128.0.0/9", "https://10.127.0.1/", false),
      ("10.0.0.0/8", "https://10.test/", false), ("192.168.1.1", "https://192.168.1.1/", true),
      ("192.168.1.1", "https://192.168.1.10/", false), ("fd00::/8", "https://[fd12::1]/", true),
      ("fd00::/8", "https://[fe12::1]/", false), ("2001:db8::1", "https://[2001:DB8:0::1]/", true),
      ("[fd00::1]:444", "https://[fd00::1]:444/", true), ("0.0.0.0/0", "https://8.8.8.8/", true),
      ("10.0.0.0/99,,/", "https://10.0.0.1/", false), ("", "https://x.test/", false),
    ])
  func exceptions(list: String, url: String, isDirect: Bool) throws {
    #expect((try choose(["https_proxy": "p:81", "no_proxy": list], url) == .direct) == isDirect)
  }

  @Test(
    "that cannot be used are named, without their password",
    arguments: [
      "https://p:81", "ftp://p", "http://me:hunter2@:80", "http://p:x", "socks5://me:hunter2@p",
    ])
  func unusable(setting: String) async throws {
    let proxy = ProxySettings(environment: ["HTTPS_PROXY": setting])
    let problem = try #require(proxy.problems.first)
    #expect(problem.contains("HTTPS_PROXY"))
    #expect(!problem.contains("hunter2"))
    let client = WebClient(configuration: WebClientConfiguration(userAgent: "x", proxy: proxy))
    let error = await #expect(throws: WebError.self) {
      try await client.send(WebRequest(url: "https://x.test/"))
    }
    #expect(error?.code == .invalidURL)
    #expect(error?.detail == problem)
  }

  @Test("are asked for a tunnel with their own credentials, which the target does not see")
  func tunnel() async throws {
    // After its 200 to CONNECT the proxy plays the target too: the tunnel is the same connection.
    try await FaultServer.with { request in
      request.method == "CONNECT" ? FaultReply() : .text("through")
    } _: { proxy in
      let client = WebClient(
        configuration: WebClientConfiguration(
          userAgent: "x",
          proxy: ProxySettings(environment: ["http_proxy": "http://me:pass@127.0.0.1:\(proxy.port)"]
          )))
      let response = try await client.send(
        WebRequest(url: "http://upstream.test/path", deadline: .seconds(20)))
      #expect(response.body == Array("through".utf8))
      #expect(proxy.requests.map(\.method) == ["CONNECT", "GET"])
      #expect(proxy.requests.map(\.path) == ["upstream.test:80", "/path"])
      #expect(
        proxy.requests.map { $0.header("proxy-authorization") } == ["Basic bWU6cGFzcw==", nil])
    }
  }

  @Test("that refuse are told from a target that is down", arguments: [407, 403, 502])
  func refusal(status: Int) async throws {
    try await FaultServer.with { _ in
      FaultReply(status: status)
    } _: { proxy in
      let client = WebClient(
        configuration: WebClientConfiguration(
          userAgent: "x",
          proxy: ProxySettings(environment: ["https_proxy": "127.0.0.1:\(proxy.port)"])))
      let error = await #expect(throws: WebError.self) {
        try await client.send(WebRequest(url: "https://upstream.test/", deadline: .seconds(20)))
      }
      #expect(error?.code == .unreachable)
      #expect(error?.detail.contains("proxy") == true)
      #expect(proxy.requests.map(\.path) == ["upstream.test:443"])
    }
  }

  @Test("do not hide that the target speaks no TLS")
  func noTLS() async throws {
    let server = try await SocketServer { connection in
      _ = try await connection.read()
      try await connection.write("HTTP/1.1 400 Bad Request\r\n\r\n")
      await connection.waitForClose()
    }
    let client = WebClient(configuration: WebClientConfiguration(userAgent: "x"))
    let error = await #expect(throws: WebError.self) {
      try await client.send(
        WebRequest(url: "https://127.0.0.1:\(server.port)/", deadline: .seconds(20)))
    }
    #expect(error?.code == .tlsFailed)
    await server.stop()
  }
}
