import Foundation
import Hummingbird
public import Logging
import Metrics
import NIOCore
public import ServiceLifecycle

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

  /// Every route, with its description.
  var routes: [Route] {
    let limits = configuration.limits
    let system = SystemRoutes(ports: ports, configuration: configuration)
    if configuration.servesFiguresOnly {
      return system.routes.filter { ["/healthz", "/metrics"].contains($0.path) }
    }
    return system.describing(
      WebhookRoutes(ports: ports, limits: limits, factory: factory).routes
        + FixRoute(ports: ports, limits: limits).routes
        + IssueRoutes(ports: ports, limits: limits).routes
        + ReviewRoute(ports: ports, limits: limits).routes
        + GenerateRoutes(ports: ports, limits: limits).routes
        + ReplRoutes(ports: ports, limits: limits).routes
        + EvaluateRoute(ports: ports, limits: limits).routes
        + RunRoutes(
          ports: ports, limits: limits, streams: StreamSlots(most: limits.eventStreams)
        ).routes
        + JobRoutes(ports: ports, limits: limits).routes
        + SignInRoutes(ports: ports).routes
        + DashboardRoutes(ports: ports).routes + system.routes)
  }

  private var factory: any MetricsFactory { ports.metrics ?? MetricsSystem.factory }

  /// - Throws: `ServerError` where it cannot start.
  public func run() async throws {
    let limits = configuration.limits
    let access = AccessControl(
      store: ports.tokens, memory: limits.tokenMemory,
      isReachedFromElsewhere: configuration.isReachedFromElsewhere, now: ports.now)
    if try await !access.anyTokenExists() {
      guard Loopback.isLoopback(name: configuration.host) else {
        throw ServerError(
          code: .tokenNeeded,
          detail: "\(configuration.host) can be reached from other machines, and no API token "
            + "exists: make one with `stet token create`, or listen on 127.0.0.1.")
      }
      logger.warning(
        configuration.isReachedFromElsewhere
          ? """
          no API token exists: webhooks are taken, and the API answers nobody, as the server has a \
          public address; `stet token create` makes one
          """
          : """
          no API token exists: programs of this machine are answered without one, all else is \
          refused; `stet token create` makes one
          """)
    }
    let door = FrontDoor(
      table: RouteTable(routes), access: access,
      dashboard: DashboardDoor(
        sessions: Sessions(secret: ports.dashboard.secret), access: access,
        configuration: configuration, now: ports.now),
      tokenLimiter: limits.tokenLimiter(), addressLimiter: limits.addressLimiter(),
      bodies: BodyBudget(most: limits.bodiesInFlight), factory: factory, logger: logger)
    // Hummingbird's own notes say nothing that is not said here.
    var quiet = logger
    quiet.logLevel = max(.error, logger.logLevel)
    let application = Application(
      responder: door,
      server: .http1(
        configuration: .init(
          additionalChannelHandlers: [WriteDeadline(TimeAmount(limits.writeDeadline))],
          idleTimeout: TimeAmount(limits.headDeadline))),
      configuration: ApplicationConfiguration(
        address: .hostname(configuration.host, port: configuration.port), serverName: nil,
        backlog: 512, availableConnectionsDelegate: .maximum(limits.connections, logger: quiet)),
      onServerRunning: { channel in
        let address = ListeningAddress(
          host: configuration.host, port: channel.localAddress?.port ?? configuration.port)
        logger.info("listening", metadata: ["address": .stringConvertible(address)])
        await onListening(address)
      }, logger: quiet)
    do {
      try await serve(application, stopWithin: limits.stopDeadline)
    } catch let error as IOError {
      throw refusal(error)
    }
  }

  /// Requests that are still there so long after the stop was asked for are broken off.
  private func serve(
    _ application: some ApplicationProtocol, stopWithin deadline: Duration
  ) async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await application.run() }
      group.addTask {
        try await gracefulShutdown()
        try await Task.sleep(for: deadline)
      }
      defer { group.cancelAll() }
      try await group.next()
    }
  }

  private func refusal(_ error: IOError) -> ServerError {
    let place = "\(configuration.host):\(configuration.port)"
    let setting = configuration.servesFiguresOnly ? "--metrics" : "STET_LISTEN"
    return switch error.errnoCode {
    case EADDRINUSE:
      ServerError(
        code: .portTaken,
        detail: "\(place) is taken by another program, perhaps by another `stet serve`: stop that, "
          + "or listen elsewhere with \(setting).")
    case EACCES:
      ServerError(
        code: .cannotListen,
        detail: "This user may not listen on \(place): take a port above 1023 with \(setting).")
    case EADDRNOTAVAIL:
      ServerError(
        code: .cannotListen,
        detail: "\(configuration.host) is no address of this machine: change \(setting).")
    default:
      ServerError(
        code: .cannotListen, detail: "Stet cannot listen on \(place): \(error.description)")
    }
  }
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
