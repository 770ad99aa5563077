import Domain
import Foundation
import Jobs
import UseCases

/// Where a run stands, by its record and the job that makes it.
enum RunState: String, Sendable, CaseIterable {
  case queued, running, completed, failed, cancelled

  var isFinal: Bool { self != .queued && self != .running }
}

/// What is known of a run: its record, the job that was promised to make it, or both.
struct RunView: Sendable {
  var id: String
  var run: Run?
  var job: Job?

  /// The record of an earlier try does not count while another is to come.
  var state: RunState {
    if let job, !job.state.isFinal { return job.state == .running ? .running : .queued }
    if let run {
      switch run.outcome {
      case .completed: return .completed
      case .failed: return .failed
      case .cancelled: return .cancelled
      }
    }
    switch job?.state {
    case .cancelled: return .cancelled
    case .completed: return .completed
    default: return .failed
    }
  }

  var failure: String? {
    let text = run?.failure ?? (state == .failed ? job?.errors.last?.message : nil)
    return text.map { Defanged.forPlainJSON(SecretMask.masked($0).text) }
  }
}

enum RunDocument {
  static func document(_ view: RunView) -> JSONValue {
    var members: [String: JSONValue] = [
      "id": .string(view.id), "state": .string(view.state.rawValue),
      "job": Answer.optional(view.job?.id ?? view.run?.job),
      "kind": Answer.optional(view.run?.kind.rawValue),
      "started_at": Answer.date(view.run?.startedAt),
      "seconds": view.run.map { .number($0.seconds) } ?? .null,
      "asked_by": Answer.optional(view.run?.askedBy),
      "subject": Answer.optional(view.run.map { Defanged.forPlainJSON($0.subject) }),
      "failure": Answer.optional(view.failure),
    ]
    if let run = view.run { members.merge(details(run)) { first, _ in first } }
    return .object(members)
  }

  private static func details(_ run: Run) -> [String: JSONValue] {
    var members: [String: JSONValue] = [
      "inputs": .object(run.inputs.mapValues(JSONValue.string)), "claims": .integer(run.claims),
      "masked": .object(run.masked.mapValues(JSONValue.integer)),
      "model_calls": .array(
        run.modelCalls.map { call in
          .object([
            "model": .string(call.model), "input_tokens": .integer(call.inputTokens.value),
            "output_tokens": .integer(call.outputTokens.value),
            "cost_usd": call.costUSD.map { .number($0.value) } ?? .null,
            "seconds": .number(call.seconds), "cache_hit": .bool(call.cacheHit),
            "failure": Answer.optional(call.failure),
          ])
        }),
      "actions": .array(
        (run.actions ?? []).map {
          .object(["name": .string($0.name), "place": .string($0.place)])
        }),
      "review": run.review.map(review) ?? .null,
    ]
    if let result = run.result { members["result"] = result }
    return members
  }

  /// The contract of `stet review --format json`, as its own format writes it.
  static func review(_ review: Review) -> JSONValue {
    let text = ReviewFormat.json.render(review)
    return (try? JSONDecoder().decode(JSONValue.self, from: Data(text.utf8))) ?? .null
  }

  static func usage(_ usage: ModelUsage) -> JSONValue {
    .object([
      "model_calls": .integer(usage.modelCalls),
      "input_tokens": .integer(usage.inputTokens.value),
      "output_tokens": .integer(usage.outputTokens.value),
      "cost_usd": usage.costUSD.map { .number($0.value) } ?? .null,
    ])
  }
}
