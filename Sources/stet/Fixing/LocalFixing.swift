import Domain
import Foundation
import Sandbox
import UseCases

/// `stet fix FILE…` and `stet fix --range`: files of this machine, read, fixed, and written where
/// that was asked for.
struct LocalFixing {
  private static let largest = ByteCount.mebibytes(4)

  let options: FixOptions
  let wiring: Wiring

  func run(progress: @escaping @Sendable (String) -> Void) async throws -> FixFiles.Outcome {
    let (files, left, subject, root) = try await read()
    guard !files.isEmpty || !left.isEmpty else {
      throw CommandFailure.misuse("\(subject) changes no file that is there.")
    }
    let outcome = try await FixFiles(
      ports: .init(
        model: try wiring.model(), runs: wiring.runs, syntax: wiring.syntax,
        sandbox: wiring.sandbox)
    ).run(
      .init(files: files, left: left, subject: subject, askedBy: "cli", progress: progress))
    if let failure = outcome.storeFailure {
      Output.notes.tell("stet: this run could not be recorded: \(failure.detail)")
    }
    if options.write { try write(outcome, files, root) }
    return outcome
  }

  /// - Returns: also the folder that the paths are beneath; `nil`: as the user wrote them.
  private func read() async throws -> ([FixFiles.File], [LeftFile], String, String?) {
    guard let range = options.range else {
      let files = try options.subjects.map { name in
        FixFiles.File(
          path: SourcePath(name),
          bytes: try InputFile.read(name, in: options.folder, limit: Self.largest, what: "file"))
      }
      return (files, [], options.subjects.joined(separator: " "), nil)
    }
    do {
      let repository = try await GitRepository(
        at: options.folder ?? FileManager.default.currentDirectoryPath,
        environment: wiring.settings.environment)
      let found = try await repository.range(range)
      let policy = try Self.policy(try await repository.contents(".stet.yml", at: .workingTree))
      let diff = try Diff(parsing: try await repository.diff(found))
      var files: [FixFiles.File] = []
      var left: [LeftFile] = []
      for file in diff.files {
        guard let path = file.newPath else { continue }
        if file.isSubmodule || file.isSymlink || file.isBinary {
          left.append(LeftFile(path: path.description, reason: "it holds no text"))
        } else if let reason = FixFiles.protection(of: path, policy: policy) {
          left.append(LeftFile(path: path.description, reason: "\(reason); name it as a file"))
        } else if let bytes = try await repository.contents(path, at: .workingTree) {
          files.append(FixFiles.File(path: path, bytes: bytes, diff: file))
        } else {
          left.append(
            LeftFile(path: path.description, reason: "it is not in the working folder"))
        }
      }
      return (files, left, found.title, repository.root)
    } catch let error as GitError {
      throw error.code == .failed || error.code == .timedOut
        ? CommandFailure.failed(error.detail) : CommandFailure.misuse(error.detail)
    } catch let error as DiffError {
      throw CommandFailure.failed("the change cannot be read: \(error.detail)")
    }
  }

  /// What the working folder's own policy protects: nobody named the files of a range.
  private static func policy(_ bytes: [UInt8]?) throws(CommandFailure) -> FixPolicy {
    guard let bytes else { return FixPolicy() }
    do throws(PolicyError) {
      return try PolicyReader.read(bytes).fix
    } catch {
      throw CommandFailure.misuse("The policy .stet.yml cannot be read; mend it:\n\(error)")
    }
  }

  /// Only where the file is still what was read.
  private func write(
    _ outcome: FixFiles.Outcome, _ files: [FixFiles.File], _ root: String?
  ) throws {
    for file in files {
      guard let text = outcome.texts[file.path] else { continue }
      let name = file.path.description
      let path = root.map { "\($0)/\(name)" } ?? InputFile.resolved(name, in: options.folder)
      try Self.write(
        String(decoding: text, as: UTF8.self), to: path, named: name, over: file.bytes)
    }
  }

  /// Only where the file still is what was read.
  static func write(
    _ text: String, to path: String, named name: String, over bytes: [UInt8]
  ) throws {
    let now = try InputFile.read(path, in: nil, limit: largest, what: "file")
    guard now == bytes else {
      throw CommandFailure.failed(
        "\(name) was changed while it was worked on; it is left as it is. Run it again.")
    }
    // A link's target is changed, not the link; who may run the file may still.
    let place = place(of: path)
    let mode = try? FileManager.default.attributesOfItem(atPath: place)[.posixPermissions]
    try ResultFile.write(text, to: place, option: "--write")
    if let mode {
      try? FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: place)
    }
  }

  /// Where a link leads.
  static func place(of path: String) -> String {
    URL(filePath: path).resolvingSymlinksInPath().path
  }
}
