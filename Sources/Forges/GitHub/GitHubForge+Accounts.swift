public import Domain

extension GitHubForge {
  /// GitHub forgets the old login when somebody takes another, and tells it of nobody then.
  public func account(login: String) async throws(ForgeError) -> ForgeAccount? {
    let call = GitHubCall.get(.userByLogin, ["users", login], isConditional: true)
    do {
      let answer = try await connection.send(call, as: ownAccess)
      return ForgeAccount(try GitHubAPI.decode(GitHubAPI.AccountPayload.self, answer, of: call))
    } catch {
      if error.code == .notFound { return nil }
      throw error
    }
  }

  public func isPrivate(_ repository: RepositoryName) async throws(ForgeError) -> Bool {
    let call = GitHubCall.get(.repository, APIPath(repository), isConditional: true)
    // One that an Enterprise server shows to all who are signed in is not public either.
    return try await ask(call, in: repository, for: GitHubAPI.RepositoryPrivacyPayload.self)
      .private
  }
}
