import Domain

/// Carries out calls to one model in a vendor's wire format: retries within the run's budget,
/// structured answers with one repair turn, deadlines, usage and cost.
final class ModelCaller: LanguageModel {
  let name: String
  let profile: ModelProfile
  /// One model at one address.
  let cacheIdentity: String
  /// What the failure budget counts by.
  private var budgetKey: String { cacheIdentity }
  private let wire: any Wire
  private let transport: ModelTransport
  private let timing: Timing
  private let mask: KeyMask
  private let traits: ModelTraits?
  /// `nil`: the price is not known.
  private let price: (@Sendable (WireUsage) -> USD)?
  private let limits: LearnedLimits
  private let calibration = TokenCalibration()
  private let counter: TokenCounter
  /// While it is not known by what means a server gives structured answers, one call finds out and
  /// the others wait; else each of them would spend a request on the same refusals.
  private let discovery = RequestGate(limit: 1)

  init(
    settings: ProviderSettings, wire: any Wire, profile: ModelProfile, transport: ModelTransport,
    timing: Timing
  ) {
    name = settings.model
    cacheIdentity = settings.model + " " + settings.baseURL
    self.wire = wire
    self.profile = profile
    self.transport = transport
    self.timing = timing
    mask = KeyMask(settings.apiKey)
    traits = ModelTraits.of(settings.model)
    if settings.kind.facts.servesLocally {
      price = { _ in USD(0) }
    } else if let listed = ModelPrice.of(settings.model) {
      price = {
        listed.cost(input: $0.input, cached: $0.cached, written: $0.written, output: $0.output)
      }
    } else {
      price = nil
    }
    limits = LearnedLimits(rungs: wire.ladder.count, settled: wire.knownToWork)
    counter = TokenCounter(endpoint: wire.tokenizer, transport: transport, timing: timing)
  }

  // MARK: The port

  func reply(to request: ModelRequest) async throws(ModelError) -> ModelReply {
    var call = Call(request, timing)
    do throws(WireFault) {
      let prompt = Prompt(request.turns)
      let answer = try await discovered(prompt, &call)
      guard case .json(_, let schema) = request.answer else { return finish(answer, nil, call) }
      try refuse(answer)
      let fault: AnswerFault
      switch read(answer, schema, prompt) {
      case .success(let value): return finish(answer, value, call)
      case .failure(let found): fault = found
      }
      var repair = prompt
      repair.append(.init(.assistant, Self.shown(answer.text)))
      repair.append(.init(.user, SchemaInstruction.repair(fault)))
      let second = try await exchange(repair, &call, onText: nil)
      try refuse(second)
      switch read(second, schema, prompt) {
      case .success(let value): return finish(second, value, call)
      case .failure(let fault):
        throw WireFault(
          code: .malformedAnswer, detail: "the answer does not satisfy the schema: \(fault.reason)")
      }
    } catch {
      throw modelError(error, call)
    }
  }

  func stream(_ request: ModelRequest) -> AsyncThrowingStream<ModelPiece, any Error> {
    AsyncThrowingStream { continuation in
      let task = Task {
        var call = Call(request, timing)
        do throws(WireFault) {
          let prompt = Prompt(request.turns)
          let answer = try await exchange(prompt, &call) { continuation.yield(.text($0)) }
          var value: JSONValue?
          if case .json(_, let schema) = request.answer {
            try refuse(answer)
            switch read(answer, schema, prompt) {
            case .success(let read): value = read
            case .failure(let fault):
              throw WireFault(
                code: .malformedAnswer,
                detail: "the answer does not satisfy the schema: \(fault.reason)")
            }
          }
          continuation.yield(.done(finish(answer, value, call)))
          continuation.finish()
        } catch {
          continuation.finish(throwing: modelError(error, call))
        }
      }
      continuation.onTermination = { _ in task.cancel() }
    }
  }

  func countTokens(in text: String) async -> TokenCount {
    let bytes = text.utf8.count
    guard bytes > 0 else { return 0 }
    if let exact = await counter.count(text) {
      calibration.learn(bytes: bytes, tokens: exact)
      return exact
    }
    return calibration.estimate(bytes: bytes)
  }

  /// As if the vendor had nothing of it in its cache, and put all of it there.
  func price(input: TokenCount, output: TokenCount) -> USD? {
    guard let pricing = price else { return nil }
    let fresh = pricing(WireUsage(input: input, output: output))
    return max(fresh, pricing(WireUsage(input: input, written: input, output: output)))
  }

