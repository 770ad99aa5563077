public import Domain

/// Models in order of preference: the first that is able answers.
///
/// Each has its own circuit breaker and its own limit of calls at a time, a single one too. The
/// next is asked when one has no access, is down, slow or limited, refuses the request as it
/// stands, or gives an answer that does not hold; not when it declines to answer or the prompt is
/// too long. One deadline and one allowance of retries cover all of them; a model that is not the
/// last may use two thirds of the time that is left.
public struct ModelChain: LanguageModel {
  private struct Link: Sendable {
    var model: any LanguageModel
    var breaker: CircuitBreaker
    var gate: RequestGate
  }

  private let links: [Link]
  private let timing: Timing

  /// That of the first model; a reply says which one answered.
  public let name: String
  /// That of the first model, and of the others that a reply would name alike.
  public let cacheIdentity: String
  /// That of the first model: the others are for when it fails, and may know less.
  public let profile: ModelProfile

  /// - Parameters:
  ///   - failuresToOpen: failing calls in a row after which a model is left alone.
  ///   - coolDown: how long, the first time.
  /// - Returns: `nil` for an empty list.
  public init?(
    _ models: [any LanguageModel], failuresToOpen: Int = 3, coolDown: Duration = .seconds(15),
    timing: Timing = .system
  ) {
    guard let first = models.first else { return nil }
    let policy = CircuitBreaker.Policy(failures: failuresToOpen, coolDown: coolDown)
    name = first.name
    profile = first.profile
    cacheIdentity = models.filter { $0.name == first.name }.map(\.cacheIdentity)
      .joined(separator: "\n")
    self.timing = timing
    links = models.map {
      Link(
        model: $0, breaker: CircuitBreaker(policy, timing: timing),
        gate: RequestGate(limit: $0.profile.concurrency))
    }
  }

  public func reply(to request: ModelRequest) async throws(ModelError) -> ModelReply {
    var attempt = Attempt(request, timing)
    let allowance = RetryAllowance.current ?? RetryAllowance()
    for place in links.indices {
      let link = links[place]
      do throws(ModelError) {
        let admission = try await admit(link, attempt)
        let request = attempt.request(last: place == links.count - 1, timing)
        do throws(ModelError) {
          var reply = try await Self.answer(link.model, request, allowance)
          settle(link, admission, nil)
          reply.requests += attempt.requests
          reply.seconds = attempt.started.duration(to: timing.now()).inSeconds
          return reply
        } catch {
          settle(link, admission, error)
          throw error
        }
      } catch {
        guard attempt.mayGoOn(after: error, timing) else { throw attempt.error }
      }
    }
    throw attempt.error
  }

  public func stream(_ request: ModelRequest) -> AsyncThrowingStream<ModelPiece, any Error> {
    AsyncThrowingStream { continuation in
      let task = Task {
        do throws(ModelError) {
          try await stream(request) { continuation.yield($0) }
          continuation.finish()
        } catch {
          continuation.finish(throwing: error)
        }
      }
      continuation.onTermination = { _ in task.cancel() }
    }
  }

  /// Counts as the first model does.
  public func countTokens(in text: String) async -> TokenCount {
    await links[0].model.countTokens(in: text)
  }

  /// Of the dearest model that may answer; `nil` where the price of one is not known.
  public func price(input: TokenCount, output: TokenCount) -> USD? {
    let prices = links.map { $0.model.price(input: input, output: output) }
    return prices.contains(nil) ? nil : prices.compactMap { $0 }.max()
  }

  private func stream(
    _ request: ModelRequest, to yield: (ModelPiece) -> Void
  ) async throws(ModelError) {
    var attempt = Attempt(request, timing)
    let allowance = RetryAllowance.current ?? RetryAllowance()
    for place in links.indices {
      let link = links[place]
      var begun = false
      do throws(ModelError) {
        let admission = try await admit(link, attempt)
        let request = attempt.request(last: place == links.count - 1, timing)
        let pieces = RetryAllowance.$current.withValue(allowance) { link.model.stream(request) }
        do {
          for try await piece in pieces {
            begun = true
            yield(attempt.adding(piece))
          }
          // A cancelled task ends the iteration without an error.
          if Task.isCancelled { throw ModelError.cancelled }
          settle(link, admission, nil)
          return
        } catch {
          let error =
            error as? ModelError ?? ModelError(code: .unavailable, detail: "\(error)", requests: 0)
          settle(link, admission, error)
          throw error
        }
      } catch {
        guard !begun, attempt.mayGoOn(after: error, timing) else {
          throw begun ? error : attempt.error
        }
      }
    }
    throw attempt.error
  }

