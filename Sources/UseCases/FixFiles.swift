public import Domain
import Foundation

/// Mends files of this machine: finds for each a text that is shown to hold, and writes nothing.
public struct FixFiles: Sendable {
  public struct File: Sendable {
    /// As the person wrote it, or as the diff names it.
    public var path: SourcePath
    public var bytes: [UInt8]
    /// The change that is to be mended; `nil`: the whole file.
    public var diff: FileDiff?

    public init(path: SourcePath, bytes: [UInt8], diff: FileDiff? = nil) {
      self.path = path
      self.bytes = bytes
      self.diff = diff
    }
  }

  public struct Request: Sendable {
    public var files: [File]
    /// Files that are not looked at, told again in the result.
    public var left: [LeftFile]
    /// For the record: the files' names, or a git range.
    public var subject: String
    public var askedBy: String
    public var deadline: Duration
    public var progress: @Sendable (String) -> Void

    public init(
      files: [File], left: [LeftFile] = [], subject: String, askedBy: String,
      deadline: Duration = .seconds(600),
      progress: @escaping @Sendable (String) -> Void = { _ in }
    ) {
      self.files = files
      self.left = left
      self.subject = subject
      self.askedBy = askedBy
      self.deadline = deadline
      self.progress = progress
    }
  }

  public struct Outcome: Sendable {
    public var document: FixDocument
    /// The new text of each file that changes.
    public var texts: [SourcePath: [UInt8]]
    /// Why the model was of no use, where one was asked.
    public var modelFailure: ModelError?
    /// The run could not be kept.
    public var storeFailure: StoreError?
  }

  let ports: FixCode.Ports

  public init(ports: FixCode.Ports) { self.ports = ports }

  public func run(_ request: Request) async throws -> Outcome {
    let started = ports.now()
    let id = TimeOrderedID.next(started)
    var document = FixDocument(run: id, summary: "")
    document.left = request.left
    var files: [FixFile] = []
    for file in request.files {
      // A person named it, or its range: so a file of an unknown language is looked at too.
      if let reason = FixTargets.reason(file.bytes, file.path, isNamed: file.diff == nil) {
        document.left.append(LeftFile(path: file.path.description, reason: reason))
      } else {
        files.append(
          FixFile(
            path: file.path, bytes: file.bytes, diff: file.diff, isNamed: file.diff == nil))
      }
    }
    var limits = FixLoop.Limits(end: .now + request.deadline)
    limits.runsFiles = true
    var loop = FixLoop(
      ports: .init(
        model: ports.model, syntax: ports.syntax, sandbox: ports.sandbox, random: ports.random),
      limits: limits, files: files, trial: nil, progress: request.progress)
    let found: FixLoop.Outcome
    do throws(WorkspaceError) { found = try await loop.run() } catch {
      // No checkout is tried here, so nothing of one can fail.
      throw FixError(code: .cancelled, detail: error.detail)
    }
    try Task.checkCancellation()
    document.take(found, command: nil)
    let count = document.files.count
    document.summary =
      count == 0
      ? "Nothing was changed." : "\(count) file\(count == 1 ? "" : "s") could be mended."
    var outcome = Outcome(document: document, texts: [:], modelFailure: found.modelFailure)
    for candidate in found.chosen { outcome.texts[candidate.path] = candidate.after }
    outcome.storeFailure = await record(outcome, found, request, files, started)
    return outcome
  }

  private func record(
    _ outcome: Outcome, _ found: FixLoop.Outcome, _ request: Request, _ files: [FixFile],
    _ started: Date
  ) async -> StoreError? {
    guard let runs = ports.runs else { return nil }
    let result = (try? JSONEncoder().encode(outcome.document)).flatMap {
      try? JSONDecoder().decode(JSONValue.self, from: $0)
    }
    var inputs: [String: String] = [:]
    for file in files { inputs[file.path.description] = ContentHash.of(file.bytes) }
    do throws(StoreError) {
      try await runs.save(
        Run(
          id: outcome.document.run, kind: .fix, startedAt: started,
          seconds: ports.now().timeIntervalSince(started),
          outcome: found.modelFailure == nil ? .completed : .failed, askedBy: request.askedBy,
          subject: SecretMask.masked(request.subject).text, inputs: inputs,
          modelCalls: found.toll.spending.calls, claims: found.toll.claims,
          masked: found.toll.masked, review: nil,
          failure: found.modelFailure.map {
            "\($0.code.rawValue): \(SecretMask.masked($0.detail).text)"
          }, result: result))
      return nil
    } catch { return error }
  }
}

extension FixFiles {
  /// Why a file is not touched unless it is named; `nil` where it may be.
  public static func protection(
    of path: SourcePath, policy: FixPolicy = FixPolicy()
  ) -> String? { ProtectedPaths(policy).reason(path) }
}
