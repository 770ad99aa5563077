import Domain
import Testing

@testable import Forges

/// What is refused before a body is read.
@Suite struct WebhookHeaderRefusalTests {
  private static let right = [
    "x-hub-signature-256": "sha256=" + String(repeating: "0a", count: 32),
    "x-github-event": "push", "x-github-delivery": "72d3162e-cc78-11e3-81ab-4c9367dc0958",
  ]

  private static func refusal(
    _ change: (inout [String: String]) -> Void, secret: String? = "word"
  ) -> WebhookError? {
    var headers = right
    change(&headers)
    return GitHubWebhooks(secret: secret).refusal { headers[$0] }
  }

  @Test func headersThatMayBeRightAreNotRefused() {
    #expect(Self.refusal { _ in } == nil)
  }

  @Test(
    arguments: [
      ("x-hub-signature-256", nil, .unsigned), ("x-hub-signature-256", "", .wrongSignature),
      ("x-hub-signature-256", "sha256=0a", .wrongSignature),
      ("x-hub-signature-256", "sha1=" + String(repeating: "0a", count: 32), .wrongSignature),
      ("x-github-event", nil, .malformed), ("x-github-event", "push\u{7f}", .malformed),
      ("x-github-delivery", nil, .malformed), ("x-github-delivery", "", .malformed),
      ("x-github-delivery", String(repeating: "a", count: 101), .malformed),
    ] as [(String, String?, WebhookError.Code)])
  func headersThatCannotBeRightAreRefused(
    name: String, value: String?, code: WebhookError.Code
  ) {
    #expect(Self.refusal { $0[name] = value }?.code == code)
  }

  @Test(arguments: [nil, ""] as [String?])
  func withoutASecretAllIsRefused(secret: String?) {
    #expect(Self.refusal({ _ in }, secret: secret)?.code == .notConfigured)
  }
}
