import Domain

/// Whether a review waits for a model that failed.
enum ModelPatience {
  /// A model that failed in so many tries is not waited for any longer.
  static let tries = 3
  private static let longestWait = Duration.seconds(300)

  /// A server that asks for more time than a person would wait is not waited for: what there is is
  /// told at once, with the ledger of what the model did not see.
  static func waits(for failure: ModelError) -> Bool {
    failure.retryAfter ?? .zero <= longestWait
  }
}
