import Domain

/// Who asks, as far as the server knows.
struct Caller: Sendable, Hashable {
  /// As `AuditEvent.actor`: `token:ID`, or `local` where no token is needed.
  var actor: String
  var scope: APIToken.Scope?

  static let nobody = Caller(actor: "nobody", scope: nil)
  static let local = Caller(actor: "local", scope: .admin)
}
