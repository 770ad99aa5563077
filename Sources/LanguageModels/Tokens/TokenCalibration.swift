import Domain
import Synchronization

/// Bytes of text per token, learned from the usage that a server returns.
///
/// It errs on the safe side: a sample that shows denser tokens counts four times as much as one
/// that shows sparser ones, and an estimate has 5 % added.
final class TokenCalibration: Sendable {
  /// English prose is near 4.2, source code near 3.2; 3.6 until the server says better.
  static let start = 3.6

  private let ratio = Mutex(TokenCalibration.start)

  var bytesPerToken: Double { ratio.withLock { $0 } }

  /// Learns from one answer. Short prompts are skipped: there the chat template outweighs the text.
  func learn(bytes: Int, tokens: TokenCount) {
    guard bytes >= 400, tokens.value >= 50 else { return }
    let sample = min(max(Double(bytes) / Double(tokens.value), 1), 8)
    ratio.withLock { $0 += (sample - $0) * (sample < $0 ? 0.4 : 0.1) }
  }

  func estimate(bytes: Int) -> TokenCount {
    guard bytes > 0 else { return 0 }
    return TokenCount(Int((Double(bytes) * 1.05 / bytesPerToken).rounded(.up)))
  }
}
