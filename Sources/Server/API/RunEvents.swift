import Domain
import Foundation
import Hummingbird
import Jobs
import ServiceLifecycle
import Synchronization

/// How many event streams may be open at once.
final class StreamSlots: Sendable {
  private let open = Mutex(0)
  private let most: Int

  init(most: Int) { self.most = most }

  /// - Returns: `nil` where all are taken.
  func take() -> StreamSlot? {
    let isFree = open.withLock { open in
      guard open < most else { return false }
      open += 1
      return true
    }
    guard isFree else { return nil }
    return StreamSlot { self.open.withLock { $0 -= 1 } }
  }
}

/// One open event stream. It ends with the stream, or with an answer that is never written, as that
/// to HEAD.
final class StreamSlot: Sendable {
  private let isOpen = Mutex(true)
  private let onEnd: @Sendable () -> Void

  fileprivate init(_ onEnd: @escaping @Sendable () -> Void) { self.onEnd = onEnd }

  deinit { giveBack() }

  func giveBack() {
    let wasOpen = isOpen.withLock { isOpen in
      defer { isOpen = false }
      return isOpen
    }
    if wasOpen { onEnd() }
  }
}

/// Writes what happens to one run as server-sent events.
/// Source: HTML Living Standard, "Server-sent events".
struct RunEvents: Sendable {
  static let contentType = "text/event-stream"

  let run: String
  let ports: ServerPorts
  let heartbeat: Duration
  let slot: StreamSlot

  func write(to writer: inout any ResponseBodyWriter, for request: Request) async throws {
    defer { slot.giveBack() }
    let writing = Writing(writer)
    try await JobFollowing(ports: ports).pulses(of: run) { pulses, stop in
      // A client that has gone, and a server that stops, end the stream.
      try await withGracefulShutdownHandler {
        try await request.body.consumeWithInboundCloseHandler { rest in
          rest.letGo()
          try await withBeats(pulses) { try await follow($0, writing) }
        } onInboundClosed: {
          stop()
        }
      } onGracefulShutdown: {
        stop()
      }
    }
    writer = writing.writer
    try await writer.finish(nil)
  }

  private enum Beat: Sendable {
    case pulse(JobFollowing.Pulse)
    case heartbeat
  }

  /// The pulses, with a heartbeat between them from time to time.
  private func withBeats(
    _ pulses: AsyncStream<JobFollowing.Pulse>, _ body: (AsyncStream<Beat>) async throws -> Void
  ) async throws {
    let (stream, continuation) = AsyncStream.makeStream(
      of: Beat.self, bufferingPolicy: .bufferingNewest(64))
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask {
        for await pulse in pulses { continuation.yield(.pulse(pulse)) }
        continuation.finish()
      }
      group.addTask { [heartbeat] in
        while !Task.isCancelled {
          try await Task.sleep(for: heartbeat)
          continuation.yield(.heartbeat)
        }
      }
      defer { group.cancelAll() }
      try await body(stream)
    }
  }

  private func follow(_ beats: AsyncStream<Beat>, _ writing: Writing) async throws {
    var last: String?
    var hasReport = false
    for await beat in beats {
      switch beat {
      case .heartbeat:
        try await writing.send(": still here\n\n")
      case .pulse(.progress(let line)):
        let text = Defanged.forPlainJSON(SecretMask.masked(line).text)
        try await writing.event("progress", .object(["message": .string(text)]))
        // What was told may be that the report is there, and the rest may be done soon.
        if !hasReport, let view = try await ports.view(run: run) {
          hasReport = try await report(view, writing)
        }
      case .pulse(.look):
        guard let view = try await ports.view(run: run) else { return }
        let state = JSONValue.object([
          "run": .string(run), "state": .string(view.state.rawValue),
          "job": Answer.optional(view.job?.id ?? view.run?.job),
          "attempt": .integer(view.job?.attempt ?? 0),
        ])
        let key = "\(view.state.rawValue) \(view.job?.attempt ?? 0)"
        if key != last {
          last = key
          try await writing.event("state", state)
        }
        if !hasReport { hasReport = try await report(view, writing) }
        if view.state.isFinal {
          return try await writing.event("result", RunDocument.document(view))
        }
      }
    }
  }

  /// Tells a result that is there while its job goes on, as a report whose mutants are still tried.
  /// - Returns: whether there was one.
  private func report(_ view: RunView, _ writing: Writing) async throws -> Bool {
    guard !view.state.isFinal, let run = view.run, let job = view.job, run.job == job.id,
      run.outcome == .completed, run.result != nil
    else { return false }
    try await writing.event("report", RunDocument.document(view))
    return true
  }

  /// One client's end. Used by one task at a time.
  private final class Writing {
    var writer: any ResponseBodyWriter
    private var number = 0

    init(_ writer: any ResponseBodyWriter) { self.writer = writer }

    func send(_ text: String) async throws {
      try await writer.write(ByteBuffer(string: text))
    }

    func event(_ name: String, _ value: JSONValue) async throws {
      number += 1
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
      let data = String(decoding: try encoder.encode(value), as: UTF8.self)
      try await send("event: \(name)\nid: \(number)\ndata: \(data)\n\n")
    }
  }
}