  // MARK: One call

  /// What a call has spent so far.
  private struct Call {
    let request: ModelRequest
    let started: ContinuousClock.Instant
    let deadline: ContinuousClock.Instant
    let allowance: RetryAllowance
    var requests = 0
    var usage = WireUsage()
    var lastFault: WireFault?

    init(_ request: ModelRequest, _ timing: Timing) {
      self.request = request
      started = timing.now()
      deadline = started + request.deadline
      allowance = RetryAllowance.current ?? RetryAllowance()
    }
  }

  private func discovered(_ prompt: Prompt, _ call: inout Call) async throws(WireFault)
    -> WireAnswer
  {
    guard case .json = call.request.answer, !limits.snapshot.settled else {
      return try await exchange(prompt, &call, onText: nil)
    }
    try await discovery.enter(before: call.deadline, timing)
    if limits.snapshot.settled {
      discovery.leave()
      return try await exchange(prompt, &call, onText: nil)
    }
    defer { discovery.leave() }
    let answer = try await exchange(prompt, &call, onText: nil)
    limits.settle()
    return answer
  }

  /// Sends until there is an answer, the fault is lasting, or the means are spent.
  private func exchange(
    _ prompt: Prompt, _ call: inout Call, onText: (@Sendable (String) -> Void)?
  ) async throws(WireFault) -> WireAnswer {
    var attempt = 0
    while true {
      let budget = call.request.budget
      try await permit(&call)
      let known = limits.snapshot
      let wireCall = wireCall(prompt, call.request, known, streams: onText != nil)
      let remaining = timing.now().duration(to: call.deadline)
      var textSent = false
      do throws(WireFault) {
        call.requests += 1
        let answer: WireAnswer
        if let onText {
          answer = try await streamed(wireCall, remaining) {
            textSent = true
            onText($0)
          }
        } else {
          answer = try await whole(wireCall, remaining)
        }
        budget.finish(budgetKey, failed: false)
        account(answer, prompt, &call)
        return answer
      } catch {
        budget.finish(budgetKey, failed: error.countsAsFailure)
        call.lastFault = error
        if textSent { throw error }
        if limits.learn(error, sent: known) { continue }
        guard error.retryable, call.allowance.take() else { throw error }
        let pause =
          error.retryAfter ?? RetryAllowance.delay(after: attempt, random: timing.random())
        guard timing.now() + pause < call.deadline else { throw error }
        try await sleep(pause)
        attempt += 1
      }
    }
  }

  private func permit(_ call: inout Call) async throws(WireFault) {
    while true {
      if Task.isCancelled { throw .cancelled }
      guard timing.now() < call.deadline else { throw .late }
      switch call.request.budget.request(budgetKey) {
      case .granted: return
      case .wait: try await sleep(.milliseconds(10))
      case .spent:
        if let fault = call.lastFault { throw fault }
        throw WireFault(
          code: .suspended,
          detail: "\(name) failed \(call.request.budget.limit) times in this run; nothing was sent")
      }
    }
  }

  private func sleep(_ duration: Duration) async throws(WireFault) {
    do {
      try await timing.sleep(duration)
    } catch {
      throw .cancelled
    }
  }

  private func wireCall(
    _ prompt: Prompt, _ request: ModelRequest, _ known: LearnedLimits.Snapshot, streams: Bool
  ) -> WireCall {
    let thinking = traits?.thinking ?? 0
    return WireCall(
      prompt: prompt, answer: request.answer, mode: wire.ladder[known.rung],
      maxOutput: min(request.maxOutput + thinking, max(profile.maxOutput, request.maxOutput)),
      temperature: traits?.takesTemperature == false ? nil : request.temperature,
      seed: request.seed, streams: streams, omitted: known.omitted)
  }

  private func whole(_ call: WireCall, _ time: Duration) async throws(WireFault) -> WireAnswer {
    let response = try await transport.send(wire.request(call), time)
    guard response.status == 200 else { throw fault(response, call) }
    return try wire.answer(from: response.body)
  }

  private func streamed(
    _ call: WireCall, _ time: Duration, _ onText: (String) -> Void
  ) async throws(WireFault) -> WireAnswer {
    var reader = wire.streamReader()
    try await transport.stream(wire.request(call), time) { item throws(WireFault) in
      switch item {
      case .failure(let response): throw fault(response, call)
      case .event(let name, let data):
        let text = try reader.read(event: name, data: data)
        if !text.isEmpty { onText(text) }
      }
    }
    return try reader.finished()
  }

