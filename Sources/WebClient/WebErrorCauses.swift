import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import NIOPosix

extension WebError {
  /// What an error of the layers below means to the caller. Their own words are not passed on where
  /// they could repeat a URL or the value of a header.
  init(explaining error: any Error, origin: String) {
    switch error {
    case let error as WebError: self = error
    case let error as HTTPClientError: self.init(client: error, origin: origin)
    case let error as HTTPParserError:
      // The end of the connection inside an answer reaches us as a parser's complaint.
      if error == .invalidEOFState || error == .closedConnection {
        self.init(
          code: .connectionLost, detail: "\(origin) closed the connection within its answer.")
      } else {
        self.init(
          code: .malformed,
          detail: "\(origin) answered with something that is not HTTP, or with too large headers.")
      }
    case is NIOConnectionError:
      self.init(
        code: .unreachable,
        detail: "No connection to \(origin): nothing listens there, or the name is unknown.")
    case let error as IOError:
      self.init(
        code: meansUnreachable(error.errnoCode) ? .unreachable : .connectionLost,
        detail: meansUnreachable(error.errnoCode)
          ? "No connection to \(origin)." : "The connection to \(origin) was lost.")
    case ChannelError.connectTimeout:
      self.init(code: .unreachable, detail: "\(origin) did not accept a connection in time.")
    case is CancellationError:
      self.init(code: .cancelled, detail: "The request to \(origin) was cancelled.")
    default:
      // NIOSSL is not a dependency of this target, so that its errors are known by their name only.
      let name = String(reflecting: type(of: error))
      if name.hasPrefix("NIOSSL") {
        self.init(
          code: .tlsFailed,
          detail: "No secure connection to \(origin): the certificate or the handshake failed.")
      } else {
        self.init(code: .connectionLost, detail: "The connection to \(origin) failed (\(name)).")
      }
    }
  }

  private init(client error: HTTPClientError, origin: String) {
    switch error {
    case .deadlineExceeded:
      self.init(code: .timedOut, detail: "\(origin) did not finish its answer in time.")
    case .readTimeout, .writeTimeout:
      self.init(code: .timedOut, detail: "\(origin) was silent for too long.")
    case .connectTimeout, .getConnectionFromPoolTimeout:
      self.init(code: .unreachable, detail: "\(origin) did not accept a connection in time.")
    case .socksHandshakeTimeout, .httpProxyHandshakeTimeout, .invalidProxyResponse:
      self.init(code: .unreachable, detail: "The proxy did not connect to \(origin).")
    case .proxyAuthenticationRequired:
      self.init(
        code: .unreachable, detail: "The proxy asks for a user name and password that it accepts.")
    case .tlsHandshakeTimeout:
      self.init(code: .tlsFailed, detail: "No secure connection to \(origin) in time.")
    case .cancelled:
      self.init(code: .cancelled, detail: "The request to \(origin) was cancelled.")
    case .alreadyShutdown:
      self.init(code: .cancelled, detail: "The HTTP client has been shut down.")
    case .remoteConnectionClosed, .uncleanShutdown, .requestStreamCancelled:
      self.init(code: .connectionLost, detail: "\(origin) closed the connection before the end.")
    default:
      let name = error.shortDescription
      if name.contains("eader") || name.contains("URL") || name.contains("cheme") {
        self.init(
          code: .invalidURL, detail: "The request to \(origin) cannot be sent as it stands.")
      } else {
        self.init(code: .connectionLost, detail: "The request to \(origin) failed.")
      }
    }
  }
}
