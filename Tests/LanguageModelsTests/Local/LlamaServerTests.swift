import Domain
import Foundation
import Logging
import Testing
import WebClient

@testable import LanguageModels

#if canImport(Glibc)
  import Glibc
#endif

/// A stand-in for `llama-server` on the PATH: a small program that takes the same arguments and the
/// same key, and misbehaves as a file beside it tells.
struct PretendServer {
  let folder: TemporaryFolder
  let store: ModelStore
  var environment: [String: String]

  static let program = """
    #!/usr/bin/env python3
    import http.server, json, os, sys, threading
    here = os.path.dirname(os.path.abspath(__file__))
    def told(name):
        return os.path.exists(os.path.join(here, name))
    with open(os.path.join(here, "starts"), "a") as log:
        log.write(json.dumps([sys.argv[1:], dict(os.environ)]) + "\\n")
    if told("refuse"):
        print("0.00.001 E " + open(os.path.join(here, "refuse")).read(), file=sys.stderr)
        sys.exit(1)
    if told("killed"):
        os.kill(os.getpid(), 9)
    given = dict(zip(sys.argv[1::2], sys.argv[2::2]))
    class Answer(http.server.BaseHTTPRequestHandler):
        def log_message(self, *_):
            pass
        def do_GET(self):
            if self.path == "/crash":
                os._exit(7)
            right = self.headers.get("authorization") == "Bearer " + os.environ["LLAMA_API_KEY"]
            body = json.dumps({"data": [{"id": given["--alias"]}]}).encode() if right else b"{}"
            self.send_response(503 if told("loading") else 200 if right else 401)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
    http.server.HTTPServer((given["--host"], int(given["--port"])), Answer).serve_forever()
    """

  init() throws {
    folder = try TemporaryFolder()
    try folder.write("llama-server", Self.program, executable: true)
    let path = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin"
    environment = ["PATH": folder.path + ":" + path, "OPENAI_API_KEY": "not for the server"]
    let entry = CatalogueEntry(
      name: "pretend", sources: [], size: 3,
      sha256: "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", licence: "MIT",
      profile: ModelProfile(
        contextWindow: 512, maxOutput: 64, promptStyle: .beforeAfter, concurrency: 2))
    store = ModelStore(
      dataFolder: folder.path + "/data",
      catalogue: ModelCatalogue(entries: [entry], defaultName: "pretend"),
      environment: environment, web: .forTests)
    try FileManager.default.createDirectory(
      atPath: folder.path + "/data/models", withIntermediateDirectories: true)
    try folder.write("data/models/pretend.gguf", "abc")
  }

  func server(start: Duration = .seconds(30)) throws -> LlamaServer {
    try LlamaServer(
      model: "pretend", store: store, environment: environment, logger: Logger(label: "test"),
      patience: .init(start: start, backOff: .milliseconds(1)))
  }

  /// Arguments and environment of each start so far.
  func starts() throws -> [(arguments: [String], environment: [String: String])] {
    let text = try String(contentsOfFile: folder.path + "/starts", encoding: .utf8)
    return try text.split(separator: "\n").map { line in
      let values = try JSONDecoder().decode([JSONValue].self, from: Data(line.utf8))
      var environment: [String: String] = [:]
      if case .object(let members) = values[1] {
        environment = members.compactMapValues(\.string)
      }
      return ((values[0].array ?? []).compactMap(\.string), environment)
    }
  }
}

/// The processes of a group, each with its state: `7 (sh) S`.
func groupMembers(_ leader: Int) -> [String] {
  let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
  return names.compactMap { name in
    guard Int(name) != nil,
      let line = try? String(contentsOfFile: "/proc/\(name)/stat", encoding: .utf8),
      let end = line.lastIndex(of: ")")
    else { return nil }
    let fields = line[line.index(after: end)...].split(separator: " ")
    guard fields.count > 2, fields[2] == String(leader) else { return nil }
    return "\(line[...end]) \(fields[0])"
  }
}

func groupLives(_ leader: Int) -> Bool { !groupMembers(leader).isEmpty }

@Suite("The local server is started, watched and stopped")
struct LlamaServerTests {
  let pretend: PretendServer

  init() throws { pretend = try PretendServer() }

