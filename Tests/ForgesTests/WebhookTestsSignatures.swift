import Domain
import Foundation
import Testing

@testable import Forges

@Suite(
  .enabled(
    if: !SharedWebhooks.names.isEmpty, "no shared data: set STET_SHARED_DATA to run these tests"))
struct WebhookSharedSignatureTests {
  struct SignaturePayload: Decodable {
    var event: String
    var bytes: Int
    var sha256: String
    var sha1: String

    enum CodingKeys: String, CodingKey {
      case event, bytes
      case sha256 = "X-Hub-Signature-256"
      case sha1 = "X-Hub-Signature"
    }
  }

  static func signatures() throws -> [String: SignaturePayload] {
    let file = SharedWebhooks.root.appendingPathComponent("github/webhook-signatures.json")
    return try JSONDecoder().decode(
      [String: SignaturePayload].self, from: Data(contentsOf: file))
  }

  @Test func everySignatureIsVerified() throws {
    let reader = GitHubWebhooks(secret: SharedWebhooks.secret)
    let signatures = try Self.signatures()
    for (file, signature) in signatures {
      let name = try #require(file.split(separator: "/").last.map { String($0.dropLast(5)) })
      let body = try SharedWebhooks.body(name)
      #expect(body.count == signature.bytes)
      let headers = webhookHeaders(signature.event, signature: signature.sha256)
      let identity = try reader.verify(body: body) { headers[$0] }
      #expect(identity.event == signature.event)
      #expect(identity.delivery == "72d3162e-cc78-11e3-81ab-4c9367dc0958")
      #expect(try identity.action == SharedWebhooks.object(name)["action"] as? String)
      #expect(identity.meaning.count == 64)
    }
    #expect(signatures.count == 62)
    #expect(SharedWebhooks.names.count == 62)
    print("webhook signatures verified: \(signatures.count)")
  }

  @Test(arguments: SharedWebhooks.names)
  func everyChangeIsRefused(name: String) throws {
    let reader = GitHubWebhooks(secret: SharedWebhooks.secret)
    let body = try SharedWebhooks.body(name)
    let signature = try #require(
      Self.signatures()["github/webhooks/\(name).json"]
    ).sha256
    let event = SharedWebhooks.event(name)
    var random = WebhookRandom(state: UInt64(body.count))
    var changed: [[UInt8]] = [[], body.dropLast(), body + [10]]
    for _ in 0..<20 {
      var tampered = body
      tampered[Int.random(in: 0..<body.count, using: &random)] ^=
        1 << UInt8.random(in: 0..<8, using: &random)
      changed.append(tampered)
      changed.append(Array(body.prefix(Int.random(in: 0..<body.count, using: &random))))
    }
    let headers = webhookHeaders(event, signature: signature)
    for other in changed {
      let error = #expect(throws: WebhookError.self) {
        try reader.verify(body: other) { headers[$0] }
      }
      #expect(error?.code == .wrongSignature)
    }
    let stranger = GitHubWebhooks(secret: SharedWebhooks.secret + " ")
    let error = #expect(throws: WebhookError.self) {
      try stranger.verify(body: body) { headers[$0] }
    }
    #expect(error?.code == .wrongSignature)
    #expect(error?.detail.contains(signature.dropFirst(7)) == false)
  }

  @Test func documentedVectors() throws {
    struct VectorsPayload: Decodable {
      struct Forge: Decodable {
        var vectors: [[String: String]]
      }
      var github: Forge
      var gitea: Forge
      var forgejo: Forge
    }
    let file = SharedWebhooks.root.appendingPathComponent("webhook-headers-and-signatures.json")
    let all = try JSONDecoder().decode(VectorsPayload.self, from: Data(contentsOf: file))
    var checked = 0
    for vector in all.github.vectors + all.gitea.vectors + all.forgejo.vectors {
      let secret = try #require(vector["secret"])
      let payload = try #require(vector["payload"])
      let value = try #require(vector.first { $0.key.lowercased().contains("signature") }?.value)
      let hex = value.hasPrefix("sha256=") ? value : "sha256=" + value
      let headers = webhookHeaders("push", signature: hex)
      // The vectors sign texts that are not JSON: a signature that fits gets that far.
      let error = #expect(throws: WebhookError.self) {
        try GitHubWebhooks(secret: secret).verify(body: Array(payload.utf8)) { headers[$0] }
      }
      #expect(error?.code == .malformed)
      let wrong = #expect(throws: WebhookError.self) {
        try GitHubWebhooks(secret: secret).verify(body: Array((payload + " ").utf8)) {
          headers[$0]
        }
      }
      #expect(wrong?.code == .wrongSignature)
      checked += 1
    }
    #expect(checked == 3)
  }
}

