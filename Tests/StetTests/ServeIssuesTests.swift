import Domain
import Foundation
import Jobs
import TestKit
import Testing
import WebClient

/// The tracker of the running program, with a model behind a socket and without one.
@Suite struct ServeIssuesTests {
  private static let crash = """
    {"title":"Crash when the form is sent","description":"The page breaks. It is slow, too.",\
    "priority":"high"}
    """

  @Test func withoutAModelTheWordsSpeakAtOnce() async throws {
    let service = try await ServiceRunning(.none)
    try await service.start()
    let made = try await service.json("POST", "/issues", Self.crash)
    #expect(made.status == 201)
    #expect(made.headers["location"] == "/issues/\(made.id)")
    #expect(made.body["status"]?.string == "pending")
    #expect(made.body["ai_summary"] == .null && made.body["tags"] == .null)
    let issue = try await service.enriched(made.id)
    #expect(issue["source"]?.string == "fallback")
    #expect(
      issue["ai_summary"]?.string
        == "Crash when the form is sent: The page breaks. It is slow, too....")
    #expect(issue["tags"]?.string == "needs-review,bug,frontend,performance")
    try await service.idles(atLeast: 1)
    let read = try await service.json("GET", "/issues/\(made.id)").body
    #expect(read["enrichment"]?["state"]?.string == "completed")
    #expect(read["enrichment"]?["attempts"]?.integer == 1)
    #expect(read["enrichment"]?["last_error"] == .null)
    let id = read["enrichment"]?["run"]?.string ?? "?"
    let run = try await service.stet(["runs", "show", id, "--json"]).json()
    #expect(run["result"]?["tags"]?.string == "needs-review,bug,frontend,performance")
    #expect(run["result"]?["cached"] == .null)
  }

  @Test func aModelSaysWhatItIsAndFiltersFindIt() async throws {
    let service = try await ServiceRunning(.none)
    let model = FakeModelServer(.openAI)
    model.script([
      try SaidOfIssues.tagged(["bug", "frontend", "performance"], "The form crashes. It is slow."),
      // What is not on the list is asked for again.
      try SaidOfIssues.tagged(["documentation", "made-up", "api"], "Docs lack an example."),
      try SaidOfIssues.tagged(["documentation", "api", "bug", "bug"], "Docs lack an example."),
    ])
    let socket = try await service.asking(model)
    try await service.start()
    let first = try await service.json("POST", "/issues", Self.crash)
    let one = try await service.enriched(first.id)
    #expect(one["source"]?.string == "model")
    #expect(one["ai_summary"]?.string == "The form crashes. It is slow.")
    #expect(one["tags"]?.string == "bug,frontend,performance")
    let second = try await service.json(
      "POST", "/issues", #"{"title":"Show how to list","description":"No example says."}"#)
    #expect(try await service.enriched(second.id)["tags"]?.string == "documentation,api,bug")
    #expect(model.asked.count == 3)

    func listed(_ query: String) async throws -> [String] {
      let answer = try await service.json("GET", "/issues?\(query)")
      #expect(answer.status == 200)
      return answer.body["issues"]?.array?.compactMap { $0["id"]?.string } ?? []
    }
    let closed = try await service.json("PATCH", "/issues/\(first.id)", #"{"state":"closed"}"#)
    #expect(closed.status == 200)
    #expect(try await listed("tag=bug") == [second.id, first.id])
    #expect(try await listed("tag=bug&state=open") == [second.id])
    #expect(try await listed("tag=bug,frontend&state=closed") == [first.id])
    #expect(try await listed("state=closed&tag=api") == [])
    await socket.stop()
  }

  @Test func aModelThatFailsThreeTimesGivesWayToTheWords() async throws {
    let service = try await ServiceRunning(.none)
    service.environment["STET_ENRICH_RETRIES"] = "0,0"
    let model = FakeModelServer(.openAI)
    model.script([], always: .text("I would rather talk about the weather."))
    let socket = try await service.asking(model)
    try await service.start()
    let made = try await service.json("POST", "/issues", Self.crash)
    let issue = try await service.enriched(made.id, within: .seconds(30))
    #expect(issue["source"]?.string == "fallback")
    #expect(issue["tags"]?.string == "needs-review,bug,frontend,performance")
    #expect(issue["last_error"]?.string?.contains("malformed_answer") == true, "\(issue)")
    try await service.idles(atLeast: 1)
    let read = try await service.json("GET", "/issues/\(made.id)").body
    #expect(read["enrichment"]?["attempts"]?.integer == 3)
    #expect(read["enrichment"]?["last_error"]?.string?.contains("malformed_answer") == true)
    let job = try #require(try await service.jobs().first)
    #expect(job.errors.count == 2)

    // Asked again with a delay, by a model that has come to its senses.
    model.script([], always: try SaidOfIssues.tagged(["bug", "frontend", "urgent"]))
    let asked = try await service.json("POST", "/issues/\(made.id)/enrich", #"{"delay":1.5}"#)
    #expect(asked.status == 202)
    #expect(asked.body["status"]?.string == "pending")
    #expect(asked.body["enrichment"]?["state"]?.string == "scheduled")
    let again = try await service.enriched(made.id)
    #expect(again["source"]?.string == "model")
    #expect(again["tags"]?.string == "bug,frontend,urgent")
    #expect(again["last_error"] == .null)
    try await service.idles(atLeast: 2)
    let waited = try #require(try await service.jobs().last)
    let start = try #require(waited.attemptedAt)
    #expect(start.timeIntervalSince(waited.createdAt) >= 1.4)
    await socket.stop()
  }

  @Test func aBatchIsEnrichedAndLikeIssuesAreAskedAboutOnce() async throws {
    let service = try await ServiceRunning(.none)
    service.environment["STET_WORKERS"] = "1"
    let model = FakeModelServer(.openAI)
    model.script([], always: try SaidOfIssues.tagged(["bug", "backend", "api"], "Requests hang."))
    let socket = try await service.asking(model)
    try await service.start()
    let text =
      "Worker 7 gave up request 1042 and every later request of the session hangs until it "
      + "is closed by hand, which nobody knows"
    let first = try await service.json(
      "POST", "/issues", #"{"title":"Every request hangs","description":"\#(text) 1"}"#)
    _ = try await service.enriched(first.id)
    let items = (2...6).map { #"{"title":"Every request hangs","description":"\#(text) \#($0)"}"# }
    let other = #"{"title":"Every request hangs too","description":"\#(text)"}"#
    let body = #"{"issues":[\#((items + [other]).joined(separator: ","))]}"#
    let made = try await service.json("POST", "/issues/batch", body)
    #expect(made.status == 201, "\(made.body)")
    let ids = made.body["ids"]?.array?.compactMap(\.string) ?? []
    #expect(ids.count == 6)
    for id in ids {
      let issue = try await service.enriched(id)
      #expect(issue["ai_summary"]?.string == "Requests hang.")
      #expect(issue["source"]?.string == "model")
    }
    #expect(model.asked.count == 1)
    let report = try await service.stet(["enrich", "report", "--json"]).json()
    #expect(report["enrichments"]?.integer == 7 && report["cached"]?.integer == 6, "\(report)")
    await socket.stop()
  }

  @Test func duplicatesAreFoundByTheirMeaningToo() async throws {
    let service = try await ServiceRunning(.none)
    let vectors = FakeModelServer(.llamaCpp)
    vectors.embeds(topics: [["login", "signin", "password"], ["crash", "abort"]])
    let socket = try await vectors.listen()
    service.environment.merge([
      "STET_EMBEDDING_PROVIDER": "llamacpp", "STET_EMBEDDING_URL": socket.url + "/v1",
      "STET_EMBEDDING_MODEL": vectors.model, "STET_EMBEDDING_KEY": vectors.key,
    ]) { $1 }
    try await service.start()
    let first = try await service.json(
      "POST", "/issues", #"{"title":"Login refuses me","description":"login password login"}"#)
    _ = try await service.enriched(first.id)
    // What is known of the tracker is read again after a restart.
    service.current?.terminate()
    _ = try await service.current?.ended(within: .seconds(20))
    try await service.start()
    let second = try await service.json(
      "POST", "/issues", #"{"title":"No way in","description":"signin, signin"}"#)
    let found = try await service.enriched(second.id)["duplicates"]?.array ?? []
    #expect(found.map { $0["id"]?.string } == [first.id])
    #expect(found.first?["words"] == .null && found.first?["meaning"] != .null)
    let settings = try await service.stet(["settings"])
    #expect(!settings.output.contains(vectors.key))
    await socket.stop()
  }

  @Test(arguments: [
    (["STET_EMBEDDING_PROVIDER": "vllm"], "STET_EMBEDDING_MODEL"),
    (["STET_EMBEDDING_URL": "http://127.0.0.1:1/v1"], "STET_EMBEDDING_MODEL"),
    (
      ["STET_EMBEDDING_PROVIDER": "openai-compatible", "STET_EMBEDDING_MODEL": "m"],
      "STET_EMBEDDING_URL"
    ), (["STET_EMBEDDING_PROVIDER": "anthropic"], "STET_EMBEDDING_PROVIDER"),
  ])
  func settingsOfVectorsThatCannotBeAreTold(
    _ environment: [String: String], _ named: String
  ) async throws {
    let service = try await ServiceRunning(.none)
    let ended = try await service.startInVain(environment: environment)
    #expect(ended.status == 2)
    #expect(ended.error.contains(named), "\(ended.error)")
  }

  @Test(arguments: [
    ("{}", ["title", "description"]), (#"{"title":"","description":"d"}"#, ["title"]),
    (#"{"title":"t","description":5,"priority":"huge"}"#, ["description", "priority"]),
    (#"{"title":null,"description":"d"}"#, ["title"]), ("[]", [""]),
  ])
  func whatCannotBeTakenIsToldByField(_ body: String, _ fields: [String]) async throws {
    let service = try await ServiceRunning(.none)
    try await service.start()
    let answer = try await service.json("POST", "/issues", body)
    #expect(answer.status == 422)
    #expect(answer.fields == fields)
    #expect(try await service.jobs().isEmpty)
  }

  @Test func sizesAndFormsHaveTheirBounds() async throws {
    let service = try await ServiceRunning(.none)
    try await service.start()
    func post(_ title: String, _ description: String) async throws -> ServiceRunning.Told {
      let body = try JSONEncoder().encode(["title": title, "description": description])
      return try await service.json("POST", "/issues", String(decoding: body, as: UTF8.self))
    }
    let most = String(repeating: "é", count: 300)
    #expect(try await post(most, String(repeating: "x", count: 64 << 10)).status == 201)
    #expect(try await post(most + "é", "d").fields == ["title"])
    #expect(
      try await post("t", String(repeating: "x", count: (64 << 10) + 1)).fields == ["description"])
    #expect(try await post("\u{202E}t\u{0000}", "").status == 201)
    #expect(try await service.ask("POST", "/issues", body: "{").status == 400)
    #expect(
      try await service.ask(
        "POST", "/issues", headers: [("content-type", "text/plain")], body: Self.crash
      ).status == 415)
    #expect(try await service.ask("GET", "/issues/none").status == 404)
    #expect(try await service.ask("DELETE", "/issues/none").status == 405)
    try await service.idles(atLeast: 2)
    let list = try await service.json("GET", "/issues")
    let states = list.body["issues"]?.array?.compactMap { $0["status"]?.string }
    #expect(states == ["enriched", "enriched"])
  }
}
