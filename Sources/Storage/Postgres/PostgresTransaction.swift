import Domain

/// A transaction on one connection. `BEGIN` travels with its first statement.
final class PostgresTransaction: SQLTransaction {
  private let connection: PostgresConnection
  private let call: PostgresCall
  private let errors: PostgresErrors
  private let limit: Duration
  private(set) var hasBegun = false
  /// What went wrong first, in terms that decide whether all is run again.
  private(set) var failure: PostgresFailure?

  init(
    _ connection: PostgresConnection, _ call: PostgresCall, _ errors: PostgresErrors,
    limit: Duration
  ) {
    self.connection = connection
    self.call = call
    self.errors = errors
    self.limit = limit
  }

  func query(_ statement: SQLStatement) throws(StoreError) -> [SQLRow] {
    try answer(statement).rows
  }

  @discardableResult
  func change(_ statement: SQLStatement) throws(StoreError) -> Int {
    try answer(statement).changed
  }

  private func answer(_ statement: SQLStatement) throws(StoreError) -> PostgresAnswer {
    do throws(PostgresFailure) {
      if let failure { throw failure }
      if call.isCancelled { throw .cancelled }
      let begin = hasBegun ? [] : [SQLStatement("BEGIN")]
      hasBegun = true
      let answers = try connection.run(begin + [statement], within: limit, for: call)
      guard let answer = answers.last else { throw .lost("an answer is missing") }
      return answer
    } catch {
      if failure == nil { failure = error }
      throw errors.storeError(error, isUnknown: false)
    }
  }

  /// What `body` gives; where a statement failed, that is the reason, whatever `body` made of it.
  func value<T>(
    of body: (any SQLTransaction) throws(StoreError) -> T
  ) throws(PostgresFailure) -> T {
    do throws(StoreError) { return try body(self) } catch { throw failure ?? .ended(error) }
  }

  /// On disk when this returns.
  func commit() throws(PostgresFailure) {
    if let failure { throw failure }
    guard hasBegun else { return }
    try call.endsTransaction()
    let answers = try connection.run([SQLStatement("COMMIT")], within: limit)
    guard answers.last?.tag == "COMMIT" else {
      throw .ended(
        StoreError(
          code: .failed,
          detail: "the database \(errors.place) undid a transaction instead of keeping it."))
    }
  }

  /// Where that fails the connection is given up, which undoes it too.
  func undo() {
    guard hasBegun, !connection.isOver, !connection.isIdle else { return }
    _ = try? connection.run([SQLStatement("ROLLBACK")], within: .seconds(2))
  }
}
