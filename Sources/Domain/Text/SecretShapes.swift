/// Secrets that are known by their first letters.
struct SecretShape: Sendable {
  var kind: SecretKind
  var prefix: [UInt8]
  var body: TextBytes.Charset
  var minimum: Int
  /// The body is exactly `minimum` long.
  var exact: Bool
  /// Without it, `sk-fading-circle-spinner` would be a key.
  var needsDigit: Bool

  init(
    _ kind: SecretKind, _ prefix: String, _ body: TextBytes.Charset, _ minimum: Int,
    exact: Bool = false, needsDigit: Bool = true
  ) {
    self.kind = kind
    self.prefix = Array(prefix.utf8)
    self.body = body
    self.minimum = minimum
    self.exact = exact
    self.needsDigit = needsDigit
  }

  /// Source: the vendors' own pages on the formats of their tokens.
  static let all: [SecretShape] =
    ["AKIA", "ASIA", "ABIA", "ACCA"].map {
      SecretShape(.awsAccessKey, $0, .upperAlphanumeric, 16, exact: true, needsDigit: false)
    }
    + ["ghp_", "gho_", "ghu_", "ghs_", "ghr_"].map {
      SecretShape(.githubToken, $0, .alphanumeric, 36)
    }
    + ["glpat-", "gldt-", "glrt-", "glcbt-", "glptt-", "glft-", "glsoat-", "gloas-"].map {
      SecretShape(.gitlabToken, $0, .dotted, 20, needsDigit: false)
    }
    + ["xoxb-", "xoxa-", "xoxp-", "xoxr-", "xoxs-", "xoxe-", "xoxe.", "xapp-"].map {
      SecretShape(.slackToken, $0, .dotted, 10)
    }
    + ["sk_live_", "sk_test_", "rk_live_", "rk_test_", "whsec_"].map {
      SecretShape(.stripeKey, $0, .alphanumeric, 16)
    }
    + [
      SecretShape(.githubToken, "github_pat_", .word, 22),
      SecretShape(.slackWebhook, "hooks.slack.com/services/", .base64URL, 8, needsDigit: false),
      SecretShape(.googleKey, "AIza", .base64URL, 35, exact: true, needsDigit: false),
      SecretShape(.googleKey, "GOCSPX-", .base64URL, 20, needsDigit: false),
      SecretShape(.googleKey, "ya29.", .base64URL, 20),
      SecretShape(.anthropicKey, "sk-ant-", .base64URL, 20),
      SecretShape(.openAIKey, "sk-", .base64URL, 20),
      SecretShape(.npmToken, "npm_", .alphanumeric, 36),
      SecretShape(.pypiToken, "pypi-AgE", .base64URL, 40, needsDigit: false),
      SecretShape(.huggingFaceToken, "hf_", .alphanumeric, 30, needsDigit: false),
      SecretShape(.vendorToken, "SG.", .dotted, 50),
      SecretShape(.vendorToken, "gsk_", .alphanumeric, 40),
      SecretShape(.vendorToken, "xai-", .alphanumeric, 40),
      SecretShape(.vendorToken, "pplx-", .alphanumeric, 40),
      SecretShape(.vendorToken, "dop_v1_", .lowerHex, 64),
      SecretShape(.vendorToken, "shpat_", .alphanumeric, 32),
      SecretShape(.vendorToken, "dckr_pat_", .base64URL, 20),
      SecretShape(.vendorToken, "hvs.", .base64URL, 24),
      SecretShape(.vendorToken, "glsa_", .word, 32),
      SecretShape(.vendorToken, "lin_api_", .alphanumeric, 32),
      SecretShape(.vendorToken, "ATATT3", .base64URL, 50),
      SecretShape(.vendorToken, "dapi", .lowerHex, 32, exact: true),
      SecretShape(.vendorToken, "AGE-SECRET-KEY-1", .upperAlphanumeric, 50, needsDigit: false),
    ]

  /// Indices into `all` by first byte, longer prefixes first so that `sk-ant-` comes before `sk-`.
  static let byFirstByte: [[SecretShape]] = {
    var table = [[SecretShape]](repeating: [], count: 256)
    for shape in all.sorted(by: { $0.prefix.count > $1.prefix.count }) {
      if let first = shape.prefix.first { table[Int(first)].append(shape) }
    }
    return table
  }()

  /// By then a digit has come, or it is no key: what fails is left after so many bytes, so that
  /// `sk-sk-sk-…` costs no quadratic time.
  private static let judged = 128

  /// - Returns: the end of the secret that begins at `start`, prefix included.
  func end(in bytes: [UInt8], at start: Int) -> Int? {
    guard TextBytes.starts(bytes, at: start, with: prefix) else { return nil }
    let bodyStart = start + prefix.count
    let judgedEnd = bodyEnd(in: bytes, from: bodyStart, to: bodyStart + Self.judged)
    let judged = bytes[bodyStart..<judgedEnd]
    guard judged.count >= minimum, !exact || judged.count == minimum,
      !needsDigit || judged.contains(where: TextBytes.isDigit),
      !SecretValue.isPlaceholder(judged)
    else { return nil }
    var end = bodyEnd(in: bytes, from: judgedEnd, to: bytes.count)
    while end > bodyStart + minimum, bytes[end - 1] == UInt8(ascii: ".") { end -= 1 }
    return end
  }

  private func bodyEnd(in bytes: [UInt8], from start: Int, to limit: Int) -> Int {
    var end = start
    let limit = min(limit, bytes.count)
    while end < limit, body.contains(bytes[end]) || isPathSeparator(bytes[end]) { end += 1 }
    return end
  }

  /// A Slack webhook is a path of three parts.
  private func isPathSeparator(_ byte: UInt8) -> Bool {
    kind == .slackWebhook && byte == UInt8(ascii: "/")
  }
}