  @Test func itStartsWithTheSettingsThatMatterAndStops() async throws {
    let server = try pretend.server()
    let endpoint = try await server.endpoint()
    #expect(try await server.endpoint() == endpoint)
    #expect(await LlamaServer.answers(endpoint, web: .forTests))
    let start = try #require(try pretend.starts().first)
    #expect(start.environment["OMP_WAIT_POLICY"] == "passive")
    #expect(start.environment["GOMP_SPINCOUNT"] == "0")
    #expect(start.environment["OPENAI_API_KEY"] == nil)
    #expect(start.arguments.contains(pretend.folder.path + "/data/models/pretend.gguf"))
    // Two slots of 512 tokens each.
    let context = try #require(start.arguments.firstIndex(of: "--ctx-size"))
    #expect(start.arguments[context + 1] == "1024")
    #expect(!start.arguments.contains(endpoint.key))
    #expect(groupLives(endpoint.processID))
    await server.stop()
    #expect(groupMembers(endpoint.processID) == [])
    #expect(await !LlamaServer.answers(endpoint, web: .forTests))
  }

  @Test func manyCallersShareOneStart() async throws {
    let server = try pretend.server()
    let endpoints = try await withThrowingTaskGroup(of: LlamaServer.Endpoint.self) { group in
      for _ in 0..<20 { group.addTask { try await server.endpoint() } }
      return try await group.reduce(into: Set()) { $0.insert($1) }
    }
    #expect(endpoints.count == 1)
    #expect(try pretend.starts().count == 1)
    await server.stop()
  }