  private func fault(_ response: ModelTransport.Response, _ call: WireCall) -> WireFault {
    var mode: StructuredMode?
    if case .json = call.answer { mode = call.mode }
    let complaint = ServerComplaint(body: response.body)
    var fault = complaint.fault(
      status: response.status, retryAfter: response.retryAfter ?? complaint.retryAfter,
      mode: mode)
    if !complaint.message.isEmpty { fault.detail += " (status \(response.status))" }
    return fault
  }

  // MARK: Answers

  private func read(
    _ answer: WireAnswer, _ schema: JSONSchema, _ prompt: Prompt
  ) -> Result<JSONValue, AnswerFault> {
    let reader = AnswerReader(schema: schema, question: prompt.question)
    let result = Result { () throws(AnswerFault) in try reader.read(answer.text) }
    if case .failure(let fault) = result, answer.finish == .length {
      return .failure(
        AnswerFault(reason: fault.reason + " (the answer reached its length limit; be shorter)"))
    }
    return result
  }

  private func refuse(_ answer: WireAnswer) throws(WireFault) {
    guard answer.finish == .refused else { return }
    let words = Self.shown(answer.text, 120)
    throw WireFault(code: .refused, detail: "the model refused to answer: \(words)")
  }

  /// An answer as it is shown to the model again, or in an error.
  private static func shown(_ text: String, _ length: Int = 4000) -> String {
    let text = AnswerReader.withoutThoughts(text).prefix(length)
    return text.isEmpty ? "(no answer)" : String(text)
  }

  private func account(_ answer: WireAnswer, _ prompt: Prompt, _ call: inout Call) {
    var usage = answer.usage ?? WireUsage()
    if answer.usage == nil {
      usage.input = calibration.estimate(bytes: prompt.byteCount)
      usage.output = calibration.estimate(bytes: answer.text.utf8.count)
    } else {
      calibration.learn(bytes: prompt.byteCount, tokens: usage.input)
    }
    call.usage.input += usage.input
    call.usage.cached += usage.cached
    call.usage.written += usage.written
    call.usage.output += usage.output
  }

  private func finish(_ answer: WireAnswer, _ value: JSONValue?, _ call: Call) -> ModelReply {
    ModelReply(
      text: answer.text, json: value, model: name, finish: answer.finish,
      inputTokens: call.usage.input, outputTokens: call.usage.output,
      costUSD: price?(call.usage),
      seconds: call.started.duration(to: timing.now()).inSeconds, requests: call.requests)
  }

  private func modelError(_ fault: WireFault, _ call: Call) -> ModelError {
    ModelError(
      code: fault.code, detail: mask.masked("\(name): \(fault.detail)"),
      retryAfter: fault.retryAfter, requests: call.requests, inputTokens: call.usage.input,
      outputTokens: call.usage.output,
      costUSD: call.usage == WireUsage() ? nil : price?(call.usage))
  }
}

extension WireFault {
  static let cancelled = WireFault(code: .cancelled, detail: "the call was cancelled")
  static let late = WireFault(code: .timedOut, detail: "no answer before the deadline")

  /// Whether the run's budget counts it: the request was sent and brought nothing of use. A prompt
  /// that is too long or an answer that was refused says nothing against the server.
  var countsAsFailure: Bool {
    switch code {
    case .unauthorized, .rateLimited, .unavailable, .timedOut, .rejected: true
    case .tooLong, .malformedAnswer, .refused, .suspended, .budgetSpent, .cancelled: false
    }
  }
}

extension RequestGate {
  /// Comes in before the deadline, or not at all.
  func enter(before deadline: ContinuousClock.Instant, _ timing: Timing) async throws(WireFault) {
    let time = timing.now().duration(to: deadline)
    guard time > .zero else { throw .late }
    let outcome = await withTaskGroup(of: Bool?.self) { group in
      group.addTask {
        do {
          try await self.enter()
          return true
        } catch {
          return nil
        }
      }
      group.addTask {
        do {
          try await timing.sleep(time)
          return false
        } catch {
          return nil
        }
      }
      let first = await group.next() ?? nil
      group.cancelAll()
      let second = await group.next() ?? nil
      // The place that was won although time was up is used all the same.
      return first == true || second == true ? true : first
    }
    switch outcome {
    case true?:
      guard Task.isCancelled else { return }
      leave()
      throw .cancelled
    case false?: throw .late
    case nil: throw .cancelled
    }
  }
}
