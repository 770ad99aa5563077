public import Domain
public import Foundation

/// Learns from the forge what a policy asks of a pull request.
public struct FactGathering: Sendable {
  /// What Stet's own last review of a head found.
  public struct OwnReview: Sendable {
    public var head: String
    public var findings: [PolicyFacts.Finding]
    /// Percent.
    public var coverage: Int

    public init(head: String, findings: [PolicyFacts.Finding], coverage: Int) {
      self.head = head
      self.findings = findings
      self.coverage = coverage
    }

    public init(head: String, _ review: Review) {
      let hunks = review.coverage.hunks
      self.init(
        head: head,
        findings: review.findings.map { finding in
          let isFromModel = if case .model = finding.source { true } else { false }
          return PolicyFacts.Finding(
            severity: finding.severity, category: finding.category, isFromModel: isFromModel)
        }, coverage: hunks == 0 ? 100 : review.coverage.hunksReviewed * 100 / hunks)
    }
  }

  let forge: any Forge
  let needs: PolicyNeeds
  let countsOwnAsProgram: Bool

  /// - Parameter countsOwnAsProgram: whether the account that asks is Stet's; it is a person's where
  ///   somebody only looks what a policy would do.
  public init(forge: any Forge, needs: PolicyNeeds, countsOwnAsProgram: Bool = true) {
    self.forge = forge
    self.needs = needs
    self.countsOwnAsProgram = countsOwnAsProgram
  }

  public func facts(
    of reference: PullRequestReference, event: PolicyEvent, actor: String? = nil,
    review: OwnReview?, now: Date
  ) async throws(ForgeError) -> PolicyFacts {
    let repository = reference.repository
    let details = try await forge.details(of: reference)
    let pull = details.pullRequest
    let isFromFork =
      pull.headRepository.map {
        $0.description.lowercased() != repository.description.lowercased()
      } ?? true
    var facts = PolicyFacts(
      event: event, repository: "\(repository)", number: reference.number, title: pull.title,
      body: pull.body, author: .init(login: pull.author.login, isBot: pull.author.isBot),
      state: pull.state, isDraft: pull.isDraft, base: pull.baseBranch, head: pull.headBranch,
      baseCommit: pull.base, headCommit: pull.head, createdAt: details.createdAt,
      updatedAt: pull.updatedAt, now: now)
    facts.isFromFork = isFromFork
    facts.labels = pull.labels
    facts.assignees = details.assignees
    facts.requestedReviewers = details.requestedReviewers
    facts.isLocked = details.isLocked
    facts.mergeability = details.mergeability
    // What the forge itself asks for is to be known as well as what the policy does.
    if needs.protection {
      facts.protection = try await forge.protection(of: pull.baseBranch, in: repository)
    }
    let needsOwners = needs.codeOwners || facts.protection?.needsCodeOwners == true
    if needs.files || needsOwners { facts.files = try await forge.changedFiles(of: reference) }
    if needsOwners { facts.codeOwners = try await owners(facts, repository) }
    var people = People(
      forge: forge, repository: repository, teams: needs.teams,
      owners: PolicyPeople(facts.codeOwners ?? []).teams)
    facts.author = try await people.known(
      facts.author, association: details.association, asksPermission: false)
    if let actor {
      facts.actor = try await people.known(
        .init(login: actor, isBot: actor.hasSuffix("[bot]")), asksPermission: false)
    }
    if needs.reviews {
      var reviews = try await forge.statedReviews(of: reference)
      var own: String?
      if countsOwnAsProgram, !reviews.isEmpty {
        own = try await forge.ownAccount().login.lowercased()
      }
      for index in reviews.indices {
        // With a person's token Stet's account looks like a person's; its word is a program's.
        if reviews[index].author.login.lowercased() == own {
          reviews[index].author.isBot = true
        }
        let isOpinion = reviews[index].state == .approved
        reviews[index].author = try await people.known(
          reviews[index].author, asksPermission: isOpinion)
      }
      facts.reviews = reviews
    }
    if needs.threads || facts.protection?.needsResolvedThreads == true {
      facts.unresolvedThreads = try await forge.reviewThreads(of: reference)
        .count { !$0.isResolved }
    }
    if needs.checks { facts.checks = try await forge.allChecks(on: pull.head, in: repository) }
    if needs.behind || facts.protection?.needsUpToDate == true {
      facts.behindBy = try await forge.commitsBehind(
        base: pull.baseBranch, head: pull.head, in: repository)
    }
    if needs.dependencies { facts.dependencies = try await dependencies(pull) }
    if let review, review.head == pull.head {
      facts.findings = review.findings
      facts.coverage = review.coverage
    }
    return facts
  }

  private func owners(
    _ facts: PolicyFacts, _ repository: RepositoryName
  ) async throws(ForgeError) -> [String]? {
    guard let files = facts.files else { return nil }
    for place in CodeOwners.places {
      // Of the base as it is now: a change does not choose who owns it.
      guard let bytes = try await forge.file(place, in: repository, at: facts.base) else {
        continue
      }
      return CodeOwners(String(decoding: bytes, as: UTF8.self))?.owners(of: files.map(\.path))
    }
    return []
  }

  private func dependencies(
    _ pull: PullRequest
  ) async throws(ForgeError) -> [PolicyFacts.Dependency] {
    var found: [PolicyFacts.Dependency] = []
    let own = pull.reference
    for reference in DependencyLines.references(in: pull.body, of: own.repository)
    where "\(reference)".lowercased() != "\(own)".lowercased() {
      var state: PullRequest.State?
      do {
        state = try await forge.pullRequest(reference).state
      } catch {
        // One that cannot be seen may be open.
        guard error.code == .notFound || error.code == .unauthorized else { throw error }
      }
      found.append(.init(reference: "\(reference)", state: state))
    }
    return found
  }
}

/// Asks of each person once.
private struct People {
  let forge: any Forge
  let repository: RepositoryName
  let teams: Set<String>
  /// Teams that own changed files and that the policy does not name.
  let owners: Set<String>
  private var permissions: [String: ForgePermission] = [:]
  private var memberships: [String: [String]?] = [:]

  init(forge: any Forge, repository: RepositoryName, teams: Set<String>, owners: [String]) {
    self.forge = forge
    self.repository = repository
    self.teams = teams
    self.owners = Set(owners).subtracting(teams)
  }

  mutating func known(
    _ person: PolicyFacts.Person, association: PolicyFacts.Association? = nil,
    asksPermission: Bool
  ) async throws(ForgeError) -> PolicyFacts.Person {
    var person = person
    person.association = association
    let key = person.login.lowercased()
    if asksPermission {
      if permissions[key] == nil {
        permissions[key] =
          person.isBot
          ? ForgePermission.none : try await forge.permission(of: person.login, in: repository)
      }
      person.permission = permissions[key]
    }
    if memberships[key] == nil { memberships[key] = try await own(person) }
    person.teams = memberships[key] ?? nil
    return person
  }

  /// - Returns: `nil` where one of the policy's teams cannot be seen. Nobody counts as an owner by a
  /// team that cannot be.
  private func own(_ person: PolicyFacts.Person) async throws(ForgeError) -> [String]? {
    if person.isBot { return [] }
    var own: [String] = []
    for team in teams.sorted() {
      guard let isMember = try await forge.isMember(person.login, ofTeam: team) else { return nil }
      if isMember { own.append(team) }
    }
    for team in owners.sorted() where try await forge.isMember(person.login, ofTeam: team) == true {
      own.append(team)
    }
    return own
  }
}
