import Testing

@testable import Domain

@Suite struct PrivateKeyTests {
  static let head = "-----BEGIN " + "RSA PRIVATE KEY-----"
  static let body = String(repeating: "MIIEowIBAAKCAQEA", count: 4)

  @Test func `A key with its body`() {
    RuleCase("id.pem", "\(Self.head)◀\n\(Self.body)").check(PrivateKey())
    RuleCase("a.py", "KEY = \"\"\"\(Self.head)◀\n\(Self.body)\n\"\"\"").check(PrivateKey())
    RuleCase("a.env", "KEY=\(Self.head)\\n\(Self.body)\\n\(Self.body)◀").check(PrivateKey())
  }

  @Test func `The header alone, a public key and a certificate are none`() {
    RuleCase("a.py", "if text.startswith('\(Self.head)'):\n    return True").check(PrivateKey())
    RuleCase("a.pem", "-----BEGIN PUBLIC KEY-----\n\(Self.body)").check(PrivateKey())
    RuleCase("a.pem", "-----BEGIN CERTIFICATE-----\n\(Self.body)").check(PrivateKey())
  }

  @Test func `A test's key is a note`() {
    let source = "\(Self.head)\n\(Self.body)"
    #expect(RuleCase("tests/certs/a.key", source).severity(PrivateKey()) == .note)
    #expect(RuleCase("certs/a.key", source).severity(PrivateKey()) == .error)
  }
}
