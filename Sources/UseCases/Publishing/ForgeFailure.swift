import Domain
import Jobs

/// What a failed forge call means for the job that made it.
enum ForgeFailure {
  /// - Throws: `JobFailure` where another try may help, or none can; `CancellationError`.
  static func outcome(_ error: ForgeError, at place: String) throws -> JobOutcome {
    let detail = SecretMask.masked(error.detail).text
    switch error.code {
    case .rateLimited:
      return .snoozed(bounded(error.retryAfter ?? .seconds(60)))
    case .unreachable, .malformed, .conflict:
      throw JobFailure("\(place): \(detail)", retryAfter: error.retryAfter)
    case .notFound:
      throw JobFailure(
        "\(place): \(sentence(detail)) It was deleted, or the credentials that Stet has for this "
          + "forge cannot see it; check them and the repositories they are for.", isFinal: true)
    case .unauthorized:
      throw JobFailure(
        "\(place): \(sentence(detail)) Check the credentials that Stet has for this forge: they "
          + "need to read contents, and to write pull requests, issues and checks.", isFinal: true)
    case .rejected:
      throw JobFailure("\(place): \(detail)", isFinal: true)
    case .cancelled:
      throw CancellationError()
    }
  }

  static func failure(_ error: StoreError) -> JobFailure {
    JobFailure(SecretMask.masked(error.detail).text)
  }

  /// A forge that says "never" or "in no time" is asked again all the same, within reason.
  static func bounded(_ wait: Duration) -> Duration { max(.seconds(1), min(wait, .seconds(3_600))) }

  private static func sentence(_ text: String) -> String {
    text.hasSuffix(".") || text.hasSuffix("!") ? text : text + "."
  }
}

extension ForgeError {
  /// Errors after which the same call may go well: the job has to come back.
  var isPassing: Bool {
    switch code {
    case .rateLimited, .unreachable, .malformed, .conflict, .cancelled: true
    case .unauthorized, .notFound, .rejected: false
    }
  }
}
