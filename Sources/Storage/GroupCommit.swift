import Domain
import GRDB

/// A call that waits for its transaction.
protocol WaitingChange: AnyObject, Sendable {
  /// Runs it within the transaction that is open. - Throws: what made it fail; its result is kept.
  func run(_ database: Database) throws
  /// Lets the caller go on: with what `run` gave, or with the failure of the whole.
  func answer(_ failure: StoreError?)
}

/// Changes that wait at the same time share one transaction, so that one write to disk makes all
/// of them durable. Each stands in a savepoint of its own and fails alone.
struct GroupCommit {
  let path: String
  /// Told after each commit how many calls it serves.
  let committed: (Int) -> Void

  /// Runs all in order and answers each, after the commit.
  func run(_ changes: [any WaitingChange], on database: Database) {
    guard changes.count > 1 else {
      for change in changes { alone(change, on: database) }
      return
    }
    do {
      try database.beginTransaction(.immediate)
      for change in changes {
        guard try member(change, on: database) else {
          return eachAlone(changes, on: database)
        }
      }
      try database.commit()
    } catch {
      // Such as a disk that is full: smaller transactions may find room, and each gets its answer.
      return eachAlone(changes, on: database)
    }
    committed(changes.count)
    for change in changes { change.answer(nil) }
  }

  /// - Returns: false where the failure has undone the whole transaction, as a full disk does.
  private func member(_ change: any WaitingChange, on database: Database) throws -> Bool {
    try database.execute(sql: "SAVEPOINT member")
    do {
      try change.run(database)
    } catch {
      guard database.isInsideTransaction else { return false }
      try database.execute(sql: "ROLLBACK TO member")
    }
    try database.execute(sql: "RELEASE member")
    return true
  }

  private func eachAlone(_ changes: [any WaitingChange], on database: Database) {
    undo(database)
    for change in changes { alone(change, on: database) }
  }

  private func alone(_ change: any WaitingChange, on database: Database) {
    do {
      try database.beginTransaction(.immediate)
      try change.run(database)
      try database.commit()
      committed(1)
      change.answer(nil)
    } catch {
      undo(database)
      change.answer(SQLiteFile.storeError(error, path: path))
    }
  }

  /// What cannot be undone now is undone by the next `BEGIN` failing, and said there.
  private func undo(_ database: Database) {
    if database.isInsideTransaction { try? database.rollback() }
  }
}
