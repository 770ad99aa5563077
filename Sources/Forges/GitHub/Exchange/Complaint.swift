import Domain
import Foundation
import WebClient

/// What GitHub says beside an error status. Every part of it may be missing.
struct ComplaintPayload: Decodable {
  struct Item: Decodable {
    var resource: String?
    var field: String?
    var code: String?
    var message: String?

    init(from decoder: any Decoder) throws {
      if let text = try? decoder.singleValueContainer().decode(String.self) {
        message = text
        return
      }
      guard let container = try? decoder.container(keyedBy: Key.self) else { return }
      resource = try? container.decode(String.self, forKey: .resource)
      field = try? container.decode(String.self, forKey: .field)
      code = try? container.decode(String.self, forKey: .code)
      message = try? container.decode(String.self, forKey: .message)
    }

    private enum Key: String, CodingKey { case resource, field, code, message }

    var words: String {
      message ?? [resource, field, code].compactMap(\.self).joined(separator: " ")
    }
  }

  var message: String?
  var errors: [Item]

  private enum Key: String, CodingKey { case message, errors }

  init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: Key.self)
    message = try? container.decode(String.self, forKey: .message)
    // A single text stands there at times.
    errors =
      (try? container.decode([Item].self, forKey: .errors))
      ?? (try? container.decode(Item.self, forKey: .errors)).map { [$0] } ?? []
  }

  static func read(_ body: [UInt8]) -> ComplaintPayload? {
    try? JSONDecoder().decode(ComplaintPayload.self, from: Data(body.prefix(256 << 10)))
  }

  var isTooLarge: Bool { errors.contains { $0.code == "too_large" } }

  /// The message, and what the errors add to it.
  var words: String {
    let message = message ?? ""
    let items = errors.prefix(5).map(\.words).filter { !$0.isEmpty && !message.contains($0) }
    guard !items.isEmpty else { return message }
    let list = items.joined(separator: "; ")
    return message.isEmpty ? list : "\(message) (\(list))"
  }
}

/// An answer of status 300 and above, with what is needed to understand it.
struct Refusal: Sendable {
  var call: GitHubCall
  var status: Int
  var headers: WebHeaders
  var body: [UInt8]
  /// Seconds since 1970 by GitHub's own clock.
  var serverTime: Double

  private var complaint: ComplaintPayload? { ComplaintPayload.read(body) }

  /// GitHub names this in words only. Source: its documentation of rate limits.
  var isSecondaryLimit: Bool {
    guard [403, 422, 429].contains(status), let words = complaint?.words.lowercased() else {
      return false
    }
    return words.contains("secondary rate limit") || words.contains("abuse detection")
      || words.contains("submitted too quickly") || words.contains("temporarily blocked")
  }

  var isRateLimit: Bool {
    if status == 429 || isSecondaryLimit { return true }
    guard status == 403 else { return false }
    return headers["retry-after"] != nil || headers["x-ratelimit-remaining"] == "0"
      || complaint?.words.lowercased().contains("rate limit exceeded") == true
  }

  var isTooLarge: Bool { [403, 406, 422].contains(status) && complaint?.isTooLarge == true }

  /// Bounded, because a header may hold anything.
  private var retryAfter: Duration? {
    RetryAfter.read(headers, now: serverTime).map { min($0, RateLimits.longest) }
  }

  /// Two merges at once: the later one may be made again. GitHub names this in words only.
  private var isBaseMoved: Bool {
    complaint?.words.lowercased().contains("base branch was modified") == true
  }

  /// How long a limit holds.
  var limitPause: Duration {
    if let retryAfter { return max(retryAfter, .seconds(1)) }
    if !isSecondaryLimit, headers["x-ratelimit-remaining"] == "0",
      let wait = RateLimits.untilReset(headers, serverTime: serverTime)
    {
      return wait
    }
    return RateLimits.secondaryPause
  }

  /// - Parameter secret: the credential that was sent, which no message may repeat.
  func error(hiding secret: String) -> ForgeError {
    let code: ForgeError.Code
    var wait: Duration?
    if isRateLimit {
      code = .rateLimited
      wait = limitPause
    } else {
      switch status {
      case 401: code = .unauthorized
      case 403: code = isTooLarge ? .rejected : .unauthorized
      case 404, 410: code = .notFound
      case 409: code = .conflict
      case 405 where isBaseMoved: code = .conflict
      case 408, 500...:
        code = .unreachable
        wait = retryAfter
      case 400..<500: code = .rejected
      default: code = .malformed
      }
    }
    return ForgeError(
      code: code, detail: OneSentence.of(sentence, hiding: secret), retryAfter: wait,
      status: status)
  }

  private var sentence: String {
    let answer = "GitHub answered \(call.printable) with \(status)"
    if let words = complaint?.words, !words.isEmpty { return "\(answer): \(words)" }
    let type = headers["content-type"]?.lowercased() ?? ""
    let looksLikeHTML = type.contains("html") || body.first == UInt8(ascii: "<")
    return looksLikeHTML ? "\(answer) and a page in HTML" : answer
  }
}

/// Texts of others for a message: one line of bounded length without secrets.
enum OneSentence {
  private static let longest = 600

  static func of(_ text: String, hiding secret: String = "") -> String {
    var text = text
    if secret.utf8.count >= 6 { text = text.replacing(secret, with: "(credential)") }
    let line = text.unicodeScalars.reduce(into: "") { line, scalar in
      let isControl = scalar.value < 0x20 || (0x7F..<0xA0).contains(scalar.value)
      let isBreak = scalar.value == 0x2028 || scalar.value == 0x2029
      if isControl || isBreak {
        if line.last != " " { line.append(" ") }
      } else {
        line.unicodeScalars.append(scalar)
      }
    }
    var sentence = SecretMask.masked(line).text.trimmingCharacters(in: .whitespaces)
    if sentence.count > longest { sentence = sentence.prefix(longest) + "…" }
    return [".", "…", "!", "?"].contains(sentence.suffix(1)) ? sentence : sentence + "."
  }
}

extension ForgeError {
  /// What a failure below HTTP's statuses means.
  init(_ error: WebError, of call: GitHubCall) {
    let code: Code =
      switch error.code {
      case .timedOut, .unreachable, .connectionLost, .tlsFailed, .status, .budgetSpent:
        .unreachable
      case .tooLarge, .invalidURL, .forbiddenAddress: .rejected
      case .redirected, .malformed: .malformed
      case .cancelled: .cancelled
      }
    self.init(
      code: code, detail: OneSentence.of("\(call.printable) failed: \(error.detail)"),
      retryAfter: error.retryAfter.map { min($0, RateLimits.longest) }, status: error.status)
  }
}
