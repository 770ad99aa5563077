import Domain

/// The exit statuses that scripts may rely on.
enum ProgramStatus: Int32, Sendable {
  case done = 0
  /// Findings at or above `--fail-on`.
  case findings = 1
  /// Wrong usage, settings or input.
  case misuse = 2
  /// The work failed.
  case failed = 3
}

/// Ends a command with a status, and with a sentence on standard error where there is one.
struct CommandFailure: Error, Sendable, Equatable {
  var status: ProgramStatus
  /// What is wrong, where, and what to do. `nil` where the output has said it all.
  var sentence: String?

  /// Who is not let in has a setting to mend; all else is for another time.
  init(_ error: StoreError) {
    self.init(
      status: error.code == .refused ? .misuse : .failed,
      sentence: SecretMask.masked(error.detail).text)
  }

  init(status: ProgramStatus, sentence: String?) {
    self.status = status
    self.sentence = sentence
  }

  static func misuse(_ sentence: String) -> Self { Self(status: .misuse, sentence: sentence) }
  static func failed(_ sentence: String) -> Self { Self(status: .failed, sentence: sentence) }
  static func quiet(_ status: ProgramStatus) -> Self { Self(status: status, sentence: nil) }
}
