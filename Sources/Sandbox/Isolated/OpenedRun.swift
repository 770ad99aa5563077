import Dispatch
import Domain
import Foundation

/// One run that stands ready at the other end of its socket.
struct OpenedRun: Sendable {
  /// How long a broken sandbox may go on after the run itself should have been killed.
  static let patience = Duration.seconds(5)

  let channel: RunChannel
  let measures: [String]
  let backend: String

  /// Sends the task and gathers what comes of it.
  func carryOut(
    _ task: SandboxTask, onStart: @Sendable () async -> Void = {}
  ) async throws(SandboxError) -> SandboxResult {
    let nonce = Nonce.make()
    let order = try TaskOrder(task, nonce: nonce).bytes()
    channel.send(.task, order, deadline: task.limits.time + Self.patience)
    await onStart()
    let outcome = await withTaskCancellationHandler {
      await gather(task.limits, nonce: nonce)
    } onCancel: {
      channel.cut()
    }
    if Task.isCancelled { throw .cancelled }
    return try outcome.get()
  }

  private func gather(
    _ limits: SandboxLimits, nonce: String
  ) async -> Result<SandboxResult, SandboxError> {
    var gathered = Gathered(limits: limits)
    while let frame = await channel.next() {
      switch frame.kind {
      case .output: gathered.output += frame.payload
      case .error: gathered.error += frame.payload
      case .file: gathered.addFile(frame.payload)
      case .refusal:
        return .failure(
          frame.decoded(as: RefusalPayload.self)?.error ?? Self.lost("it refused without a reason"))
      case .result:
        guard let payload = frame.decoded(as: RunResultPayload.self), payload.nonce == nonce,
          let end = payload.sandboxEnd
        else { return .failure(Self.lost("its result was not the one of this run")) }
        let report = await ReportText.decoded(payload.report)
        return .success(gathered.result(payload, end: end, report: report, backend: backend))
      default: return .failure(Self.lost("it sent what has no meaning there"))
      }
      if gathered.isTooMuch { return .failure(Self.lost("it sent more than was asked for")) }
    }
    return .failure(
      Self.lost(
        channel.hasExpired
          ? "it did not end the run in time" : "it was killed or broke in mid-run"))
  }

  static func lost(_ reason: String) -> SandboxError {
    SandboxError(
      code: .lost, detail: "The sandbox's answer was lost: \(reason). Nothing is known of the run.")
  }
}

/// What has come of a run so far.
private struct Gathered {
  let limits: SandboxLimits
  var output: [UInt8] = []
  var error: [UInt8] = []
  var files: [SandboxFile] = []
  var fileBytes = 0

  /// The warden keeps the limits; that it does is not taken for granted.
  var isTooMuch: Bool {
    output.count > limits.output.value || error.count > limits.output.value
      || fileBytes > limits.collected.value
  }

  mutating func addFile(_ payload: [UInt8]) {
    guard payload.count >= 4 else { return }
    let length = payload[..<4].reduce(0) { $0 << 8 | Int($1) }
    guard length <= payload.count - 4 else { return }
    let content = Array(payload[(4 + length)...])
    fileBytes += content.count
    files.append(
      SandboxFile(String(decoding: payload[4..<4 + length], as: UTF8.self), content))
  }

  func result(
    _ payload: RunResultPayload, end: SandboxResult.End, report: JSONValue?, backend: String
  ) -> SandboxResult {
    SandboxResult(
      end: end, output: output, error: error, lostOutput: payload.lostOutput,
      lostError: payload.lostError,
      report: report,
      files: files, leftOut: payload.leftOut ?? [:], seconds: payload.seconds,
      processorSeconds: payload.processorSeconds, peakMemory: ByteCount(payload.peakMemory),
      backend: backend)
  }
}

/// What a judged program says of itself: any JSON value that it likes.
private enum ReportText {
  static let most = 1 << 20
  /// A larger one is not decoded where it would keep others from their turn.
  private static let small = 16 << 10
  private static let queue = DispatchQueue(label: "stet.sandbox.reports", attributes: .concurrent)

  /// - Returns: `nil` where it is no JSON, or more than the warden lets through.
  static func decoded(_ text: String?) async -> JSONValue? {
    guard let text, text.utf8.count <= most else { return nil }
    if text.utf8.count <= small { return value(text) }
    return await withCheckedContinuation { reply in
      queue.async { reply.resume(returning: value(text)) }
    }
  }

  private static func value(_ text: String) -> JSONValue? {
    JSONText.decoded(Array(text.utf8), as: JSONValue.self)
  }
}

enum Nonce {
  /// 128 random bits in hexadecimal.
  static func make() -> String {
    var generator = SystemRandomNumberGenerator()
    return (0..<2).map { _ in
      let digits = String(generator.next(), radix: 16)
      return String(repeating: "0", count: 16 - digits.count) + digits
    }.joined()
  }
}
