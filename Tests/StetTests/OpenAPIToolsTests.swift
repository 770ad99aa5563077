import Domain
import Foundation
import TestKit
import Testing
import WebClient

/// Tools that others wrote read the description that the running server gives of itself, throw what
/// it allows at it, and make a client of it.
@Suite(
  .enabled(
    if: ProcessInfo.processInfo.environment["STET_TEST_OPENAPI"] != nil,
    "STET_TEST_OPENAPI names no bin folder with schemathesis and openapi-spec-validator"))
struct OpenAPIToolsTests {
  private let tools = ProcessInfo.processInfo.environment["STET_TEST_OPENAPI"] ?? ""

  private func served(_ model: FaultServer? = nil) async throws -> ServiceRunning {
    let service = try await ServiceRunning()
    service.environment["STET_REQUESTS_PER_MINUTE"] = "100000"
    if let model {
      service.environment["LLM_PROVIDER"] = "openai-compatible"
      service.environment["LLM_BASE_URL"] = model.url + "/v1"
      service.environment["LLM_MODEL"] = FakeModelServer.model
    }
    try await service.start()
    let description = try await service.ask("GET", "/openapi.json")
    try service.folder.write(String(decoding: description.body, as: UTF8.self), to: "openapi.json")
    return service
  }

  /// Runs one of the tools in the test's folder.
  private func run(
    _ line: String, _ arguments: [String], in service: ServiceRunning
  ) throws -> ProgramRunning.Result {
    try service.program.shell(
      line, [tools] + arguments, environment: ["no_proxy": "127.0.0.1", "NO_COLOR": "1"])
  }

  @Test func theDescriptionIsValid() async throws {
    let service = try await served()
    let result = try run("exec \"$0/openapi-spec-validator\" openapi.json", [], in: service)
    #expect(result.status == 0, "\(result.output)\(result.error)")
  }

  /// No request that the description allows, and none that it forbids, ends in a server error. A
  /// 503 tells of a part that is not set up, such as a model, and is none.
  @Test func noRequestBreaksTheServer() async throws {
    let service = try await served()
    let token = try await service.stet(["token", "create", "fuzz", "--scope", "admin", "--json"])
      .json()["token"]?.string
    let bearer = "Authorization: Bearer \(try #require(token))"
    try service.folder.write(
      "[checks.not_a_server_error]\nexpected-statuses = [\"2xx\", \"4xx\", \"503\"]\n",
      to: "schemathesis.toml")
    // It closes the server's own connections now and then; the process must outlive all of it.
    let result = try run(
      "exec \"$0/schemathesis\" run \"$1/openapi.json\" -H \"$2\" --checks not_a_server_error "
        + "--max-examples 20 --seed 20261121 --request-timeout 30 --exclude-path-regex events "
        + "--no-color",
      [try #require(service.current).url, bearer], in: service)
    #expect(result.status == 0, "\(result.output.suffix(6_000))\(result.error.suffix(2_000))")
    #expect(try await service.ask("GET", "/healthz").status == 200)
    print(
      result.output.split(separator: "\n").filter {
        $0.contains("generated") || $0.contains("Tested")
      }
      .joined(separator: "\n"))
  }

  /// A client that a generator makes of the description writes code, talks back and has it judged.
  @Test func aGeneratedClientDrivesTheLoop() async throws {
    let fake = FakeModelServer(.bare)
    let head = #"{"plan":"It adds.","code":"def add(a: int, b: int) -> int:\n"#
    let end = #"    return a + b\n"}"#
    fake.script([.text(head + end)], always: .text(head + #"    '''Adds.'''\n"# + end))
    let model = try await fake.listen()
    let service = try await served(model)
    let token = try await service.stet(["token", "create", "loop", "--json"]).json()["token"]?
      .string
    let made = try run(
      "exec \"$0/openapi-python-client\" generate --path openapi.json --meta none "
        + "--output-path stet_client", [], in: service)
    #expect(made.status == 0, "\(made.output)\(made.error)")
    let script = URL(filePath: #filePath).deletingLastPathComponent()
      .appending(path: "OpenAPI/drive.py").path
    let driven = try run(
      "exec \"$0/python3\" \"$1\" . \"$2\" \"$3\"",
      [script, try #require(service.current).url, try #require(token)], in: service)
    #expect(driven.status == 0, "\(driven.output)\(driven.error)")
    #expect(driven.output.contains("generated, went on and evaluated"))
    await model.stop()
  }
}