  private static func answer(
    _ model: any LanguageModel, _ request: ModelRequest, _ allowance: RetryAllowance
  ) async throws(ModelError) -> ModelReply {
    let result: Result<ModelReply, ModelError> = await RetryAllowance.$current.withValue(allowance)
    {
      do throws(ModelError) {
        return .success(try await model.reply(to: request))
      } catch {
        return .failure(error)
      }
    }
    return try result.get()
  }

  /// Waits for a place, then asks the breaker; in this order, because it may open meanwhile.
  private func admit(
    _ link: Link, _ attempt: Attempt
  ) async throws(ModelError) -> CircuitBreaker.Admission {
    do throws(WireFault) {
      try await link.gate.enter(before: attempt.deadline, timing)
    } catch {
      throw ModelError(code: error.code, detail: "\(link.model.name): \(error.detail)")
    }
    let admission = link.breaker.admit()
    if case .refused(let wait) = admission {
      link.gate.leave()
      throw ModelError(
        code: .suspended,
        detail: "\(link.model.name) failed several times in a row and is left alone for now",
        retryAfter: wait)
    }
    return admission
  }

  private func settle(_ link: Link, _ admission: CircuitBreaker.Admission, _ error: ModelError?) {
    switch error?.code {
    case nil, .malformedAnswer, .refused, .tooLong: link.breaker.succeeded()
    case .cancelled, .suspended, .budgetSpent: link.breaker.abandoned(admission)
    case .unauthorized, .rateLimited, .unavailable, .timedOut, .rejected:
      link.breaker.failed(retryAfter: error?.retryAfter)
    }
    link.gate.leave()
  }

  /// One call on its way through the chain.
  private struct Attempt {
    let original: ModelRequest
    let started: ContinuousClock.Instant
    let deadline: ContinuousClock.Instant
    /// Requests spent by the models that failed.
    var requests = 0
    private var errors: [ModelError] = []

    init(_ request: ModelRequest, _ timing: Timing) {
      original = request
      started = timing.now()
      deadline = started + request.deadline
    }

    func request(last: Bool, _ timing: Timing) -> ModelRequest {
      var request = original
      let left = timing.now().duration(to: deadline)
      request.deadline = last ? left : left * 2 / 3
      return request
    }

    func adding(_ piece: ModelPiece) -> ModelPiece {
      guard case .done(var reply) = piece else { return piece }
      reply.requests += requests
      return .done(reply)
    }

    /// Notes an error and says whether the next model may be asked.
    mutating func mayGoOn(after error: ModelError, _ timing: Timing) -> Bool {
      requests += error.requests
      errors.append(error)
      switch error.code {
      case .cancelled, .refused, .tooLong: return false
      default: return timing.now() < deadline && !Task.isCancelled
      }
    }

    /// What the caller is told: the last word if it is about this request, else why the model that
    /// the user prefers failed, with the others named after it.
    var error: ModelError {
      guard var told = errors.last else {
        return ModelError(code: .suspended, detail: "no model is at hand")
      }
      if told.code != .cancelled, told.code != .refused, told.code != .tooLong {
        told = errors.first { $0.code != .suspended } ?? told
        let others = errors.filter { $0 != told }.map(\.detail)
        if !others.isEmpty { told.detail += " (also: \(others.joined(separator: "; ")))" }
        told.retryAfter = errors.compactMap(\.retryAfter).min()
      }
      told.requests = requests
      return told
    }
  }
}

extension ModelError {
  static let cancelled = ModelError(code: .cancelled, detail: "the call was cancelled")
}
