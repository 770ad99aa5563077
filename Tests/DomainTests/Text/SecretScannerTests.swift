import Testing

@testable import Domain

/// Keys are put together when a test runs, so that no scanner finds one in this file.
private enum Made {
  static let body = "aB3dE6gH9jK2mN5pQ8sT1vW4yZ7cF0hJ3lR6uX9bD2gI5kM8oP1"
  static func key(_ parts: String..., length: Int) -> String {
    parts.joined() + String(body.prefix(length))
  }
  static let upper = String(body.uppercased().prefix(16))
  static let line = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj"
  static func pem(_ edge: String) -> String { "-----" + edge + " RSA PRIVATE " + "KEY-----" }
}

@Suite struct SecretScannerTests {
  static let shapes: [(String, SecretKind)] = [
    ("AK" + "IA" + Made.upper, .awsAccessKey),
    (Made.key("gh", "p_", length: 36), .githubToken),
    (Made.key("github_", "pat_", length: 40), .githubToken),
    (Made.key("gl", "pat-", length: 20), .gitlabToken),
    (Made.key("xo", "xb-", length: 30), .slackToken),
    ("https://hooks.slack." + "com/services/T0001/B0001/" + Made.body.prefix(20), .slackWebhook),
    (Made.key("AI", "za", length: 35), .googleKey),
    (Made.key("sk", "-ant-", "api03-", length: 40), .anthropicKey),
    (Made.key("sk", "-proj-", length: 40), .openAIKey),
    (Made.key("sk", "_live_", length: 24), .stripeKey),
    (Made.key("np", "m_", length: 36), .npmToken),
    (Made.key("py", "pi-AgE", length: 50), .pypiToken),
    (Made.key("h", "f_", length: 34), .huggingFaceToken),
    (Made.key("ey", "J", length: 20) + "." + Made.body.prefix(20) + "." + "abc", .jsonWebToken),
    ("Authorization: Bear" + "er " + Made.body.prefix(30), .authorization),
    ("postgres://admin:" + "hunter22" + "@db.internal/x", .urlPassword),
    ("API_KEY = \"" + Made.body.prefix(32) + "\"", .assignedSecret),
    ("  \"clientSecret\": \"" + Made.body.prefix(24) + "\",", .assignedSecret),
    ("let apiKey: String = \"" + Made.body.prefix(24) + "\"", .assignedSecret),
    ("export DB_TOKEN=" + Made.body.prefix(24), .assignedSecret),
    ("password: 'Tr0ub4" + "dor&3x'", .assignedSecret),
    ("connect(password=\"Win" + "ter2026!\")", .assignedSecret),
    ("secret_key := `" + Made.body.prefix(40) + "`", .assignedSecret),
  ]

  @Test(arguments: shapes) func finds(_ text: String, _ kind: SecretKind) {
    let bare = SecretScanner.matches(in: text)
    #expect(bare.map(\.kind) == [kind], "\(text)")
    // In a diff, between other lines, and in a literal.
    for wrapped in ["+\(text)\n", "x = 1\n \(text) # note\ny = 2", "12 | \(text)"] {
      #expect(SecretScanner.matches(in: wrapped).map(\.kind) == [kind], "\(wrapped)")
    }
  }

  @Test(arguments: [
    "password = os.environ[\"PASSWORD\"]",
    "API_KEY = \"${API_KEY}\"",
    "token: ${{ secrets.GITHUB_TOKEN }}",
    "api_key = \"your-api-key-goes-here-123\"",
    "secret = \"xxxxxxxxxxxxxxxxxxxxxxxx\"",
    "password = \"password\"",
    "\"integrity\": \"sha512-aB3dE6gH9jK2mN5pQ8sT1vW4yZ7cF0hJ3lR6uX9bD2gI5kM8oP1\"",
    "token_id = \"6f9619ff-8b86-d011-b42d-00cf4fc964ff\"",
    "session_token = \"6f9619ff-8b86-d011-b42d-00cf4fc964ff\"",
    "primary_key = \"id_of_the_table_row_2\"",
    "key: linux-build-v2-cache-main",
    "tokenizer = \"bert-base-uncased-v2-large\"",
    ".sk-fading-circle-spinner-item { }",
    "token = self.read_next_token2(stream)",
    "access_token = response.data.access_token",
    "let token = nextToken",
    "max_tokens = 4096",
    "see https://example.com/a@b:c",
    "git clone ssh://git@host/path",
    "commit 0123456789abcdef0123456789abcdef01234567",
    "password_field = \"#login-Form2 .input\"",
    "monkey = \"aB3dE6gH9jK2mN5pQ8sT1vW4\"",
    "// the bearer of this token has 16 rights",
  ]) func leaves(_ text: String) {
    #expect(SecretScanner.matches(in: text) == [], "\(text)")
  }

