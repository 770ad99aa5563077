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

  /// Ends the program by a signal, so that a shell sees what ended it.
  static func end(by number: Int32) -> Never {
    signal(number, SIG_DFL)
    // Dispatch blocks the signals that it listens for.
    var own = sigset_t()
    sigemptyset(&own)
    sigaddset(&own, number)
    pthread_sigmask(SIG_UNBLOCK, &own, nil)
    raise(number)
    exit(128 + number)
  }

  /// - Parameter patience: how long what was started may take to end by itself.
  init(patience: Duration = .seconds(5), _ cancel: @escaping @Sendable () -> Void) {
    let seconds = Int(patience.components.seconds)
    let first = FirstSignal()
    self.first = first
    sources = [SIGINT, SIGTERM, SIGHUP].map { number in
      signal(number, SIG_IGN)
      let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
      source.setEventHandler {
        if first.take(number) {
          cancel()
          // What cannot be cancelled, such as a read from a silent pipe, ends with the program. A
          // local model's server is stopped in less.
          DispatchQueue.global().asyncAfter(deadline: .now() + .seconds(seconds)) {
            Self.end(by: number)
          }
        } else {
          Self.end(by: number)
        }
      }
      source.resume()
      return source
    }
  }
}
