import Foundation
import Hummingbird
import Logging
import NIOCore
import Synchronization

/// One request on its way through the server.
struct ServerContext: InitializableFromSource {
  let channel: any Channel
  /// Names the request in answers and in the log.
  let requestID: String
  var logger: Logger
  let body = BodyProgress()
  /// The captured parts of the path.
  var parameters: [String: String] = [:]
  var caller = Caller.nobody
  /// Who looks, on a page of the dashboard that asks for it.
  var visit: Visit?
  /// What was sent by a form that is one of ours.
  var form = FormFields()
  var dashboard: DashboardDoor?
  /// Which entry of the dashboard's navigation the page stands under.
  var here = ""
  /// What was done by the form before, as `?said=` tells.
  var said: String?
  /// What its body takes of the memory for bodies; `FrontDoor` gives it.
  var share: BodyShare?

  init(source: ApplicationRequestContextSource) {
    channel = source.channel
    var generator = SystemRandomNumberGenerator()
    requestID = String(generator.next(), radix: 16)
    logger = source.logger
  }

  /// The peer's address without its port; empty where there is none.
  var peer: String { channel.remoteAddress?.ipAddress ?? "" }

  func parameter(_ name: String) -> String { parameters[name] ?? "" }
}

/// How far a request's body was read, so that an unread one does not hold its connection.
final class BodyProgress: Sendable {
  private let finished = Mutex(false)

  var isFinished: Bool { finished.withLock { $0 } }
  func finish() { finished.withLock { $0 = true } }
}
