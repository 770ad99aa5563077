import Domain
import Foundation
import WebClient

extension GitHubAPI {
  struct InstallationPayload: Decodable { var id: Int64 }

  struct InstallationTokenPayload: Decodable {
    var token: String
    var expiresAt: Date
  }

  struct TokenRequestPayload: Encodable, Sendable {
    var repositories: [String]
    var permissions: [String: String]
  }
}

extension GitHubConnection {
  /// What a job of review needs, and nothing beside it: with the right to show its state by check
  /// runs, else by commit statuses, else not at all. GitHub refuses a token as a whole when the
  /// installation lacks one of its permissions.
  static let permissionSets: [[String: String]] = {
    let needed = [
      "metadata": "read", "contents": "read", "pull_requests": "write", "issues": "write",
    ]
    return ["checks", "statuses"].map { state in
      needed.merging([state: "write"]) { _, new in new }
    } + [needed]
  }()

  /// Asks GitHub for a token of one repository; looks up the installation where it is not known.
  func installationToken(
    for repository: RepositoryName, installation: Int64?
  ) async -> Result<InstallationToken, ForgeError> {
    do throws(ForgeError) {
      var number = installation
      if number == nil { number = try await lookUpInstallation(of: repository) }
      return .success(try await makeToken(for: repository, installation: number ?? 0))
    } catch { return .failure(error) }
  }

  func lookUpInstallation(
    of repository: RepositoryName
  ) async throws(ForgeError) -> Int64 {
    let call = GitHubCall.get(.installation, APIPath(repository, "installation"))
    do {
      return try GitHubAPI.decode(
        GitHubAPI.InstallationPayload.self, try await send(call, as: .app), of: call
      ).id
    } catch {
      guard error.code == .notFound else { throw error }
      throw ForgeError(
        code: .notFound,
        detail: "The GitHub App is not installed on \(repository), or there is no such "
          + "repository: install it there, or choose the repository in its installation.",
        status: error.status)
    }
  }

  private func makeToken(
    for repository: RepositoryName, installation: Int64
  ) async throws(ForgeError) -> InstallationToken {
    let first = grants.permissionSet(of: installation)
    var refusal: ForgeError?
    for (index, permissions) in Self.permissionSets.enumerated().dropFirst(first) {
      do throws(ForgeError) {
        let token = try await makeToken(
          for: repository, installation: installation, permissions: permissions)
        grants.note(permissionSet: index, of: installation)
        return token
      } catch {
        refusal = error
        guard Self.namesPermissions(error) else { break }
      }
    }
    throw explained(
      refusal ?? ForgeError(code: .unauthorized, detail: "GitHub grants no token."), repository)
  }

  static func namesPermissions(_ error: ForgeError) -> Bool {
    error.status == 422 && error.code == .rejected && error.detail.contains("permission")
  }

  func makeToken(
    for repository: RepositoryName, installation: Int64, permissions: [String: String]
  ) async throws(ForgeError) -> InstallationToken {
    var call = try GitHubCall.change(
      .installationToken, "POST", ["app", "installations", "\(installation)", "access_tokens"],
      body: GitHubAPI.TokenRequestPayload(
        repositories: [repository.name], permissions: permissions))
    // A second token does no harm.
    call.mayRepeat = true
    let answer = try await send(call, as: .app)
    let payload = try GitHubAPI.decode(
      GitHubAPI.InstallationTokenPayload.self, answer, of: call)
    // By the server's clock on both sides, so that ours may be wrong.
    let lifetime = payload.expiresAt.timeIntervalSince1970 - serverTime(answer.headers)
    let usable = max(.zero, .seconds(min(lifetime, 86_400)) - InstallationTokens.margin)
    return InstallationToken(
      text: payload.token, installation: installation,
      usableUntil: configuration.time.uptime() + usable)
  }

  func explained(_ error: ForgeError, _ repository: RepositoryName) -> ForgeError {
    var error = error
    switch error.status {
    case 422 where Self.namesPermissions(error):
      let needed = Self.permissionSets[0].sorted { $0.key < $1.key }
        .map { "\($0.key): \($0.value)" }.joined(separator: ", ")
      error.code = .unauthorized
      error.detail =
        "The GitHub App lacks a permission on \(repository). It needs \(needed): grant them in the "
        + "App's settings, then accept them in its installation."
    case 404:
      error.detail =
        "The GitHub App's installation for \(repository) is gone: install the App there again."
    default: break
    }
    return error
  }
}
