import Domain
import Foundation
import WebClient

extension NotifierError {
  /// What an error of the way out means for the message.
  /// - Parameter place: whom it was for, as it may be shown.
  init(_ error: WebError, at place: String) {
    let code: Code
    switch error.code {
    case .timedOut, .unreachable, .connectionLost, .tlsFailed: code = .unreachable
    case .status:
      switch error.status ?? 0 {
      case 429: code = .rateLimited
      case 408, 425, 500...: code = .unreachable
      default: code = .rejected
      }
    case .cancelled: code = .cancelled
    case .forbiddenAddress: code = .forbiddenAddress
    case .tooLarge, .malformed, .invalidURL, .redirected, .budgetSpent: code = .rejected
    }
    let what =
      switch error.code {
      case .status: "it answered with status \(error.status ?? 0)"
      case .redirected: "it redirects, and a signed message is not sent elsewhere"
      case .timedOut: "it did not answer in time"
      case .unreachable: "there is no connection"
      case .connectionLost: "the connection was lost"
      case .tlsFailed: "no secure connection could be made"
      case .forbiddenAddress:
        "it is not an address of the public internet; STET_PRIVATE_HOSTS allows a host by name"
      case .malformed, .tooLarge: "its answer cannot be read"
      case .cancelled: "the program stops"
      case .invalidURL, .budgetSpent: "the address cannot be used"
      }
    self.init(
      code: code, detail: "The message to \(place) was not delivered: \(what).",
      retryAfter: error.retryAfter)
  }
}

/// The bytes of a body, the same for the same message.
func body(_ value: some Encodable) throws(NotifierError) -> [UInt8] {
  let encoder = JSONEncoder()
  encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
  encoder.dateEncodingStrategy = .iso8601
  do { return Array(try encoder.encode(value)) } catch {
    throw NotifierError(code: .rejected, detail: "The message cannot be written as JSON.")
  }
}
