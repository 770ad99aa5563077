/// What sort of secret a text holds, as counted in a run and named in the mask.
public enum SecretKind: String, Sendable, Hashable, Codable, CaseIterable {
  case awsAccessKey = "aws-access-key"
  case githubToken = "github-token"
  case gitlabToken = "gitlab-token"
  case slackToken = "slack-token"
  case slackWebhook = "slack-webhook"
  case googleKey = "google-key"
  case openAIKey = "openai-key"
  case anthropicKey = "anthropic-key"
  case stripeKey = "stripe-key"
  case npmToken = "npm-token"
  case pypiToken = "pypi-token"
  case huggingFaceToken = "huggingface-token"
  /// A token of another vendor with a prefix of its own.
  case vendorToken = "vendor-token"
  case jsonWebToken = "json-web-token"
  /// What follows `Bearer` or `Basic`.
  case authorization
  /// The password of `scheme://user:password@host`.
  case urlPassword = "url-password"
  /// The body of a PEM or PGP private key.
  case privateKey = "private-key"
  /// Lines of base64 whose header the hunk does not show; perhaps the middle of a private key.
  case encodedBlock = "encoded-block"
  /// A value of high entropy beside a name such as `API_KEY` or `password`.
  case assignedSecret = "assigned-secret"
}

/// Where a secret stands.
public struct SecretMatch: Sendable, Hashable {
  public var kind: SecretKind
  /// Bytes of the secret itself: without its quotes, the name beside it or the PEM header.
  public var range: Range<Int>

  public init(kind: SecretKind, range: Range<Int>) {
    self.kind = kind
    self.range = range
  }
}
