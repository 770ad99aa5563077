import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization

/// The connections of one `WebClient`: one thread and one pool for each proxy (or none), all made at
/// the first request that needs them. Closes by itself when nothing holds it any more.
final class ConnectionPools: Sendable {
  private struct State {
    var group: MultiThreadedEventLoopGroup?
    var clients: [ProxySettings.Proxy?: HTTPClient] = [:]
    var isShutDown = false
  }

  private let configuration: WebClientConfiguration
  private let state = Mutex(State())

  /// Numeric addresses that names stand for, whatever a resolver says.
  private let pinned: [String: String]

  init(configuration: WebClientConfiguration, pinning pinned: [String: String] = [:]) {
    self.configuration = configuration
    self.pinned = pinned
  }

  var isShutDown: Bool { state.withLock { $0.isShutDown } }

  deinit { close() }

  /// - Returns: `nil` after the shutdown.
  func client(through proxy: ProxySettings.Proxy?) -> HTTPClient? {
    state.withLock { state in
      if state.isShutDown { return nil }
      if let client = state.clients[proxy] { return client }
      let group = state.group ?? MultiThreadedEventLoopGroup(numberOfThreads: 1)
      state.group = group
      let client = HTTPClient(eventLoopGroup: group, configuration: settings(proxy))
      state.clients[proxy] = client
      return client
    }
  }

  func shutDown() async {
    await withCheckedContinuation { continuation in close { continuation.resume() } }
  }

  /// An HTTPClient that is dropped before its shutdown ends the process in a debug build, and a
  /// group leaks its thread; so both are ended here, in this order, without blocking.
  private func close(_ done: @escaping @Sendable () -> Void = {}) {
    let (group, clients) = state.withLock { state in
      defer {
        state.isShutDown = true
        state.group = nil
        state.clients = [:]
      }
      return (state.group, Array(state.clients.values))
    }
    guard let group else { return done() }
    EventLoopFuture.andAllComplete(clients.map { $0.shutdown() }, on: group.next())
      .whenComplete { _ in group.shutdownGracefully { _ in done() } }
  }

  private func settings(_ proxy: ProxySettings.Proxy?) -> HTTPClient.Configuration {
    var settings = HTTPClient.Configuration(
      redirectConfiguration: .disallow,
      timeout: .init(
        connect: TimeAmount(configuration.connectTimeout),
        read: configuration.idleTimeout.map { TimeAmount($0) }),
      decompression: .disabled)
    // Retries are ours: a hidden second layer of them would multiply, and hide a closed port.
    settings.connectionPool.retryConnectionEstablishment = false
    settings.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit =
      configuration.connectionsPerHost
    settings.httpVersion = .http1Only
    settings.dnsOverride = pinned
    if let proxy {
      switch proxy.kind {
      case .socks: settings.proxy = .socksServer(host: proxy.host, port: proxy.port)
      case .http:
        settings.proxy = .server(
          host: proxy.host, port: proxy.port,
          authorization: proxy.user.map { .basic(username: $0, password: proxy.password ?? "") })
      }
    }
    return settings
  }
}
