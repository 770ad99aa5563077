public import Domain
import Foundation
import Jobs

/// What a failed forge call means for the job that made it.
enum ForgeFailure {
  /// A forge that is away for longer is not waited for.
  static let longestOutage = Duration.seconds(86_400)

  /// - Parameter age: of the job; `nil` for work that nobody tries again by itself.
  /// - Throws: `JobFailure` where another try may help, or none can; `CancellationError`.
  static func outcome(
    _ error: ForgeError, at place: String, age: Duration?
  ) throws -> JobOutcome {
    let detail = SecretMask.masked(error.detail).text
    switch error.code {
    case .rateLimited:
      if let age, age >= longestOutage {
        throw JobFailure(
          "\(place): \(sentence(detail)) The forge has limited requests for 24 hours since this "
            + "was asked for. Ask again when it answers.", isFinal: true)
      }
      return .snoozed(
        bounded(error.retryAfter ?? .seconds(60)), because: "\(place): \(sentence(detail))")
    case .unreachable, .malformed, .conflict:
      // An outage is nobody's fault: it is waited for, and uses up none of the job's tries.
      guard let age else { throw JobFailure("\(place): \(detail)", retryAfter: error.retryAfter) }
      guard age < longestOutage else {
        throw JobFailure(
          "\(place): \(sentence(detail)) The forge has failed for 24 hours since this was asked "
            + "for. Ask again when it works.", isFinal: true)
      }
      return .snoozed(
        max(wait(age), bounded(error.retryAfter ?? .zero)),
        because: "\(place): \(sentence(detail)) It is tried again for 24 hours.")
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

  /// Another worker is at it. What it leaves undone is found and done when this one comes back.
  static func takenOver(at place: String, age: Duration?) throws -> JobOutcome {
    let age = age ?? .zero
    if age >= longestOutage {
      throw JobFailure(
        "\(place): another run has worked on it for 24 hours. Ask again.", isFinal: true)
    }
    return .snoozed(
      min(wait(age), .seconds(120)), because: "\(place): another run is at work on it.")
  }

  /// As long as the job has waited already: 15 seconds, then twice as long each time, at most ten
  /// minutes.
  static func wait(_ age: Duration) -> Duration { max(.seconds(15), min(age, .seconds(600))) }

  static func age(of job: Job, at now: Date) -> Duration {
    .seconds(max(0, now.timeIntervalSince(job.createdAt)))
  }

  /// A queue knows what an outage of its store is, and waits it out: it is given the error itself.
  static func failure(_ error: StoreError, isQueued: Bool) -> any Error {
    let detail = SecretMask.masked(error.detail).text
    return isQueued ? StoreError(code: error.code, detail: detail) : JobFailure(detail)
  }

  /// Whether the queue waits for the store without counting the try.
  static func isOutage(_ error: any Error, age: Duration?) -> Bool {
    guard let age, let error = error as? StoreError else { return false }
    return error.isOutage && age < longestOutage
  }

  /// A forge that says "never" or "in no time" is asked again all the same, within reason.
  static func bounded(_ wait: Duration) -> Duration { max(.seconds(1), min(wait, .seconds(3_600))) }

  private static func sentence(_ text: String) -> String {
    text.hasSuffix(".") || text.hasSuffix("!") ? text : text + "."
  }
}

extension StoreError {
  /// The store is away for now, or has no room: the same will go well when it is back.
  public var isOutage: Bool {
    switch code {
    case .unreachable, .locked, .full: true
    default: false
    }
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