/// What needs no data.
struct WebhookHeaderTests {
  private let body = Array(#"{"zen": "Keep it logically awesome."}"#.utf8)
  private let reader = GitHubWebhooks(secret: "a secret")

  private func refusal(
    _ body: [UInt8]? = nil, _ change: (inout [String: String]) -> Void
  ) -> WebhookError? {
    let sent = body ?? self.body
    var headers = webhookHeaders(
      "ping", signature: webhookSignature(sent, secret: "a secret"))
    change(&headers)
    do throws(WebhookError) {
      _ = try reader.verify(body: sent) { headers[$0] }
      return nil
    } catch { return error }
  }

  @Test func aGoodOneIsTaken() { #expect(refusal { _ in } == nil) }

  @Test(arguments: [nil, ""]) func nothingIsBelievedWithoutASecret(secret: String?) {
    let headers = webhookHeaders("ping", signature: webhookSignature(body, secret: ""))
    let error = #expect(throws: WebhookError.self) {
      try GitHubWebhooks(secret: secret).verify(body: body) { headers[$0] }
    }
    #expect(error?.code == .notConfigured)
    #expect(error?.detail.contains("GITHUB_WEBHOOK_SECRET") == true)
  }

  @Test func anUnsignedOneIsRefused() {
    #expect(refusal { $0["x-hub-signature-256"] = nil }?.code == .unsigned)
  }

  @Test func sha1AloneIsRefusedAndSaysWhatIsNeeded() {
    let error = refusal {
      $0["x-hub-signature-256"] = nil
      $0["x-hub-signature"] = "sha1=" + String(repeating: "a", count: 40)
    }
    #expect(error?.code == .unsigned)
    #expect(error?.detail.contains("SHA-1. X-Hub-Signature-256 is needed") == true)
  }

  @Test(arguments: [
    "", "sha256=", "sha256", "sha1=0000", "sha256=" + String(repeating: "g", count: 64),
    "sha256=" + String(repeating: "0", count: 64), "sha256=" + String(repeating: "0", count: 63),
    "sha256=" + String(repeating: "0", count: 65), "sha256=" + String(repeating: "é", count: 32),
  ])
  func aSignatureOfAnotherFormIsWrong(signature: String) {
    #expect(refusal { $0["x-hub-signature-256"] = signature }?.code == .wrongSignature)
  }

  @Test func aSignatureWithoutItsPrefixIsWrong() {
    let error = refusal { headers in
      headers["x-hub-signature-256"] = headers["x-hub-signature-256"].map {
        String($0.dropFirst(7))
      }
    }
    #expect(error?.code == .wrongSignature)
  }

  @Test(arguments: ["x-github-event", "x-github-delivery"])
  func identifyingHeadersAreNeeded(name: String) {
    #expect(refusal { $0[name] = nil }?.detail.contains(name) == true)
    for bad in ["", "a b", "a\nb", "a/../b", "é", String(repeating: "a", count: 101)] {
      #expect(refusal { $0[name] = bad }?.code == .malformed)
    }
    #expect(refusal { $0[name] = String(repeating: "a", count: 100) } == nil)
  }

  @Test func aFormIsRefusedWithWhatToChoose() {
    let error = refusal(Array("payload=%7B%22zen%22%3A1%7D".utf8)) { _ in }
    #expect(error?.code == .malformed)
    #expect(error?.detail.contains("application/json") == true)
  }

  @Test(arguments: ["", " ", "[]", "1", "null", "{", "{}{}", #"{"a":}"#, "<html>"])
  func signedButMalformed(text: String) {
    #expect(refusal(Array(text.utf8)) { _ in }?.code == .malformed)
    let error = #expect(throws: WebhookError.self) {
      try reader.event(named: "push", body: Array(text.utf8))
    }
    #expect(error?.code == .malformed)
  }
}
