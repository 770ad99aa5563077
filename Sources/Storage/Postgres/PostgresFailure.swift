import Domain
import Foundation

/// Why a call on a connection failed, in terms that decide whether it is made again.
enum PostgresFailure: Error {
  /// The server said no; what belonged to the statement's transaction is undone.
  case answered(state: String, message: String)
  /// The connection broke.
  case lost(String)
  /// No answer came in time; the connection was given up.
  case late(Duration)
  /// Whoever asked no longer waits; nothing was kept.
  case cancelled
  /// It could not be begun, or the caller's own code ended it.
  case ended(StoreError)
}

/// Puts failures into sentences. Source of the codes: PostgreSQL documentation, "Appendix A.
/// PostgreSQL Error Codes".
struct PostgresErrors: Sendable {
  let address: PostgresAddress
  var place: String { address.description }

  /// - Parameter isUnknown: a change had been sent when the failure came, so it may have been made.
  func storeError(_ failure: PostgresFailure, isUnknown: Bool) -> StoreError {
    switch failure {
    case .ended(let error): error
    case .cancelled:
      StoreError(code: .cancelled, detail: "the call was cancelled; nothing was changed.")
    case .answered(let state, let message): answered(state, message)
    case .lost(let words):
      StoreError(
        code: .unreachable,
        detail: "the connection to the database \(place) broke (\(told(words)))"
          + outcome(isUnknown))
    case .late(let limit):
      StoreError(
        code: .unreachable,
        detail: "the database \(place) did not answer within \(limit.inWords)" + outcome(isUnknown))
    }
  }

  private func outcome(_ isUnknown: Bool) -> String {
    isUnknown ? "; what was being changed may or may not have been kept." : "; nothing was changed."
  }

  private func answered(_ state: String, _ message: String) -> StoreError {
    let said = told(message)
    func error(_ code: StoreError.Code, _ detail: String) -> StoreError {
      StoreError(code: code, detail: detail)
    }
    switch state {
    case "53100",
      "58030" where said.lowercased().contains("no space"):
      return error(.full, "the disk of the database \(place) is full; free some space there.")
    case "25006":
      return error(
        .unwritable,
        "the database \(place) takes no changes (\(said)); it may be a standby or be set read-only."
      )
    case "42501":
      return error(
        .refused,
        "the user of the database \(place) lacks a right (\(said)); grant it, for tables with "
          + "GRANT CREATE, USAGE ON SCHEMA public.")
    case "23505", "23503", "23P01":
      return error(.conflict, "the database \(place) has such a row already (\(said)).")
    case "54000", "54001", "54011", "54023", "22001", "22003", "53400":
      return error(.tooLarge, "a value is larger than the database \(place) takes (\(said)).")
    case "XX001", "XX002":
      return error(
        .corrupt,
        "the database \(place) is damaged (\(said)); restore it from a backup.")
    case "55P03", "40001", "40P01":
      return error(
        .locked, "others held what was to be changed in the database \(place) (\(said)).")
    case "57014":
      return error(
        .unreachable,
        "the database \(place) stopped a statement that took too long (\(said)); nothing was "
          + "changed.")
    case "53000", "53200", "53300", "57P01", "57P02", "57P03", "57P05", "25P03":
      return error(.unreachable, "the database \(place) does not serve just now (\(said)).")
    case "28000", "28P01", "3D000", "57P04":
      return refused(state, said)
    default:
      if state.hasPrefix("08") {
        return error(.unreachable, "the database \(place) cannot be reached (\(said)).")
      }
      return error(.failed, "the database \(place) failed: \(said) (\(state)).")
    }
  }

  private func refused(_ state: String, _ said: String) -> StoreError {
    let advice =
      switch state {
      case "3D000", "57P04": "create it, or correct its name in DATABASE_URL."
      case "28P01": "correct the user or the password in DATABASE_URL."
      default: "correct the user in DATABASE_URL, or let it in by the server's pg_hba.conf."
      }
    return StoreError(
      code: .refused, detail: "the database \(place) does not let Stet in (\(said)); \(advice)")
  }

  /// What libpq says of a connection that was not made. It carries the server's code, where the
  /// server said something, because messages are asked for in their long form while connecting.
  func connecting(_ words: String) -> StoreError {
    if let (state, said) = Self.stateAndText(words) { return answered(state, said) }
    let said = told(words)
    if Self.isRefusal(words) {
      return StoreError(
        code: .refused,
        detail: "no connection as the address asks for it can be made to the database \(place) "
          + "(\(said)); correct DATABASE_URL or the server's settings.")
    }
    return StoreError(
      code: .unreachable, detail: "the database \(place) cannot be reached (\(said)).")
  }

  /// Whether it will be the same the next time. Where several hosts were tried, all have to say so.
  ///
  /// What stands in quotes are names of hosts and files, and what comes before `failed:` says where.
  static func isRefusal(_ words: String) -> Bool {
    let plain = words.lowercased().split(omittingEmptySubsequences: false) {
      "\"“”„«»".contains($0)
    }
    let text = plain.enumerated().filter { $0.offset.isMultiple(of: 2) }.map(\.element)
      .joined(separator: " ")
    var tries: [String] = []
    for line in text.split(whereSeparator: \.isNewline) {
      let reason = line.range(of: " failed: ")
      if line.hasPrefix("connection to server"), let reason {
        tries.append(String(line[reason.upperBound...]))
      } else if line.hasPrefix("could not translate") || tries.isEmpty {
        tries.append(String(line))
      } else {
        // A hint of the one before.
        tries[tries.count - 1] += " " + line
      }
    }
    return !tries.isEmpty
      && tries.allSatisfy { reason in
        !transient.contains { reason.contains($0) } && lasting.contains { reason.contains($0) }
      }
  }

  private static let lasting = ["ssl", "certificate", "no password"]
  /// How a connection with TLS breaks: when the server goes.
  private static let transient = [
    "ssl syscall", "unexpected eof", "closed", "reset", "timed out", "timeout", "broken pipe",
    "refused", "could not translate",
  ]

  /// `FATAL:  28P01: password authentication failed …`, whatever the language of the first word.
  private static func stateAndText(_ words: String) -> (String, String)? {
    for line in words.split(whereSeparator: \.isNewline) {
      let parts = line.split(separator: ": ", omittingEmptySubsequences: false)
      for (number, part) in parts.enumerated() {
        let state = part.drop { $0 == " " }
        if state.utf8.count == 5, number + 1 < parts.count,
          state.utf8.allSatisfy({ (48...57).contains($0) || (65...90).contains($0) }),
          state.utf8.contains(where: { (48...57).contains($0) }), state != "LOCATION"
        {
          return (String(state), parts[(number + 1)...].joined(separator: ": "))
        }
      }
    }
    return nil
  }

  /// The first lines of a message, on one line, without what may not be told.
  private func told(_ words: String) -> String {
    let line = words.split(whereSeparator: \.isNewline)
      .map { $0.split(separator: " ").joined(separator: " ") }
      .filter { !$0.isEmpty && !$0.hasPrefix("LOCATION") }.prefix(3).joined(separator: "; ")
    return address.masked(String((line.isEmpty ? "it gave no reason" : line).prefix(400)))
  }
}

extension Duration {
  /// For sentences: `10 s`, `0.25 s`.
  var inWords: String {
    let seconds = inSeconds
    return seconds == seconds.rounded() ? "\(Int(seconds)) s" : "\(seconds) s"
  }
}
