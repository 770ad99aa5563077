import Domain
import UseCases

/// A pull request as a user names it: `OWNER/REPO#N`, or the address of its page.
enum PullRequestSubject {
  /// - Parameter webURL: where the forge's pages are.
  /// - Returns: `nil` for what is no pull request, such as a git range.
  /// - Throws: where it is an address, but not one of a pull request there.
  static func reference(
    _ text: String, webURL: String
  ) throws(CommandFailure) -> PullRequestReference? {
    guard let address = WebAddress.parts(text) else { return PullRequestReference(text) }
    guard let own = WebAddress.parts(webURL), own.host == address.host else {
      throw .misuse(
        "\(text) is not a pull request of \(webURL); set GITHUB_WEB_URL and GITHUB_API_URL for "
          + "another server.")
    }
    let path = text.dropFirst(webURL.count).prefix { $0 != "?" && $0 != "#" }
      .split(separator: "/")
    guard path.count >= 4, path[2] == "pull", let number = Int(path[3]), number > 0,
      let repository = RepositoryName("\(path[0])/\(path[1])")
    else {
      throw .misuse("\(text) is no pull request; its address is like \(webURL)/OWNER/REPO/pull/1.")
    }
    return PullRequestReference(repository, number)
  }

  static func open(
    _ reference: PullRequestReference, _ opener: ForgeOpener
  ) async throws -> any Forge {
    do {
      return try await opener(ForgeAccess(forge: "github", repository: reference.repository))
    } catch {
      throw failure(error)
    }
  }

  /// The change, and the `.stet.yml` of its base where there is one.
  struct Given: Sendable {
    var subject: ReviewSubject
    var policy: [UInt8]?
  }

  static func read(
    _ reference: PullRequestReference, from forge: any Forge
  ) async throws(CommandFailure) -> Given {
    let pullRequest: PullRequest
    let diff: ForgeDiff
    let policy: [UInt8]?
    do throws(ForgeError) {
      pullRequest = try await forge.pullRequest(reference)
      diff = try await forge.diff(of: reference)
      policy = try await forge.file(
        ReviewSubject.policyFile, in: reference.repository, at: pullRequest.base)
    } catch {
      throw failure(error)
    }
    var subject = ReviewSubject(
      diff: diff.bytes, title: "\(reference)",
      sources: sources(of: pullRequest, from: forge), policy: ReviewPolicy())
    if !diff.leftOut.isEmpty {
      let names = diff.leftOut.prefix(3).map { Defanged.forTerminal($0, oneLine: true) }
      subject.notes.append(
        "Not part of what the forge gave of the change: " + names.joined(separator: ", ")
          + (diff.leftOut.count > 3 ? " and \(diff.leftOut.count - 3) more." : "."))
    }
    if pullRequest.state != .open {
      subject.notes.append("\(reference) is \(pullRequest.state.rawValue).")
    }
    return Given(subject: subject, policy: policy)
  }

  private static func sources(
    of pullRequest: PullRequest, from forge: any Forge
  ) -> SourceReader {
    { path, side in
      do throws(ForgeError) {
        return try await forge.file(
          path.description, in: pullRequest.reference.repository,
          at: side == .new ? pullRequest.head : pullRequest.base)
      } catch {
        // A file that cannot be read costs context or the proof of a suggestion, no more.
        return nil
      }
    }
  }

  static func failure(_ error: ForgeError) -> CommandFailure {
    switch error.code {
    case .notFound:
      .misuse("\(error.detail) It is not there, or these credentials may not see it.")
    case .unauthorized: .misuse(error.detail)
    default: .failed(error.detail)
    }
  }
}
