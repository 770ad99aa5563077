public import Domain

extension GitHubForge {
  public func gitRemote(for repository: RepositoryName) async throws(ForgeError) -> GitRemote {
    GitRemote(
      url: "\(connection.webURL)/\(repository).git",
      token: try await connection.gitToken(for: repository, access(to: repository)))
  }
}

extension GitHubConnection {
  /// Where repositories are for git, without a closing slash.
  ///
  /// What is not named follows from the API's address, so that the credentials of one server are
  /// never shown to another.
  var webURL: String { Self.webURL(configuration.webURL, apiURL: apiURL) }

  /// - Parameters:
  ///   - named: by the settings.
  ///   - apiURL: without a closing slash.
  static func webURL(_ named: String?, apiURL: String) -> String {
    if var url = named {
      while url.hasSuffix("/") { url.removeLast() }
      return url
    }
    if apiURL == GitHubConfiguration.publicAPI { return "https://github.com" }
    for path in ["/api/v3", "/api"] where apiURL.hasSuffix(path) {
      return String(apiURL.dropLast(path.count))
    }
    return apiURL
  }

  /// What git needs to push to one repository; where the App was not granted that, to read it.
  private static let gitPermissions: [[String: String]] = [
    ["metadata": "read", "contents": "write"], ["metadata": "read", "contents": "read"],
  ]

  func gitToken(
    for repository: RepositoryName, _ access: Access
  ) async throws(ForgeError) -> String? {
    if case .token(let token) = configuration.credentials { return token }
    var number: Int64?
    if case .repository(_, let installation) = access { number = installation }
    let (token, _) = try await gitTokens.token(for: repository, installation: number) {
      [self] known in await makeGitToken(for: repository, installation: known)
    }
    return token.text
  }

  private func makeGitToken(
    for repository: RepositoryName, installation: Int64?
  ) async -> Result<InstallationToken, ForgeError> {
    do throws(ForgeError) {
      var number = installation
      if number == nil { number = try await lookUpInstallation(of: repository) }
      var refusal: ForgeError?
      for permissions in Self.gitPermissions {
        do throws(ForgeError) {
          return .success(
            try await makeToken(
              for: repository, installation: number ?? 0, permissions: permissions))
        } catch {
          refusal = error
          guard Self.namesPermissions(error) else { break }
        }
      }
      return .failure(
        explained(
          refusal ?? ForgeError(code: .unauthorized, detail: "GitHub grants no token."),
          repository))
    } catch { return .failure(error) }
  }
}
