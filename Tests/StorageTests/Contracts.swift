import Domain
import Foundation
import Testing

/// What every `RunStore` must do. - Parameter store: an empty one.
func runStoreContract(_ store: any RunStore) async throws {
  #expect(try await store.run(id: "none") == nil)
  #expect(try await store.runs(limit: 10, before: nil).isEmpty)

  for number in 1...5 { try await store.save(Samples.run(number)) }
  let all = try await store.runs(limit: 10, before: nil)
  #expect(all.map(\.id) == [5, 4, 3, 2, 1].map(Samples.runID))
  let page = try await store.runs(limit: 2, before: Samples.runID(4))
  #expect(page.map(\.id) == [3, 2].map(Samples.runID))
  #expect(try await store.runs(limit: 10, before: Samples.runID(1)).isEmpty)
  #expect(try await store.runs(limit: 0, before: nil).isEmpty)
  #expect(try await store.runs(limit: -1, before: nil).isEmpty)

  // Everything comes back, in a list as alone.
  let whole = Samples.run(3)
  for found in [try await store.run(id: whole.id), all[2]] {
    let found = try #require(found)
    #expect(found.kind == whole.kind)
    #expect(abs(found.startedAt.timeIntervalSince(whole.startedAt)) < 0.00001)
    #expect(found.seconds == whole.seconds)
    #expect(found.outcome == whole.outcome)
    #expect(found.askedBy == whole.askedBy)
    #expect(found.subject == whole.subject)
    #expect(found.inputs == whole.inputs)
    #expect(found.modelCalls == whole.modelCalls)
    #expect(found.claims == whole.claims)
    #expect(found.masked == whole.masked)
    #expect(found.review == whole.review)
    #expect(found.failure == whole.failure)
  }

  // Saving again replaces the whole.
  var again = Samples.run(3)
  again.outcome = .failed
  again.failure = "the model did not answer."
  again.review = nil
  try await store.save(again)
  let replaced = try #require(try await store.run(id: again.id))
  #expect(replaced.outcome == .failed)
  #expect(replaced.failure == again.failure)
  #expect(replaced.review == nil)
  #expect(try await store.runs(limit: 10, before: nil).count == 5)
}

/// What every `ResponseCache` must do. - Parameter cache: an empty one.
func responseCacheContract(_ cache: any ResponseCache) async throws {
  #expect(try await cache.reply(for: "a") == nil)
  let reply = Samples.reply("first")
  try await cache.store(reply, for: "a")
  #expect(try await cache.reply(for: "a") == reply)
  #expect(try await cache.reply(for: "b") == nil)
  try await cache.store(Samples.reply("second"), for: "a")
  #expect(try await cache.reply(for: "a")?.text == "second")

  try await withThrowingTaskGroup(of: Void.self) { group in
    for number in 0..<30 {
      group.addTask {
        try await cache.store(Samples.reply("text \(number)"), for: "k\(number)")
        let found = try await cache.reply(for: "k\(number)")
        #expect(found?.text == "text \(number)")
      }
    }
    try await group.waitForAll()
  }
}

enum Samples {
  static func runID(_ number: Int) -> String {
    "01890000-0000-7000-8000-00000000000\(number)"
  }

  static func run(_ number: Int) -> Run {
    let finding = Finding(
      id: "f1", path: "ä \u{202E} 'quoted'; --.py", side: .new, startLine: 2, line: 3,
      severity: .warning, category: "bug", message: "text with \u{0} and 🙂", quote: "a\nb",
      suggestion: nil, confidence: 0.25, source: .rule("x"), fingerprint: "abc",
      verified: [.anchor, .quote])
    let review = Review(
      verdict: .comment, summary: "one finding", findings: [finding],
      dropped: [
        DroppedClaim(
          reason: .noSuchLine, path: nil, line: 999, message: "m", source: .model("m"))
      ],
      coverage: Coverage(
        files: 1, hunks: 2, hunksReviewed: 1,
        skipped: [SkippedPart(path: "b", hunk: nil, reason: .binary)]),
      usage: ModelUsage(modelCalls: 1, inputTokens: 10, outputTokens: 5, costUSD: USD(0.001)),
      run: runID(number))
    let call = Run.ModelCall(
      model: "m", inputTokens: 10, outputTokens: 5, costUSD: nil, seconds: 0.5, cacheHit: false,
      failure: number == 2 ? "unreachable" : nil)
    return Run(
      id: runID(number), kind: .review,
      startedAt: Date(timeIntervalSince1970: 1_700_000_000.25 + Double(number)), seconds: 1.5,
      outcome: .completed, askedBy: "cli", subject: "HEAD~\(number)..", inputs: ["diff": "00ff"],
      modelCalls: [call], claims: 3, masked: ["token": 2], review: review, failure: nil)
  }

  static func reply(_ text: String) -> ModelReply {
    ModelReply(
      text: text, json: nil, model: "m", finish: .complete, inputTokens: 12, outputTokens: 3,
      costUSD: nil, seconds: 0.1, requests: 1)
  }
}

/// A folder that is gone when the test is over.
func withFolder(_ body: (String) async throws -> Void) async throws {
  let folder = FileManager.default.temporaryDirectory.path + "/stet-store-\(UUID().uuidString)"
  try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
  defer {
    try? FileManager.default.setAttributes([.posixPermissions: 0o700], ofItemAtPath: folder)
    try? FileManager.default.removeItem(atPath: folder)
  }
  try await body(folder)
}
