import WebClient

/// What `stet model serve` leaves in the data folder, readable by its owner alone, so that other
/// commands use the server that is already running.
struct SharedServer: Sendable {
  var dataFolder: String
  var web: WebClient

  var path: String { dataFolder + "/local-server" }

  /// The server that runs and serves `model`, if there is one. Asks it; a file may outlive its
  /// server.
  func find(_ model: String) async -> LlamaServer.Endpoint? {
    guard let endpoint = read(), endpoint.model == model else { return nil }
    return await LlamaServer.answers(endpoint, web: web) ? endpoint : nil
  }

  func read() -> LlamaServer.Endpoint? {
    guard let bytes = StoredFile.read(path) else { return nil }
    let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n").map(String.init)
    guard lines.count == 4, let port = Int(lines[0]), let processID = Int(lines[1]),
      (1...65_535).contains(port)
    else { return nil }
    return .init(port: port, key: lines[3], model: lines[2], processID: processID)
  }

  func publish(_ endpoint: LlamaServer.Endpoint) throws(LocalModelError) {
    let text = "\(endpoint.port)\n\(endpoint.processID)\n\(endpoint.model)\n\(endpoint.key)\n"
    try StoredFile.makeFolder(dataFolder)
    try StoredFile.replace(path, with: Array(text.utf8))
  }

  /// Takes the file away, unless another server has put its own there.
  func withdraw(_ endpoint: LlamaServer.Endpoint) {
    if read() == endpoint { StoredFile.remove(path) }
  }
}
