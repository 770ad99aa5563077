import TestKit
import Testing

@testable import WebClient

@Suite struct AddressGuardTests {
  private static let forbidden = [
    "0.0.0.0", "10.1.2.3", "100.64.0.1", "127.0.0.1", "127.255.255.254", "169.254.169.254",
    "172.16.0.1", "172.31.255.255", "192.0.0.1", "192.0.2.1", "192.168.1.1", "198.18.0.1",
    "198.19.255.255", "198.51.100.7", "203.0.113.9", "224.0.0.1", "239.1.1.1", "240.0.0.1",
    "255.255.255.255", "::", "::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1",
    "64:ff9b:1::1", "100::1", "fe80::1", "fc00::1", "fd12:3456::1", "ff02::1", "2001::1",
    "2001:db8::1", "2002:7f00:1::", "2002:a00:1::1", "3fff::1", "::127.0.0.1", "fec0::1",
  ]
  private static let open = [
    "1.1.1.1", "8.8.8.8", "100.63.255.255", "100.128.0.1", "172.15.0.1", "172.32.0.1",
    "192.167.1.1", "198.17.0.1", "198.20.0.1", "223.255.255.255", "2606:4700::1111",
    "2001:4860:4860::8888", "2a00:1450::1", "::ffff:8.8.8.8", "64:ff9b::808:808",
    "2002:808:808::1",
  ]

  @Test(arguments: forbidden) func addressesOfOnesOwnAreNotPublic(_ text: String) throws {
    #expect(!AddressGuard.isPublic(try #require(addressBytes(text))))
  }

  @Test(arguments: open) func othersArePublic(_ text: String) throws {
    #expect(AddressGuard.isPublic(try #require(addressBytes(text))))
  }

  private func check(
    _ url: String, resolving addresses: [String], allowing hosts: [String] = [],
    throughProxy: Bool = false
  ) async throws -> String? {
    let bytes = addresses.compactMap(addressBytes)
    return try await AddressGuard(allowing: hosts) { _ in bytes }
      .check(try WebAddress(url), throughProxy: throughProxy)
  }

  @Test func aNameIsPinnedToTheAddressThatWasLookedAt() async throws {
    #expect(try await check("https://hooks.example/x", resolving: ["8.8.8.8"]) == "8.8.8.8")
    #expect(
      try await check("https://hooks.example/x", resolving: ["2606:4700::1111", "1.1.1.1"])
        == "2606:4700::1111")
  }

  /// One address within is enough: the name might be asked again.
  @Test(arguments: [["10.0.0.1"], ["8.8.8.8", "127.0.0.1"], ["::1"]])
  func aNameThatLeadsWithinIsRefused(_ addresses: [String]) async {
    let error = await #expect(throws: WebError.self) {
      try await check("https://hooks.example/", resolving: addresses)
    }
    #expect(error?.code == .forbiddenAddress)
  }

  /// Numbers that only lenient parsers take for addresses are resolved, and found out.
  @Test(
    arguments: [
      "http://2130706433/", "http://0x7f000001/", "http://127.1/", "http://017700000001/",
      "http://0/", "http://localhost/", "http://localhost./",
    ])
  func oddFormsOfThisMachineAreRefused(_ url: String) async {
    let error = await #expect(throws: WebError.self) {
      try await AddressGuard().check(try WebAddress(url), throughProxy: false)
    }
    #expect(error.map { [.forbiddenAddress, .unreachable].contains($0.code) } == true)
  }

  @Test func aHostOfTheSettingsIsAllowed() async throws {
    #expect(
      try await check("http://10.0.0.5:8443/", resolving: [], allowing: ["10.0.0.5:8443"]) == nil)
    #expect(
      try await check("http://Hooks.Internal/", resolving: [], allowing: ["hooks.internal"]) == nil)
    let error = await #expect(throws: WebError.self) {
      try await check("http://10.0.0.5:80/", resolving: [], allowing: ["10.0.0.5:8443"])
    }
    #expect(error?.code == .forbiddenAddress)
  }

  @Test func aProxyMayKnowNamesThatAreUnknownHere() async throws {
    #expect(try await check("https://hooks.example/", resolving: [], throughProxy: true) == nil)
    for url in ["http://db.internal/", "http://intranet/", "http://10.0.0.1/"] {
      await #expect(throws: WebError.self) {
        try await check(url, resolving: [], throughProxy: true)
      }
    }
  }

  private func client() -> WebClient {
    WebClient(configuration: WebClientConfiguration(userAgent: "stet/test"))
  }

  /// The request is made to the numeric address, and names the host.
  @Test func thePinnedAddressIsAsked() async throws {
    let server = try await FaultServer { _ in .text("here") }
    let client = client()
    let blind = AddressGuard(
      allowing: [], resolve: { _ in [[127, 0, 0, 1]] }, isFit: { _ in true })
    let answer = try await client.send(
      WebRequest(url: "http://hooks.example:\(server.port)/x", addressGuard: blind))
    #expect(answer.status == 200)
    #expect(answer.body == Array("here".utf8))
    #expect(server.requests.first?.header("host") == "hooks.example:\(server.port)")
    await client.shutdown()
  }

  /// A receiver that may be asked leads on to one that may not.
  @Test(
    arguments: [
      "http://169.254.169.254/latest/meta-data/", "http://[fe80::1]/", "http://127.0.0.1:1/",
      "//10.0.0.1/", "http://[::ffff:169.254.169.254]/",
    ])
  func aRedirectIsLookedAtToo(_ location: String) async throws {
    let server = try await FaultServer { _ in
      .text("", status: 307, headers: [("Location", location)])
    }
    let client = client()
    let error = await #expect(throws: WebError.self) {
      try await client.send(
        WebRequest(
          url: "http://127.0.0.1:\(server.port)/",
          addressGuard: AddressGuard(allowing: ["127.0.0.1:\(server.port)"])))
    }
    #expect(error?.code == .forbiddenAddress)
    #expect(server.requests.count == 1)
    await client.shutdown()
  }
}
