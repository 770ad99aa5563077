import Domain
import Subprocess

/// Reads objects through one `git cat-file --batch` that is kept open, since a review reads
/// hundreds of files and a new process for each would cost more than the reading.
///
/// Requests are answered one at a time in their order. The process starts with the first request
/// and ends when this reader goes away.
final class GitObjects: Sendable {
  private struct Request: Sendable {
    var line: [UInt8]
    var limit: Int
    var reply: CheckedContinuation<Answer, Never>
  }

  typealias Answer = Result<[UInt8]?, GitError>

  private let requests: AsyncStream<Request>.Continuation
  private let pump: Task<Void, Never>

  convenience init(_ git: HardenedGit) {
    self.init(git.command(["cat-file", "--batch"]), folder: git.folder)
  }

  /// - Parameters:
  ///   - command: a `git cat-file --batch`.
  ///   - folder: what errors call the repository.
  init(_ command: Command, folder: String) {
    let (stream, continuation) = AsyncStream.makeStream(of: Request.self)
    requests = continuation
    pump = Task { await Self.serve(stream, command, folder: folder) }
  }

  deinit { requests.finish() }

  /// - Parameter name: what git calls the object, such as `<commit>:<path>`, without a newline.
  /// - Returns: `nil` where there is no such object or it is not a file's content.
  func read(_ name: [UInt8], limit: Int) async throws(GitError) -> [UInt8]? {
    let answer = await withCheckedContinuation { (reply: CheckedContinuation<Answer, Never>) in
      let request = Request(line: name + [UInt8(ascii: "\n")], limit: limit, reply: reply)
      if case .terminated = requests.yield(request) {
        reply.resume(
          returning: .failure(GitError(code: .failed, detail: "the repository was closed.")))
      }
    }
    return try answer.get()
  }

  private static func serve(
    _ stream: AsyncStream<Request>, _ command: Command, folder: String
  ) async {
    BrokenPipes.areErrors()
    var requests = stream.makeAsyncIterator()
    // One turn for each process. A new one follows an answer that was not read to its end, and a
    // process that somebody ended; one that fails at its very first request is not tried again.
    var waiting = await requests.next(isolation: #isolation)
    while waiting != nil {
      var answered = 0
      var trouble = "it ended early"
      do {
        _ = try await Subprocess.run(
          try CommandRunner.configuration(command), input: .inputWriter, output: .sequence,
          error: .discarded
        ) { execution in
          let process = execution.processIdentifier.value
          defer { CommandRunner.killGroup(process) }
          var replies = BatchReplies(execution.standardOutput)
          while let request = waiting {
            let reply: BatchReplies.Reply
            do {
              let watch = Task {
                try await Task.sleep(for: command.timeout)
                CommandRunner.killGroup(process)
              }
              defer { watch.cancel() }
              _ = try await execution.standardInputWriter.write(request.line)
              reply = try await replies.next(limit: request.limit)
            }
            answered += 1
            request.reply.resume(returning: Self.answer(reply, limit: request.limit))
            waiting = await requests.next(isolation: #isolation)
            // Cheaper to begin anew than to read on to the end of a large file.
            if case .tooLarge = reply { return }
          }
        }
      } catch {
        trouble = "\(error)"
      }
      guard answered == 0, let failed = waiting else { continue }
      failed.reply.resume(
        returning: .failure(
          GitError(
            code: .failed, detail: "git failed at reading a file in \(folder): \(trouble)")))
      waiting = await requests.next(isolation: #isolation)
    }
  }

  private static func answer(_ reply: BatchReplies.Reply, limit: Int) -> Answer {
    switch reply {
    case .content(let bytes): .success(bytes)
    case .tooLarge(let size):
      .failure(
        GitError(
          code: .tooLarge, detail: "a file of \(size) bytes is over the limit of \(limit)."))
    }
  }
}

/// Cuts the output of `git cat-file --batch` into replies.
private struct BatchReplies {
  enum Reply {
    case content([UInt8]?)
    case tooLarge(Int)
  }

  struct Ended: Error, CustomStringConvertible {
    var description: String { "its answer ended early" }
  }

  private var stream: SubprocessOutputSequence.Iterator
  private var buffer: [UInt8] = []
  private var start = 0

  init(_ output: SubprocessOutputSequence) { stream = output.makeAsyncIterator() }

  /// `<object> <type> <size>` LF content LF, or `<name> missing` LF.
  mutating func next(limit: Int) async throws -> Reply {
    let header = try await line()
    let words = header.split(separator: UInt8(ascii: " "))
    guard words.count >= 3, let size = Int(String(decoding: words[words.count - 1], as: UTF8.self))
    else { return .content(nil) }
    let isFile = words[words.count - 2].elementsEqual("blob".utf8)
    guard size <= limit else { return .tooLarge(size) }
    let bytes = try await take(size)
    _ = try await take(1)
    return .content(isFile ? bytes : nil)
  }

  private mutating func line() async throws -> [UInt8] {
    var searched = start
    while true {
      if let end = buffer[searched...].firstIndex(of: UInt8(ascii: "\n")) {
        defer { start = end + 1 }
        return Array(buffer[start..<end])
      }
      let unread = buffer.count - start
      try await more()
      searched = start + unread
    }
  }

  private mutating func take(_ count: Int) async throws -> [UInt8] {
    while buffer.count - start < count { try await more() }
    defer { start += count }
    return Array(buffer[start..<(start + count)])
  }

  private mutating func more() async throws {
    guard let next = try await stream.next() else { throw Ended() }
    if start > 0 {
      buffer.removeFirst(start)
      start = 0
    }
    next.withUnsafeBytes { buffer.append(contentsOf: $0) }
  }
}
