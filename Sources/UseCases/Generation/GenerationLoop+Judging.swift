import Domain
import Logging

extension GenerationLoop {
  // MARK: Judging

  /// The best of a round: all are run, and the one that does best is judged whole.
  mutating func choose(
    _ candidates: [Candidate], _ number: Int
  ) async throws(GenerateError) -> Candidate {
    try await validateTests(candidates.map(\.code).filter { !$0.isEmpty })
    var judged: [Candidate] = []
    for candidate in candidates {
      let isFirst = !judged.contains { $0.evaluation != nil }
      // When the time is up one is still judged, since the answers were paid for; no more.
      if isLate, !isFirst { continue }
      var one = try await self.judged(candidate, whole: candidates.count == 1 || isLate)
      one.round = number
      judged.append(one)
    }
    try await compare(&judged)
    judged.sort { rank($1) < rank($0) }
    // Of those whose tests do as well as the first one's, one may hold in every respect.
    let share = judged[0].evaluation?.axis(.correctness)?.value
    for index in judged.indices where !judged[index].code.isEmpty {
      guard index == 0 || judged[index].evaluation?.axis(.correctness)?.value == share else {
        break
      }
      if isLate, index > 0 { break }
      let round = judged[index].round
      let outputs = judged[index].outputs
      judged[index] = try await self.judged(judged[index], whole: true)
      judged[index].round = round
      judged[index].outputs = outputs
      if judged[index].holds(request.criteria) { break }
    }
    judged.sort { rank($1) < rank($0) }
    return judged[0]
  }

  mutating func judged(
    _ candidate: Candidate, whole: Bool
  ) async throws(GenerateError) -> Candidate {
    guard !candidate.code.isEmpty else { return candidate }
    if let earlier = known[candidate.code], earlier.isJudgedWhole || !whole { return earlier }
    let given = candidate.feedback
    var done = try await judge.judged(
      candidate, tests: tests, compared: best?.evaluation, whole: whole)
    if !given.isEmpty { done.feedback = CodeFeedback(given.items + done.feedback.items) }
    known[candidate.code] = done
    return done
  }

  func rank(_ candidate: Candidate) -> CandidateRank {
    CandidateRank(
      candidate, agreement: agreement.share(candidate.outputs), criteria: request.criteria,
      hasUserTests: hasUserTests)
  }

  /// Runs candidates on inputs of our own, to see which of them agree.
  private mutating func compare(_ candidates: inout [Candidate]) async throws(GenerateError) {
    guard !isLate else { return }
    let different = Set(candidates.map(\.code).filter { !$0.isEmpty })
    guard different.count > 1 || !agreement.inputs.isEmpty else { return }
    do throws(SandboxError) {
      if agreement.inputs.isEmpty {
        for code in different.sorted() where agreement.inputs.isEmpty {
          let texts = [prompt.prompt] + tests.map(\.text)
          agreement.begin(try await probe.inputs(for: code, texts: texts))
        }
      }
      guard !agreement.inputs.isEmpty else { return }
      let module = path.hasSuffix(".py") ? String(path.dropLast(3)) : path
      for index in candidates.indices where !candidates[index].code.isEmpty && !isLate {
        guard
          let outputs = try await probe.outputs(
            of: candidates[index].code, module: module, inputs: agreement.inputs)
        else { continue }
        candidates[index].outputs = outputs
        agreement.add(outputs)
      }
    } catch {
      if error.code == .cancelled { throw GenerateError(error) }
      // Agreement orders candidates; without it the tests alone do.
      ports.logger.notice(
        "candidates could not be compared", metadata: ["error": "\(error.detail)"])
    }
  }

  // MARK: Tests of the model's

  mutating func draftTests() async throws(GenerateError) -> ModelAsking.Stop? {
    tell("asking for tests")
    do throws(ModelAsking.Stop) {
      let reply = try await asking.reply(to: prompt.testing, prompt.testFormat)
      draft = try await drafted(reply)
      return nil
    } catch {
      guard case .model(let failure) = error else { return error }
      if failure.code == .cancelled { throw GenerateError(failure) }
      return failure.code == .malformedAnswer || failure.code == .refused ? nil : error
    }
  }

  private func drafted(_ reply: ModelReply) async throws(ModelAsking.Stop) -> String? {
    // A draft that cannot be looked at is none.
    try? await TestWriting(probe: probe, path: path).draft(from: reply)
  }

  mutating func validateTests(_ codes: [String]) async throws(GenerateError) {
    guard let draft, !codes.isEmpty, !isLate else { return }
    do throws(SandboxError) {
      var parsing: [String] = []
      for code in Set(codes).sorted() where try await probe.look(code).error == nil {
        parsing.append(code)
      }
      guard !parsing.isEmpty else { return }
      let validated = try await TestWriting(probe: probe, path: path).validated(
        draft, by: parsing)
      self.draft = nil
      droppedTests = validated.dropped
      if let test = validated.test { tests.append(test) }
      tell("tests: \(validated.test == nil ? "none" : "some") held, \(validated.dropped) dropped")
    } catch {
      throw GenerateError(error)
    }
  }
}
