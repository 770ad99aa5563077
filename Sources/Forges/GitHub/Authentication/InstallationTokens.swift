import Domain

/// A token of one installation, narrowed to one repository.
struct InstallationToken: Sendable, Equatable {
  var text: String
  var installation: Int64
  /// By the clock that never goes backwards.
  var usableUntil: Duration
}

/// Tokens in memory until shortly before they expire. Callers that come together share one request.
actor InstallationTokens {
  typealias Fetch = @Sendable (Int64?) async -> Result<InstallationToken, ForgeError>
  /// A token is not used in its last minutes: a job may hold on to it for a while.
  static let margin: Duration = .seconds(300)

  private struct Key: Hashable {
    var repository: String
    var installation: Int64?
  }

  private let uptime: @Sendable () -> Duration
  private var tokens: [Key: InstallationToken] = [:]
  private var underWay: [Key: Task<Result<InstallationToken, ForgeError>, Never>] = [:]
  /// Looked up, by repository.
  private var installations: [String: Int64] = [:]

  init(uptime: @escaping @Sendable () -> Duration) { self.uptime = uptime }

  /// - Parameter fetch: asks GitHub, for the installation where it is known.
  /// - Returns: the token, and whether it was at hand before this call.
  func token(
    for repository: RepositoryName, installation: Int64?, fetch: @escaping Fetch
  ) async throws(ForgeError) -> (token: InstallationToken, wasAtHand: Bool) {
    let name = repository.description.lowercased()
    let key = Key(repository: name, installation: installation ?? installations[name])
    if let token = tokens[key], token.usableUntil > uptime() { return (token, true) }
    let task: Task<Result<InstallationToken, ForgeError>, Never>
    if let running = underWay[key] {
      task = running
    } else {
      let known = key.installation
      task = Task { await fetch(known) }
      underWay[key] = task
    }
    let result = await task.value
    if underWay[key] == task {
      underWay[key] = nil
      keep(result, for: key)
    }
    return (try result.get(), false)
  }

  private func keep(_ result: Result<InstallationToken, ForgeError>, for key: Key) {
    let now = uptime()
    tokens = tokens.filter { $0.value.usableUntil > now }
    switch result {
    case .success(let token):
      if key.installation == nil { installations[key.repository] = token.installation }
      tokens[Key(repository: key.repository, installation: token.installation)] = token
    case .failure:
      // The App may have been installed anew under another number.
      installations[key.repository] = nil
    }
  }

  /// Forgets a token that GitHub refused, unless a newer one has taken its place.
  func drop(_ token: InstallationToken) {
    for (key, held) in tokens where held == token { tokens[key] = nil }
  }
}
