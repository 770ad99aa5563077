public import Domain
import Foundation
import Synchronization

/// Real bare repositories in a folder, served to git over HTTP on this machine by `git http-backend`.
///
///     let git = try GitHTTPServer()
///     try await git.add(repository, files: ["a.py": bytes])
///     git.allow(token, .write)
///     let server = try await git.listen()      // server.url + "/OWNER/NAME.git"
///
/// `FakeGitHub.attach` serves the same under the fake's own address.
public final class GitHTTPServer: Sendable {
  public enum Right: Int, Sendable { case none, read, write }

  /// Bad manners towards the next requests.
  public enum Fault: Sendable {
    case status(Int)
    /// To another address, path and query kept.
    case redirect(to: String)
    /// So many bytes of the true answer, then the connection closes.
    case cut(after: Int)
    /// The true answer in pieces with a pause before each.
    case slow(pieces: Int, pause: Duration)
    /// The request is carried out, and the connection closed instead of an answer.
    case silence
    /// Nothing is done or said until the other side goes away.
    case hang
    case html
    /// As a server that knows neither filters nor protocol 2.
    case old
  }

  struct State {
    /// By token; what one who shows none may do is under the empty text.
    var rights: [String: [String: Right]] = [:]
    var anyRights: [String: Right] = [:]
    var faults: [(match: String, fault: Fault, times: Int)] = []
    var requests: [Request] = []
    var protected: Set<String> = []
    var isOld = false
  }

  public struct Request: Sendable {
    public var method: String
    public var path: String
    public var status: Int
    /// Of the answer's body.
    public var bytesSent: Int
    public var bytesReceived: Int
    /// Its scheme alone.
    public var authorization: String?
  }

  /// Of all repositories; removed with the server.
  public let folder: String
  let state = Mutex(State())
  /// Told of each push that was taken, after it.
  let onPush = Mutex<(@Sendable (RepositoryName) async -> Void)?>(nil)
  /// Decides for a request in the place of `allow`; `nil`: not known here.
  let decides = Mutex<(@Sendable (ReceivedRequest, RepositoryName) -> Right?)?>(nil)

