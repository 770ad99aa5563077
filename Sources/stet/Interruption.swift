import Dispatch
import Synchronization

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// Turns Control-C, a closed terminal and a polite `kill` into cancelling, so that what the command
/// started is ended with it. The second one ends the program where it stands.
final class Interruption {
  private let first: FirstSignal
  // Kept, because a source that is let go hears nothing.
  private let sources: [any DispatchSourceSignal]

  private final class FirstSignal: Sendable {
    private let number = Mutex<Int32?>(nil)

    /// - Returns: false where one came before.
    func take(_ signal: Int32) -> Bool {
      number.withLock { number in
        guard number == nil else { return false }
        number = signal
        return true
      }
    }
    var value: Int32? { number.withLock { $0 } }
  }

  /// The signal that came, if one did.
  var received: Int32? { first.value }

  init(_ cancel: @escaping @Sendable () -> Void) {
    let first = FirstSignal()
    self.first = first
    sources = [SIGINT, SIGTERM, SIGHUP].map { number in
      signal(number, SIG_IGN)
      let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
      source.setEventHandler {
        if first.take(number) {
          cancel()
        } else {
          signal(number, SIG_DFL)
          raise(number)
        }
      }
      source.resume()
      return source
    }
  }
}
