import Dispatch
import Domain
public import Jobs
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Carries rings between processes: what is rung here is notified to all who listen on the
/// database, and what others notify is rung here.
///
/// It has a connection of its own. A notification may be lost while that is made anew, so it rings
/// once when it is there again; workers look by themselves beside it.
public final class PostgresSignals: Sendable {
  private let address: PostgresAddress
  private let settings: PostgresSettings
  private let signal: JobSignal
  private let state = Mutex(State())
  private let queue = DispatchQueue(label: "stet.postgres.signals")

  private struct State {
    var isPending = false
    var isStopped = false
    var isListening = false
    /// Written to wake the queue.
    var wake: CInt = -1
    var connections = 0
  }

  /// Rings that come closer together are told as one: a notification takes a lock of the whole
  /// server when it is committed.
  private static let pause = Duration.milliseconds(5)
  /// How often the connection is asked whether it still is one.
  private static let look = Duration.seconds(15)
  private static let channel = "stet_jobs"

  public init(
    address: PostgresAddress, signal: JobSignal, settings: PostgresSettings = PostgresSettings()
  ) {
    self.address = address
    self.signal = signal
    self.settings = settings
  }

  /// Whether notifications arrive at this moment.
  public var isListening: Bool { state.withLock(\.isListening) }

  /// Listens and notifies until the task is cancelled. It never fails: while the server cannot be
  /// reached it tries again, at most every two seconds.
  public func run() async {
    var ends: [CInt] = [-1, -1]
    guard pipe(&ends) == 0 else { return }
    for end in ends {
      _ = fcntl(end, F_SETFL, O_NONBLOCK)
      _ = fcntl(end, F_SETFD, FD_CLOEXEC)
    }
    let (reading, writing) = (ends[0], ends[1])
    state.withLock { state in
      state.isStopped = false
      state.wake = writing
    }
    let listener = signal.add { self.wake { $0.isPending = true } }
    await withTaskCancellationHandler {
      await withCheckedContinuation { (done: CheckedContinuation<Void, Never>) in
        queue.async {
          self.serve(waking: reading, listener)
          done.resume()
        }
      }
    } onCancel: {
      wake { $0.isStopped = true }
    }
    signal.remove(listener)
    state.withLock { $0.wake = -1 }
    _ = close(reading)
    _ = close(writing)
  }

  private func wake(_ change: (inout State) -> Void) {
    state.withLock { state in
      change(&state)
      // Where the pipe is full, it is awake already.
      var byte: UInt8 = 1
      if state.wake >= 0 { _ = write(state.wake, &byte, 1) }
    }
  }

  private var isStopped: Bool { state.withLock(\.isStopped) }

  // MARK: - On the queue

  private func serve(waking reading: CInt, _ listener: Int) {
    var failures = 0
    while !isStopped {
      do throws(PostgresFailure) {
        let connection = try open()
        failures = 0
        let isFirst = state.withLock { state in
          state.isListening = true
          state.connections += 1
          return state.connections == 1
        }
        // What was notified meanwhile was not heard.
        if !isFirst { signal.ring(except: listener) }
        try listen(connection, waking: reading, listener)
      } catch {
        state.withLock { $0.isListening = false }
        failures += 1
        let pause = min(2.0, 0.05 * Double(1 << min(failures, 10)))
        let end = ContinuousClock.now + .seconds(Double.random(in: pause / 2...pause))
        while !isStopped, .now < end { sleep(reading, nil, until: end) }
      }
    }
    state.withLock { $0.isListening = false }
  }

  private func open() throws(PostgresFailure) -> PostgresConnection {
    let limit = address.connectTimeout.map { Duration.seconds($0) } ?? settings.connect
    let connection: PostgresConnection
    do throws(StoreError) {
      connection = try PostgresConnection(address, parameters: [], until: .now + limit)
    } catch { throw .ended(error) }
    // A ring need not outlive the server.
    for text in ["SET synchronous_commit = off", "LISTEN \(Self.channel)"] {
      _ = try connection.run([SQLStatement(text)], keeping: false, within: limit)
    }
    return connection
  }

  private func listen(
    _ connection: PostgresConnection, waking reading: CInt, _ listener: Int
  ) throws(PostgresFailure) {
    var told = ContinuousClock.now - Self.pause
    var looked = ContinuousClock.now
    while !isStopped {
      let own = connection.processID
      if try connection.notifications().contains(where: { $0 != own }) {
        signal.ring(except: listener)
      }
      let now = ContinuousClock.now
      let isPending = state.withLock(\.isPending)
      if isPending, now - told >= Self.pause {
        state.withLock { $0.isPending = false }
        told = now
        looked = now
        _ = try connection.run(
          [SQLStatement("SELECT pg_notify('\(Self.channel)', '')")], within: settings.statement)
        continue
      }
      if now - looked >= Self.look {
        looked = now
        _ = try connection.run([SQLStatement("SELECT 1")], within: .seconds(5))
        continue
      }
      sleep(reading, connection.socket, until: isPending ? told + Self.pause : looked + Self.look)
    }
  }

  /// Until it is woken, the server says something, or the time has come.
  private func sleep(_ reading: CInt, _ socket: CInt?, until end: ContinuousClock.Instant) {
    let left = end - .now
    guard left > .zero else { return }
    var descriptors = [pollfd(fd: reading, events: Int16(POLLIN), revents: 0)]
    if let socket { descriptors.append(pollfd(fd: socket, events: Int16(POLLIN), revents: 0)) }
    _ = poll(
      &descriptors, nfds_t(descriptors.count), CInt(min(60_000, left.inSeconds * 1_000 + 1)))
    var bytes = [UInt8](repeating: 0, count: 64)
    while read(reading, &bytes, bytes.count) > 0 {}
  }
}
