import Domain

/// An interpreter that keeps its names, at the other end of a run socket.
actor IsolatedSession: SandboxSession {
  nonisolated let id: String
  private let opened: OpenedRun
  private let plan: SessionPlan
  private let nonce: String
  private let onEnd: @Sendable (String) async -> Void
  private var isBusy = false
  /// Why there is no interpreter any more; `nil` while there is one.
  private var end: SandboxError?

  init(
    id: String, opened: OpenedRun, plan: SessionPlan, nonce: String,
    onEnd: @escaping @Sendable (String) async -> Void
  ) {
    self.id = id
    self.opened = opened
    self.plan = plan
    self.nonce = nonce
    self.onEnd = onEnd
  }

  deinit { opened.channel.cut() }

  private struct Order: Encodable {
    var code: String
    var time: Double
  }

  func run(
    _ code: String, limit: Duration, onOutput: @escaping @Sendable (SandboxOutput) -> Void
  ) async throws(SandboxError) -> CellResult {
    if let end { throw end }
    guard !isBusy else {
      throw SandboxError(
        code: .busy, detail: "A cell of this session is running: wait for it or interrupt it.")
    }
    guard limit > .zero else {
      throw SandboxError(code: .invalid, detail: "The limit of a cell must be more than nothing.")
    }
    isBusy = true
    defer { isBusy = false }
    let time = min(limit, plan.limits.time)
    let order = try JSONText.encoded(Order(code: code, time: time / .seconds(1)))
    let channel = opened.channel
    channel.send(.code, order, deadline: time + OpenedRun.patience)
    let outcome = await withTaskCancellationHandler {
      await cell(onOutput)
    } onCancel: {
      // The names are kept: only the cell is given up.
      channel.send(.interrupt)
    }
    channel.wait(nil)
    switch outcome {
    case .success(let result):
      if Task.isCancelled { throw .cancelled }
      return result
    case .failure(let error):
      end = error
      channel.cut()
      await onEnd(id)
      throw error
    }
  }

  private func cell(
    _ onOutput: @Sendable (SandboxOutput) -> Void
  ) async -> Result<CellResult, SandboxError> {
    var output: [UInt8] = []
    var error: [UInt8] = []
    let most = plan.limits.output.value
    while let frame = await opened.channel.next() {
      switch frame.kind {
      case .output where output.count + frame.payload.count <= most:
        output += frame.payload
        onOutput(.output(frame.payload))
      case .error where error.count + frame.payload.count <= most:
        error += frame.payload
        onOutput(.error(frame.payload))
      case .output, .error: continue
      case .cell:
        guard let payload = frame.decoded(as: CellPayload.self) else {
          return .failure(OpenedRun.lost("a cell's result could not be read"))
        }
        return .success(
          CellResult(
            stdout: String(decoding: output, as: UTF8.self),
            stderr: String(decoding: error, as: UTF8.self), value: payload.value,
            error: payload.error.map {
              .init(name: $0.name, message: $0.message, traceback: $0.traceback)
            }, seconds: payload.seconds))
      case .refusal:
        return .failure(
          frame.decoded(as: RefusalPayload.self)?.error ?? OpenedRun.lost("it refused"))
      case .result:
        let payload = frame.decoded(as: RunResultPayload.self)
        guard let payload, payload.nonce == nonce, let end = payload.sandboxEnd else {
          return .failure(OpenedRun.lost("its end was not the one of this session"))
        }
        return .failure(Self.ended(end))
      default: return .failure(OpenedRun.lost("it sent what has no meaning there"))
      }
    }
    return .failure(
      end
        ?? OpenedRun.lost(
          opened.channel.hasExpired
            ? "the cell did not end in time" : "the interpreter was killed or broke"))
  }

  private static func ended(_ end: SandboxResult.End) -> SandboxError {
    let how =
      switch end {
      case .exited(let code): "it exited with status \(code)"
      case .signaled(let signal): "signal \(signal) ended it"
      case .timedOut: "a cell ran past its limit and could not be interrupted"
      case .outOfMemory: "it used more memory than it may"
      }
    return SandboxError(
      code: .ended, detail: "The session's interpreter has ended: \(how). Its names are lost.")
  }

  func interrupt() async {
    if isBusy { opened.channel.send(.interrupt) }
  }

  func close() async {
    guard end == nil else { return }
    end = SandboxError(code: .ended, detail: "The session was closed.")
    opened.channel.send(.kill)
    opened.channel.cut()
    await onEnd(id)
  }
}
