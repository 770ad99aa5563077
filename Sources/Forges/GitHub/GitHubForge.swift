public import Domain
import WebClient

/// GitHub, seen from one repository. Everything that lives long is in the `GitHubConnection`.
public struct GitHubForge: Forge {
  let connection: GitHubConnection
  private let repository: RepositoryName
  private let installation: Int64?

  init(_ connection: GitHubConnection, repository: RepositoryName, installation: Int64?) {
    self.connection = connection
    self.repository = repository
    self.installation = installation
  }

  /// A view with a connection of its own, for a command that looks at one repository once.
  public init(
    configuration: GitHubConfiguration, repository: RepositoryName, installation: Int64? = nil
  ) throws(ForgeError) {
    self.init(
      try GitHubConnection(configuration), repository: repository, installation: installation)
  }

  public var name: String { "github" }

  public var capabilities: ForgeCapabilities {
    ForgeCapabilities(
      hasCheckRuns: actsAsApp && connection.grants.mayCreateCheckRuns(in: repository),
      hasReviewThreads: true)
  }

  /// GitHub lets only an App create check runs. The token of an Actions run is an App's as well.
  var actsAsApp: Bool {
    switch connection.configuration.credentials {
    case .app: true
    case .token(let token): token.hasPrefix("ghs_")
    }
  }

  // MARK: Calls

  func access(to repository: RepositoryName) -> GitHubConnection.Access {
    let isOurs = repository.description.lowercased() == self.repository.description.lowercased()
    return .repository(repository, installation: isOurs ? installation : nil)
  }

  /// In the name of whoever reads this repository.
  var ownAccess: GitHubConnection.Access { access(to: repository) }

  func send(_ call: GitHubCall, in repository: RepositoryName) async throws(ForgeError)
    -> GitHubAnswer
  {
    try await connection.send(call, as: access(to: repository))
  }

  func ask<Payload: Decodable & Sendable>(
    _ call: GitHubCall, in repository: RepositoryName, for type: Payload.Type
  ) async throws(ForgeError) -> Payload {
    try GitHubAPI.decode(type, try await send(call, in: repository), of: call)
  }

  /// Items to a page, the most that GitHub gives.
  static let pageSize = 100
  /// No more pages are read of a listing, whatever its links say.
  static let maxPages = 100

  /// Every page of a listing, as its links lead from one to the next.
  func list<Payload: Decodable & Sendable>(
    _ endpoint: Endpoint, _ path: APIPath, in repository: RepositoryName, of type: Payload.Type,
    isConditional: Bool = false, maxPages: Int = GitHubForge.maxPages
  ) async throws(ForgeError) -> [Payload] {
    var call = GitHubCall.get(
      endpoint, path, query: [("per_page", "\(Self.pageSize)")], isConditional: isConditional)
    call.pageSize = Self.pageSize
    // The retries of all pages together are bounded, not those of each.
    call.budget = RetryBudget(attempts: maxPages + connection.configuration.retry.attempts - 1)
    var items: [Payload] = []
    for _ in 0..<maxPages {
      let answer = try await send(call, in: repository)
      items += try GitHubAPI.decode([Payload].self, answer, of: call)
      guard let next = answer.nextLink else { return items }
      call.target = .rest(try target(of: next, call))
    }
    throw ForgeError(
      code: .rejected,
      detail: "GitHub's list of \(call.printable) has more than \(maxPages) pages.")
  }

  /// - Throws: `.malformed` for a link that leads away from the API: the credential stays there.
  func target(of link: String, _ call: GitHubCall) throws(ForgeError) -> String {
    guard link.hasPrefix(connection.apiURL + "/") else {
      throw ForgeError(
        code: .malformed,
        detail: "GitHub's answer to \(call.printable) links to a next page outside its API.")
    }
    return String(link.dropFirst(connection.apiURL.count))
  }
}
