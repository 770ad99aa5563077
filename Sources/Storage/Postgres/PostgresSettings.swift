/// How many connections Stet keeps to PostgreSQL, and how long it waits for what.
public struct PostgresSettings: Sendable, Hashable {
  public var connections: Int
  /// For one statement. The server ends it then; where it does not answer a second later, the
  /// connection is given up.
  public var statement: Duration
  /// For a row or a table that another transaction holds.
  public var lock: Duration
  /// For a connection to be made, with all that belongs to it; `connect_timeout` of the address
  /// goes before it.
  public var connect: Duration
  /// For one of the connections to be free.
  public var turn: Duration

  public init(
    connections: Int = 4, statement: Duration = .seconds(10), lock: Duration = .seconds(5),
    connect: Duration = .seconds(5), turn: Duration = .seconds(10)
  ) {
    self.connections = max(1, connections)
    self.statement = statement
    self.lock = lock
    self.connect = connect
    self.turn = turn
  }
}
