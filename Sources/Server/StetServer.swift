public import Logging
public import ServiceLifecycle

import Hummingbird
import NIOCore

/// The HTTP server: webhooks, the API, health and metrics.
///
/// It runs until it is stopped gracefully; requests that run may finish first.
public struct StetServer: Service {
  private let ports: ServerPorts
  private let configuration: ServerConfiguration
  private let logger: Logger
  private let onListening: @Sendable (ListeningAddress) async -> Void

  /// - Parameter onListening: told the real address once connections are accepted.
  public init(
    ports: ServerPorts, configuration: ServerConfiguration, logger: Logger,
    onListening: @escaping @Sendable (ListeningAddress) async -> Void = { _ in }
  ) {
    self.ports = ports
    self.configuration = configuration
    self.logger = logger
    self.onListening = onListening
  }

  /// - Throws: `ServerError` where it cannot start.
  public func run() async throws {}
}

/// Where the server really listens.
public struct ListeningAddress: Sendable, Hashable, CustomStringConvertible {
  public var host: String
  public var port: Int

  public init(host: String, port: Int) {
    self.host = host
    self.port = port
  }

  /// `http://127.0.0.1:8080`, with brackets round an IPv6 address.
  public var description: String {
    host.contains(":") ? "http://[\(host)]:\(port)" : "http://\(host):\(port)"
  }
}
