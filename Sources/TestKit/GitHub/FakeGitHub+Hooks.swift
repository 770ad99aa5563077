public import Domain
public import Foundation

extension FakeGitHub {
  /// Where GitHub keeps what it sent.
  public enum HookOwner: Sendable {
    case app(Int)
    case repository(RepositoryName, hook: Int)
  }

  /// - Returns: its number.
  @discardableResult
  public func addHook(
    to address: String, in repository: RepositoryName, isActive: Bool = true
  ) -> Int {
    update { world in
      let id = world.newID()
      world.repositories[repository.description.lowercased()]?.hooks.append(
        .init(id: id, address: address, isActive: isActive))
      return id
    }
  }

  /// As if it had been sent. - Parameter status: what it was answered; 0: nobody was there.
  /// - Returns: the number of the attempt.
  @discardableResult
  public func record(
    _ delivery: GitHubDelivery, of owner: HookOwner, status: Int, at: Date? = nil
  ) -> Int {
    update { world in
      let sent = GitHubWorld.Sent(
        id: world.newID(), delivery: delivery, at: at ?? world.now, status: status)
      switch owner {
      case .app(let id): world.apps[id]?.sent.append(sent)
      case .repository(let name, let hook):
        let key = name.description.lowercased()
        if let index = world.repositories[key]?.hooks.firstIndex(where: { $0.id == hook }) {
          world.repositories[key]?.hooks[index].sent.append(sent)
        }
      }
      return sent.id
    }
  }

  /// What was asked for again and not sent yet, oldest first. They are for whoever asks to send, and
  /// stand as arrived from then on.
  public func redelivered(of owner: HookOwner, status: Int = 202) -> [GitHubDelivery] {
    func take(_ sent: inout [GitHubWorld.Sent]) -> [GitHubDelivery] {
      var taken: [GitHubDelivery] = []
      for index in sent.indices where sent[index].isRedelivery && sent[index].status == 0 {
        sent[index].status = status
        taken.append(sent[index].delivery)
      }
      return taken
    }
    return update { world in
      switch owner {
      case .app(let id):
        guard var app = world.apps[id] else { return [] }
        let taken = take(&app.sent)
        world.apps[id] = app
        return taken
      case .repository(let name, let hook):
        let key = name.description.lowercased()
        guard let index = world.repositories[key]?.hooks.firstIndex(where: { $0.id == hook }),
          var found = world.repositories[key]?.hooks[index]
        else { return [] }
        let taken = take(&found.sent)
        world.repositories[key]?.hooks[index] = found
        return taken
      }
    }
  }

  /// Changes when it was opened and when anything happened to it last, and what else a test needs.
  public func setAge(
    of reference: PullRequestReference, created: Date? = nil, updated: Date
  ) {
    update { world in
      let key = reference.repository.description.lowercased()
      if let created { world.repositories[key]?.issues[reference.number]?.createdAt = created }
      world.repositories[key]?.issues[reference.number]?.updatedAt = updated
    }
  }

  public func setMilestone(_ title: String?, of reference: PullRequestReference) {
    update {
      $0.repositories[reference.repository.description.lowercased()]?
        .issues[reference.number]?.milestone = title
    }
  }

  /// Whether an issue or pull request is open, its labels and its comments.
  public func item(
    _ reference: PullRequestReference
  ) -> (isOpen: Bool, reason: String?, labels: [String], comments: [String])? {
    read { world in
      guard
        let repository = world.repositories[reference.repository.description.lowercased()],
        let issue = repository.issues[reference.number]
      else { return nil }
      return (
        issue.isOpen, issue.stateReason, issue.labels,
        repository.comments.filter { $0.number == issue.number }.map(\.body)
      )
    }
  }
}
