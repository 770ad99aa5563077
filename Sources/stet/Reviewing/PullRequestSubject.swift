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

  /// - Returns: the change, and the `.stet.yml` of its base where there is one.
  static func read(
    _ reference: PullRequestReference, from forge: any Forge
  ) async throws -> (subject: ReviewSubject, policy: [UInt8]?) {
    do {
      let pullRequest = try await forge.pullRequest(reference)
      let diff = try await forge.diff(of: reference)
      let policy = try await forge.file(
        ReviewSubject.policyFile, in: reference.repository, at: pullRequest.base)
      var subject = ReviewSubject(
        diff: diff.bytes, title: "\(reference)",
        sources: { path, side in
          (try? await forge.file(
            path.description, in: reference.repository,
            at: side == .new ? pullRequest.head : pullRequest.base)) ?? nil
        }, policy: ReviewPolicy())
      if !diff.leftOut.isEmpty {
        let names = diff.leftOut.prefix(3).map { Defanged.forTerminal($0, oneLine: true) }
        subject.notes.append(
          "Not part of what the forge gave of the change: " + names.joined(separator: ", ")
            + (diff.leftOut.count > 3 ? " and \(diff.leftOut.count - 3) more." : "."))
      }
      if pullRequest.state != .open {
        subject.notes.append("\(reference) is \(pullRequest.state.rawValue).")
      }
      return (subject, policy)
    } catch let error as ForgeError {
      throw failure(error)
    }
  }

  static func failure(_ error: ForgeError) -> CommandFailure {
    switch error.code {
    case .unauthorized, .notFound: .misuse(error.detail)
    default: .failed(error.detail)
    }
  }
}
