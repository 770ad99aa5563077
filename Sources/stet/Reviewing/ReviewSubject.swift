import Domain
import Foundation
import Sandbox
import UseCases

/// What a review looks at: the bytes of the change, where its files can be read, and the rules that
/// the repository's base gives for reviews.
struct ReviewSubject: Sendable {
  /// More than this is refused: a change of that size is not one a person will read.
  static let limit = ByteCount.mebibytes(256)
  static let policyFile = ".stet.yml"

  var diff: [UInt8]
  /// For the run record and the headline.
  var title: String
  var sources: SourceReader
  var policy: ReviewPolicy
  /// For standard error: what a user would want to know of the subject.
  var notes: [String] = []
  /// Paths in other tools' reports are made relative to it; `nil` outside a repository.
  var root: String?

  /// - Parameter forge: opens the forge of a pull request.
  static func read(
    _ options: ReviewOptions, _ settings: Settings, forge: ForgeOpener
  ) async throws -> ReviewSubject {
    if let file = options.diff {
      return try await fromDiff(file, options)
    }
    if let reference = try options.pullRequest(settings) {
      let forge = try await PullRequestSubject.open(reference, forge)
      var given = try await PullRequestSubject.read(reference, from: forge)
      try readPolicy(options, base: given.policy, into: &given.subject)
      return given.subject
    }
    return try await fromRepository(options, environment: settings.environment)
  }

  // MARK: A diff in a file

  private static func fromDiff(_ file: String, _ options: ReviewOptions) async throws
    -> ReviewSubject
  {
    let bytes = try InputFile.read(
      file, in: options.folder, limit: limit, what: "--diff", standardInput: true)
    var subject = ReviewSubject(
      diff: bytes, title: file == "-" ? "standard input" : file, sources: { _, _ in nil },
      policy: ReviewPolicy())
    // A diff says nothing trustworthy of its base, so only a policy that the user names holds.
    try readPolicy(options, base: nil, into: &subject)
    return subject
  }

  // MARK: A range of the working folder

  private static func fromRepository(
    _ options: ReviewOptions, environment: [String: String]
  ) async throws -> ReviewSubject {
    do {
      let repository = try await GitRepository(
        at: options.folder ?? FileManager.default.currentDirectoryPath, environment: environment)
      let range = try await repository.range(options.subject)
      let bytes = try await repository.diff(range, limit: limit)
      var subject = ReviewSubject(
        diff: bytes, title: range.title,
        sources: { path, side in
          // A file that cannot be read costs context or the proof of a suggestion, no more.
          (try? await repository.contents(path, at: side == .new ? range.head : range.base)) ?? nil
        }, policy: ReviewPolicy(), root: repository.root)
      let base = try await repository.contents(
        SourcePath(policyFile), at: range.base, limit: .mebibytes(1))
      try readPolicy(options, base: base, into: &subject)
      if case .workingTree = range.head {
        let untracked = try await repository.untrackedFiles(limit: 4)
        if !untracked.isEmpty {
          let names = untracked.prefix(3).map {
            Defanged.forTerminal($0.description, oneLine: true)
          }
          let more = untracked.count > 3 ? ", ..." : ""
          subject.notes.append(
            "Not part of the change, because git does not track them: "
              + names.joined(separator: ", ") + more + ". Run git add to have them reviewed.")
        }
      }
      return subject
    } catch let error as GitError {
      throw failure(error)
    }
  }

  private static func failure(_ error: GitError) -> CommandFailure {
    switch error.code {
    case .noGit, .timedOut, .failed: .failed(error.detail)
    default: .misuse(error.detail)
    }
  }

  // MARK: Policy

  private static func readPolicy(
    _ options: ReviewOptions, base: [UInt8]?, into subject: inout ReviewSubject
  ) throws {
    var text = base
    var name = "\(policyFile) of the base"
    if let file = options.policy {
      text = try InputFile.read(file, in: options.folder, limit: .mebibytes(1), what: "--policy")
      name = file
    }
    if let text {
      do {
        let file = try PolicyReader.read(text, file: name)
        subject.policy = file.review
        subject.notes += file.warnings.map(\.description)
      } catch {
        throw CommandFailure.misuse(
          "The review rules cannot be used; mend them or name others with --policy:\n\(error)")
      }
    }
    if let confidence = options.minConfidence { subject.policy.minConfidence = confidence }
    if let findings = options.maxFindings { subject.policy.maxFindings = findings }
  }
}
