import Domain
import Synchronization

/// A base model with one adapter, or with none, as a use case sees it. What it is asked goes to
/// whatever the server gives for it at that moment.
struct AdaptedModel: LanguageModel {
  /// A model for one request, and what to call when the request is over.
  struct Lease: Sendable {
    var model: any LanguageModel
    var done: @Sendable () async -> Void
  }

  var name: String
  var profile: ModelProfile
  var cacheIdentity: String
  /// - Parameter failed: what the server said to the request before, where there was one.
  var lease: @Sendable (_ failed: ModelError?) async throws(AdapterError) -> Lease

  init(
    base: String, adapter: AdapterName?, place: String, profile: ModelProfile,
    lease: @escaping @Sendable (_ failed: ModelError?) async throws(AdapterError) -> Lease
  ) {
    name = adapter.map { "\(base)+\($0)" } ?? base
    // An answer that was kept for one adapter is no answer of another.
    cacheIdentity = "\(base) \(place) \(adapter?.hash ?? "bare")"
    self.profile = profile
    self.lease = lease
  }

  func reply(to request: ModelRequest) async throws(ModelError) -> ModelReply {
    let began = ContinuousClock.now
    let first = try await leased(nil)
    let failure: ModelError
    do throws(ModelError) {
      let reply = try await first.model.reply(to: request)
      await first.done()
      return named(reply)
    } catch {
      await first.done()
      // Both are what a server says that was started again and has forgotten its adapters.
      guard error.code == .unavailable || error.code == .rejected else { throw error }
      failure = error
    }
    let second = try await leased(failure)
    var rest = request
    rest.deadline -= ContinuousClock.now - began
    guard rest.deadline > .zero else {
      await second.done()
      throw failure
    }
    do throws(ModelError) {
      let reply = try await second.model.reply(to: rest)
      await second.done()
      return named(reply)
    } catch {
      await second.done()
      throw error
    }
  }

  func stream(_ request: ModelRequest) -> AsyncThrowingStream<ModelPiece, any Error> {
    let (pieces, continuation) = AsyncThrowingStream<ModelPiece, any Error>.makeStream()
    let work = Task {
      do {
        let lease = try await leased(nil)
        do {
          for try await piece in lease.model.stream(request) {
            if case .done(let reply) = piece {
              continuation.yield(.done(named(reply)))
            } else {
              continuation.yield(piece)
            }
          }
        } catch {
          await lease.done()
          throw error
        }
        await lease.done()
        continuation.finish()
      } catch {
        continuation.finish(throwing: error)
      }
    }
    continuation.onTermination = { _ in work.cancel() }
    return pieces
  }

  func countTokens(in text: String) async -> TokenCount {
    guard let lease = try? await leased(nil) else { return TokenCount((text.utf8.count + 2) / 3) }
    let count = await lease.model.countTokens(in: text)
    await lease.done()
    return count
  }

  func price(input: TokenCount, output: TokenCount) -> USD? { nil }

  private func named(_ reply: ModelReply) -> ModelReply {
    var reply = reply
    reply.model = name
    return reply
  }

  private func leased(_ failed: ModelError?) async throws(ModelError) -> Lease {
    do throws(AdapterError) {
      return try await lease(failed)
    } catch {
      // Where nothing could be mended, what the server said itself says more.
      if let failed, error.code == .notLoaded { throw failed }
      let code: ModelError.Code =
        switch error.code {
        case .cancelled: .cancelled
        case .unreachable: .unavailable
        case .unsupported, .notLoaded, .corrupt, .withoutEffect, .mixedUp: .rejected
        }
      throw ModelError(code: code, detail: error.detail)
    }
  }
}
