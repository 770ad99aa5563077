extension FakeModelServer {
  /// Serves this fake on a port of this machine.
  /// - Parameter chunk: bodies are sent in pieces of so many bytes; `nil`: whole.
  public func listen(chunk: Int? = nil) async throws -> FaultServer {
    try await FaultServer { [self] request in
      let answer = answer(
        Request(
          method: request.method, path: request.path,
          headers: Dictionary(request.headers.map { ($0.name.lowercased(), $0.value) }) { $1 },
          body: request.body))
      return Self.reply(answer, chunk: chunk)
    }
  }

  private static func reply(_ answer: Answer, chunk: Int?) -> FaultReply {
    var parts: [FaultReply.Part] = []
    var rest = answer.body[...]
    while !rest.isEmpty {
      parts.append(.bytes(Array(rest.prefix(chunk ?? rest.count))))
      rest = rest.dropFirst(chunk ?? rest.count)
    }
    switch answer.ending {
    case .complete: break
    case .cut: parts.append(.cut)
    case .hang: parts.append(.hang)
    }
    let headers = answer.headers.map { (name: $0.0, value: $0.1) }
    return FaultReply(status: answer.status, headers: headers, parts: parts, framing: .chunked)
  }
}
