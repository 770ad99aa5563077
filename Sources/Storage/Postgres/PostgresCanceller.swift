import CPostgres
import Dispatch
import Synchronization

/// Asks the server to stop what one connection does. libpq allows it from any thread.
final class PostgresCanceller: @unchecked Sendable {
  /// Never changed, and freed when nobody can use it any more.
  private let handle: OpaquePointer?

  init(_ connection: OpaquePointer) { handle = PQgetCancel(connection) }

  deinit { PQfreeCancel(handle) }

  /// Requests block for as long as the network lets them, so a few threads of their own send them.
  private static let sending = (0..<4).map { _ in DispatchQueue(label: "stet.postgres.cancel") }
  private static let next = Mutex(0)

  /// Returns at once. Where the request does not arrive, the caller gives the connection up.
  func cancel() {
    let number = Self.next.withLock { next in
      next = (next + 1) % Self.sending.count
      return next
    }
    Self.sending[number].async {
      var words = [CChar](repeating: 0, count: 256)
      _ = PQcancel(self.handle, &words, CInt(words.count))
    }
  }
}