  @Test func aCrashIsMendedOnceAndThenTold() async throws {
    let server = try pretend.server()
    let first = try await server.endpoint()
    try await crash(first)
    // The end is noted a moment after the process is gone.
    var second = try await server.endpoint()
    while second == first { second = try await server.endpoint() }
    #expect(second.key != first.key)
    try await crash(second)
    await #expect {
      while try await server.endpoint() == second {}
    } throws: { error in
      (error as? LocalModelError)?.code == .serverFailed
    }
    #expect(try pretend.starts().count == 2)
  }

  /// Makes the server exit and waits until that is noticed.
  private func crash(_ endpoint: LlamaServer.Endpoint) async throws {
    _ = try? await WebClient.forTests.send(WebRequest(url: endpoint.address + "/crash"))
    while groupLives(endpoint.processID) { try await Task.sleep(for: .milliseconds(5)) }
  }

  @Test(arguments: [
    ("llama_model_load: error loading model: invalid magic characters", "damaged"),
    ("tensor 'a' data is not within the file bounds, model is corrupted or incomplete", "damaged"),
    ("ggml_backend_cpu_buffer_type_alloc_buffer: failed to allocate buffer", "out_of_memory"),
    ("unknown argument: --metrics", "server_failed"),
  ])
  func whatTheServerSaysIsUnderstood(_ words: String, _ code: String) async throws {
    try pretend.folder.write("refuse", words)
    let server = try pretend.server()
    for _ in 0..<2 {
      await #expect { try await server.endpoint() } throws: { error in
        guard let error = error as? LocalModelError else { return false }
        return error.code.rawValue == code && error.detail.contains(words)
      }
    }
    // What failed once is not tried for each of a hundred requests.
    #expect(try pretend.starts().count == 1)
  }

  @Test func aKilledServerHintsAtMemory() async throws {
    try pretend.folder.write("killed", "")
    let server = try pretend.server()
    await #expect { try await server.endpoint() } throws: { error in
      (error as? LocalModelError)?.code == .outOfMemory
    }
  }

  @Test func aServerThatNeverAnswersIsStopped() async throws {
    try pretend.folder.write("loading", "")
    let server = try pretend.server(start: .milliseconds(700))
    await #expect { try await server.endpoint() } throws: { error in
      guard let error = error as? LocalModelError else { return false }
      return error.code == .serverFailed && error.detail.contains("did not answer")
    }
    let path = pretend.folder.path
    let left = try FileManager.default.contentsOfDirectory(atPath: "/proc").filter { name in
      let line = try? String(contentsOfFile: "/proc/\(name)/cmdline", encoding: .utf8)
      return Int(name) != nil && line?.contains(path) == true
    }
    #expect(left == [])
  }

  @Test func aMissingModelNamesTheCommandThatFetchesIt() async throws {
    try FileManager.default.removeItem(atPath: pretend.folder.path + "/data/models/pretend.gguf")
    let server = try pretend.server()
    await #expect { try await server.endpoint() } throws: { error in
      guard let error = error as? LocalModelError else { return false }
      return error.code == .missing && error.detail.contains("stet model pull pretend")
    }
  }

  @Test func cancellingAStartLeavesNothingBehind() async throws {
    try pretend.folder.write("loading", "")
    let server = try pretend.server()
    let task = Task { try await server.endpoint() }
    while (try? pretend.starts().count) != 1 { try await Task.sleep(for: .milliseconds(5)) }
    task.cancel()
    await #expect { _ = try await task.value } throws: { error in
      (error as? LocalModelError)?.code == .cancelled
    }
    try FileManager.default.removeItem(atPath: pretend.folder.path + "/loading")
    // Somebody else's interruption is no verdict on the server.
    let endpoint = try await server.endpoint()
    await server.stop()
    #expect(groupMembers(endpoint.processID) == [])
  }

  // MARK: Without a llama-server

  @Test func withoutPythonItSaysWhatToInstall() async throws {
    var pretend = pretend
    try FileManager.default.removeItem(atPath: pretend.folder.path + "/llama-server")
    pretend.environment["PATH"] = pretend.folder.path + ":relative:."
    let server = try pretend.server()
    await #expect { try await server.endpoint() } throws: { error in
      guard let error = error as? LocalModelError else { return false }
      return error.code == .pythonMissing && error.detail.contains("python3-venv")
    }
  }

  @Test func whenPipCannotInstallItSaysWhatPipSaid() async throws {
    var pretend = pretend
    try FileManager.default.removeItem(atPath: pretend.folder.path + "/llama-server")
    pretend.environment["PIP_NO_INDEX"] = "1"
    pretend.environment["PIP_FIND_LINKS"] = pretend.folder.path
    pretend.environment["PIP_CONFIG_FILE"] = "/dev/null"
    let server = try pretend.server()
    await #expect { try await server.endpoint() } throws: { error in
      guard let error = error as? LocalModelError else { return false }
      return error.code == .installFailed && error.detail.contains("xllamacpp")
        && error.detail.contains("No matching distribution")
    }
  }

  // MARK: Sharing

  @Test func aServedModelIsUsedByOthersAndNotStoppedByThem() async throws {
    let keeper = try pretend.server()
    let (addresses, address) = AsyncStream<LlamaServer.Endpoint>.makeStream()
    let serving = Task { try await keeper.serve { address.yield($0) } }
    var iterator = addresses.makeAsyncIterator()
    let served = try #require(await iterator.next())
    let file = pretend.folder.path + "/data/local-server"
    let attributes = try FileManager.default.attributesOfItem(atPath: file)
    #expect((attributes[.posixPermissions] as? NSNumber)?.intValue == 0o600)

    let user = try pretend.server()
    #expect(try await user.endpoint() == served)
    await user.stop()
    #expect(await LlamaServer.answers(served, web: .forTests))
    #expect(try pretend.starts().count == 1)

    let second = try pretend.server()
    await #expect { try await second.serve { _ in } } throws: { error in
      (error as? LocalModelError)?.detail.contains("served already") == true
    }

    serving.cancel()
    try await serving.value
    #expect(groupMembers(served.processID) == [])
    #expect(!FileManager.default.fileExists(atPath: file))
    // Whoever used it starts one of its own.
    _ = try await user.endpoint()
    #expect(try pretend.starts().count == 2)
    await user.stop()
  }

  @Test func aNoteOfAServerThatIsGoneIsNotBelieved() async throws {
    let port = try #require(freeLoopbackPort())
    try SharedServer(dataFolder: pretend.store.dataFolder, web: .forTests).publish(
      .init(port: port, key: "old", model: "pretend", processID: 1))
    let server = try pretend.server()
    let endpoint = try await server.endpoint()
    #expect(endpoint.port != port || endpoint.key != "old")
    #expect(try pretend.starts().count == 1)
    await server.stop()
  }
}