  public init() throws {
    folder = NSTemporaryDirectory() + "/stet-git-http-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: folder) }

  /// What a token may do; the empty token is one who shows none. Without any such call everything
  /// is public to read and nobody may push.
  /// - Parameter repository: `nil`: all of them.
  public func allow(_ token: String, _ right: Right, in repository: RepositoryName? = nil) {
    state.withLock { state in
      if let repository {
        state.rights[token, default: [:]][repository.description.lowercased()] = right
      } else {
        state.anyRights[token] = right
      }
    }
  }

  /// - Parameter match: contained in path and query, such as `git-receive-pack`; empty: any.
  public func inject(_ fault: Fault, on match: String = "", times: Int = 1) {
    state.withLock { $0.faults.append((match, fault, times)) }
  }

  public func clearFaults() { state.withLock { $0.faults = [] } }

  public var requests: [Request] { state.withLock { $0.requests } }
  public func clearRequests() { state.withLock { $0.requests = [] } }
  /// Of all answers since the last `clearRequests()`.
  public var bytesSent: Int { requests.reduce(0) { $0 + $1.bytesSent } }

  /// Serves on a port of this machine; 0 picks one.
  public func listen(port: Int = 0) async throws -> FaultServer {
    try await FaultServer(port: port) { [self] in await answer($0) }
  }

  /// The folder of one repository.
  public func path(of repository: RepositoryName) -> String {
    "\(folder)/\(repository.description.lowercased()).git"
  }

  // MARK: one request

  /// - Returns: the repository that a request path is about, such as `/o/r.git/info/refs`.
  static func repository(in path: String) -> RepositoryName? {
    let parts = path.split(separator: "?")[0].split(separator: "/")
    guard parts.count >= 3, parts[1].hasSuffix(".git") else { return nil }
    return RepositoryName("\(parts[0])/\(parts[1].dropLast(4))")
  }

  func answer(_ request: ReceivedRequest) async -> FaultReply {
    let fault = state.withLock { state -> Fault? in
      guard
        let index = state.faults.firstIndex(where: {
          $0.match.isEmpty || request.path.contains($0.match)
        })
      else { return nil }
      state.faults[index].times -= 1
      let fault = state.faults[index].fault
      if state.faults[index].times <= 0 { state.faults.remove(at: index) }
      return fault
    }
    var reply: FaultReply
    switch fault {
    case .status(let status):
      reply = .text("no", status: status)
    case .redirect(let address):
      reply = .text("", status: 301, headers: [("Location", address + request.path)])
    case .html: reply = .text("<!DOCTYPE html><h1>Unicorn!</h1>", type: "text/html")
    case .hang: reply = FaultReply(parts: [.hang], framing: .raw)
    case .silence:
      _ = await serve(request)
      reply = FaultReply(parts: [.cut], framing: .raw)
    case .cut(let count):
      reply = await serve(request)
      let body = Self.body(reply)
      reply.framing = .declared(body.count)
      reply.parts = [.bytes(Array(body.prefix(count))), .cut]
    case .slow(let pieces, let pause):
      reply = await serve(request)
      let body = Self.body(reply)
      let size = max(1, body.count / max(1, pieces))
      reply.framing = .declared(body.count)
      reply.parts = stride(from: 0, to: body.count, by: size).flatMap { start in
        [.pause(pause), .bytes(Array(body[start..<min(body.count, start + size)]))]
      }
    case .old: reply = await serve(request, isOld: true)
    case nil: reply = await serve(request, isOld: state.withLock { $0.isOld })
    }
    let sent = Self.body(reply).count
    let status = reply.status
    state.withLock { state in
      state.requests.append(
        Request(
          method: request.method, path: request.path, status: status, bytesSent: sent,
          bytesReceived: request.body.count,
          authorization: request.header("authorization")?.split(separator: " ").first
            .map(String.init)))
    }
    return reply
  }

  /// Serves every request as a server without filters and protocol 2 does.
  public func setOld(_ isOld: Bool) { state.withLock { $0.isOld = isOld } }

  private static func body(_ reply: FaultReply) -> [UInt8] {
    reply.parts.flatMap { part -> [UInt8] in
      if case .bytes(let bytes) = part { bytes } else { [] }
    }
  }

  private func serve(_ request: ReceivedRequest, isOld: Bool = false) async -> FaultReply {
    guard let repository = Self.repository(in: request.path),
      FileManager.default.fileExists(atPath: path(of: repository))
    else { return .text("Repository not found.", status: 404) }
    let isPush = request.path.contains("git-receive-pack")
    let right = right(of: request, in: repository)
    let challenge = [("WWW-Authenticate", "Basic realm=\"GitHub\"")]
    guard let right else {
      return .text("Bad credentials", status: 401, headers: challenge)
    }
    if right == .none { return .text("Repository not found.", status: 404) }
    if isPush, right != .write {
      return request.header("authorization") == nil
        ? .text("Authentication required", status: 401, headers: challenge)
        : .text("Permission to \(repository) denied.", status: 403)
    }
    do {
      let reply = try await backend(request, repository, isOld: isOld)
      if isPush, request.method == "POST" {
        if let told = onPush.withLock({ $0 }) { await told(repository) }
      }
      return reply
    } catch { return .text("\(error)", status: 500) }
  }

  /// - Returns: `nil` for a token that is not known.
  private func right(of request: ReceivedRequest, in repository: RepositoryName) -> Right? {
    if let decides = decides.withLock({ $0 }) { return decides(request, repository) }
    var token = ""
    if let header = request.header("authorization") {
      let parts = header.split(separator: " ", maxSplits: 1)
      token = parts.count == 2 ? String(parts[1]) : ""
      if parts.first?.lowercased() == "basic" {
        let pair = Data(base64Encoded: token).map { String(decoding: $0, as: UTF8.self) } ?? ""
        token = pair.split(separator: ":").last.map(String.init) ?? ""
      }
    }
    return state.withLock { state in
      let key = repository.description.lowercased()
      if let right = state.rights[token]?[key] ?? state.anyRights[token] { return right }
      return token.isEmpty ? .read : nil
    }
  }

  /// One call of the CGI program. Source: git-http-backend(1), RFC 3875.
  private func backend(
    _ request: ReceivedRequest, _ repository: RepositoryName, isOld: Bool
  ) async throws -> FaultReply {
    let halves = request.path.split(separator: "?", maxSplits: 1)
    let tail = halves[0].split(separator: "/").dropFirst(2).joined(separator: "/")
    var environment = [
      "GIT_PROJECT_ROOT": folder, "GIT_HTTP_EXPORT_ALL": "1", "REMOTE_USER": "somebody",
      "PATH_INFO": "/\(repository.description.lowercased()).git/\(tail)",
      "REQUEST_METHOD": request.method, "QUERY_STRING": halves.count > 1 ? String(halves[1]) : "",
      "CONTENT_TYPE": request.header("content-type") ?? "",
      "CONTENT_LENGTH": "\(request.body.count)", "REMOTE_ADDR": "127.0.0.1",
    ]
    environment["HTTP_CONTENT_ENCODING"] = request.header("content-encoding")
    if isOld {
      environment["GIT_CONFIG_COUNT"] = "1"
      environment["GIT_CONFIG_KEY_0"] = "uploadpack.allowFilter"
      environment["GIT_CONFIG_VALUE_0"] = "false"
    } else {
      environment["GIT_PROTOCOL"] = request.header("git-protocol")
    }
    let outcome = try await GitProgram.run(
      ["http-backend"], in: folder, input: request.body, environment: environment)
    return Self.reply(outcome.output)
  }

  private static func reply(_ output: [UInt8]) -> FaultReply {
    var end = output.count
    for index in output.indices.dropLast(3) where output[index...].starts(with: [13, 10, 13, 10]) {
      end = index
      break
    }
    var reply = FaultReply()
    for line in String(decoding: output[..<end], as: UTF8.self).split(separator: "\r\n") {
      let halves = line.split(separator: ":", maxSplits: 1)
      guard halves.count == 2 else { continue }
      let value = halves[1].trimmingCharacters(in: .whitespaces)
      if halves[0].lowercased() == "status" {
        reply.status = value.split(separator: " ").first.flatMap { Int($0) } ?? 500
      } else {
        reply.headers.append((String(halves[0]), value))
      }
    }
    reply.parts = [.bytes(Array(output.dropFirst(end + 4)))]
    return reply
  }
}
