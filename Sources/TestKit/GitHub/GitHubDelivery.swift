import Crypto
import Foundation
import WebClient

/// A webhook as GitHub sends it: a payload, its event and its signature.
public struct GitHubDelivery: Sendable {
  public var payload: [UInt8]
  public var event: String
  public var id: String

  public init(payload: [UInt8], event: String, id: String? = nil) {
    self.payload = payload
    self.event = event
    self.id = id ?? UUID().uuidString.lowercased()
  }

  /// - Parameter fileName: begins with the event, such as `pull_request.opened.json`.
  public init(payload: [UInt8], fileName: String) {
    let name = fileName.split(separator: "/").last ?? ""
    self.init(payload: payload, event: String(name.split(separator: ".").first ?? "ping"))
  }

  public func headers(secret: String) -> [(name: String, value: String)] {
    let code = HMAC<SHA256>.authenticationCode(
      for: payload, using: SymmetricKey(data: Data(secret.utf8)))
    return [
      ("content-type", "application/json"), ("user-agent", "GitHub-Hookshot/fake"),
      ("x-github-event", event), ("x-github-delivery", id),
      ("x-github-hook-installation-target-type", "integration"),
      ("x-hub-signature-256", "sha256=" + GitHubDiffs.hex(code)),
    ]
  }

  /// - Returns: the status of the answer.
  public func send(to url: String, secret: String) async throws -> Int {
    let client = WebClient(configuration: WebClientConfiguration(userAgent: "GitHub-Hookshot/fake"))
    do {
      var headers = WebHeaders()
      for header in self.headers(secret: secret) { headers.add(header.name, header.value) }
      let response = try await client.send(
        WebRequest(
          method: "POST", url: url, headers: headers, body: payload, acceptsErrorStatus: true))
      await client.shutdown()
      return response.status
    } catch {
      await client.shutdown()
      throw error
    }
  }
}
