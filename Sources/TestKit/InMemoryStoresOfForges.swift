public import Domain

/// What was posted, until the process ends, for tests.
public actor InMemoryPublicationStore: PublicationStore {
  private struct Place: Hashable {
    var forge: String
    var repository: String
    var number: Int
  }

  private var publications: [Place: Publication] = [:]
  private let failure: StoreError?

  /// - Parameter failure: thrown by every call, to show how a use case bears a broken store.
  public init(failingWith failure: StoreError? = nil) { self.failure = failure }

  private func place(_ forge: String, _ reference: PullRequestReference) -> Place {
    Place(
      forge: forge, repository: reference.repository.description.lowercased(),
      number: reference.number)
  }

  public func publication(
    on forge: String, of reference: PullRequestReference
  ) async throws(StoreError) -> Publication? {
    if let failure { throw failure }
    return publications[place(forge, reference)]
  }

  public func save(_ publication: Publication) async throws(StoreError) -> Publication {
    if let failure { throw failure }
    let place = place(publication.forge, publication.reference)
    guard publications[place]?.version ?? 0 == publication.version else {
      throw StoreError(code: .conflict, detail: "\(publication.reference) was changed meanwhile.")
    }
    var next = publication
    next.version += 1
    publications[place] = next
    return next
  }
}

/// Answers of forges with their validators, until the process ends, for tests.
public actor InMemoryValidatorStore: ValidatorStore {
  private var answers: [String: ValidatedAnswer] = [:]
  private let forgetful: Bool

  /// - Parameter forgetful: keeps nothing, as a store does whose disk is full.
  public init(forgetful: Bool = false) { self.forgetful = forgetful }

  /// Of what is kept.
  public var keys: [String] { answers.keys.sorted() }

  public func answer(for key: String) async -> ValidatedAnswer? { answers[key] }

  public func store(_ answer: ValidatedAnswer, for key: String) async {
    if !forgetful { answers[key] = answer }
  }
}