  @Test func maskKeepsLinesAndCounts() {
    let text = """
      +\(Made.pem("BEGIN"))
      +\(Made.line)
      +\(Made.line)
      +Ab3dE=
      +\(Made.pem("END"))
       key = load()
      +TOKEN = "\(Made.key("gh", "p_", length: 36))"
      """
    let masked = SecretMask.masked(text)
    #expect(masked.text.split(separator: "\n", omittingEmptySubsequences: false).count == 7)
    #expect(!masked.text.contains("MIIE"))
    #expect(!masked.text.contains("Ab3dE"))
    #expect(masked.text.contains("+TOKEN = \"[masked:github-token]\""))
    #expect(masked.text.contains(" key = load()"))
    #expect(masked.counts == ["private-key": 3, "github-token": 1])
    #expect(SecretMask.masked(masked.text) == MaskedText(text: masked.text, counts: [:]))
  }

  @Test func keyWithoutItsHeader() {
    let cut = "+\(Made.line)\n+\(Made.line)\n+Ab3dE5==\n+\(Made.pem("END"))\n+after = 1"
    let masked = SecretMask.masked(cut)
    #expect(masked.counts == ["private-key": 3])
    #expect(masked.text.hasSuffix("+after = 1"))
  }

  @Test func middleOfAKey() {
    let lines = Array(repeating: "+" + Made.line, count: 5).joined(separator: "\n")
    #expect(SecretMask.masked(lines).counts == ["encoded-block": 5])
    let few = Array(repeating: "+" + Made.line, count: 3).joined(separator: "\n")
    #expect(SecretMask.masked(few).counts == [:])
  }

  @Test func keyWithoutItsFooter() {
    let text = "\(Made.pem("BEGIN"))\n\(Made.line)\n\(Made.line)\n"
    #expect(SecretMask.masked(text).counts == ["private-key": 2])
  }

  @Test func keyInOneLiteral() {
    let text = "k = \"\(Made.pem("BEGIN"))\\n\(Made.line)\\n\(Made.pem("END"))\""
    let masked = SecretMask.masked(text)
    #expect(masked.counts == ["private-key": 1])
    #expect(!masked.text.contains("MIIE"))
  }

  @Test func certificatesAreNoKeys() {
    let text = """
      -----BEGIN CERTIFICATE-----
      \(Array(repeating: Made.line, count: 6).joined(separator: "\n"))
      -----END CERTIFICATE-----
      """
    #expect(SecretMask.masked(text).counts == [:])
  }

  /// Neither hangs nor traps on what is made to be slow, nor on bytes at random.
  @Test func hostileInput() {
    for piece in ["sk-", "eyJ-", "token=", "token=\"", "://a:", "-----BEGIN ", "bearer ", "AKIA"] {
      let text = String(repeating: piece, count: 4000)
      #expect(SecretMask.masked(text).text.utf8.count > 0)
    }
    var generator = SeededGenerator(seed: 7)
    let alphabet = Array("aB3=:\"' /@-_.\n+sk-ghp_eyJAKIA".utf8)
    for _ in 0..<300 {
      let bytes = (0..<Int.random(in: 0...300, using: &generator)).map { _ in
        alphabet[Int.random(in: 0..<alphabet.count, using: &generator)]
      }
      let text = String(decoding: bytes, as: UTF8.self)
      let masked = SecretMask.masked(text)
      #expect(lineCount(masked.text) == lineCount(text))
      let matches = SecretScanner.matches(in: bytes)
      #expect(
        zip(matches, matches.dropFirst()).allSatisfy { $0.range.upperBound <= $1.range.lowerBound })
    }
  }

  private func lineCount(_ text: String) -> Int { text.utf8.count { $0 == 0x0A } }
}

/// A small deterministic generator (SplitMix64) so that failures repeat.
struct SeededGenerator: RandomNumberGenerator {
  private var state: UInt64
  init(seed: UInt64) { state = seed }
  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}
