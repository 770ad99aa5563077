public import Domain
public import Foundation

extension GitHubRoute {
  /// Before those of single pull requests, whose number `comments` would be taken for.
  static let historyRoutes: [GitHubRoute] = [
    GitHubRoute("GET", repo: "/pulls/comments", .read("pull_requests")) {
      world, call, repository in
      let query = call.request.query
      var since: Date?
      if let text = query["since"] {
        guard let date = try? Date(text, strategy: .iso8601) else {
          throw GitHubRefusal.invalid("since is no timestamp")
        }
        since = date
      }
      let byUpdate = query["sort"] == "updated"
      // Without an order GitHub gives the newest first.
      let ascends = query["direction"] == "asc"
      func time(_ comment: GitHubWorld.ReviewComment) -> Date {
        byUpdate ? comment.updatedAt : comment.createdAt
      }
      let comments = repository.issues.values.flatMap { $0.pull?.comments ?? [] }
        .filter { comment in since.map { comment.updatedAt >= $0 } ?? true }
        .sorted { a, b in
          (time(a), a.id) < (time(b), b.id)
        }
      return call.page(
        (ascends ? comments : comments.reversed()).map {
          world.json(reviewComment: $0, in: repository)
        }, in: world.root)
    },
    GitHubRoute("GET", "/user/{account_id}") { world, call in
      let id = try call.number("account_id")
      guard let account = world.accounts.values.first(where: { $0.id == id }) else {
        throw GitHubRefusal.notFound
      }
      return .json(world.json(wholeAccount: account.login))
    },
  ]
}

extension FakeGitHub {
  /// A comment that was written long ago, at a hunk that is given as it stood then.
  /// - Returns: its number.
  @discardableResult
  public func addPastComment(
    _ body: String, by login: String, on reference: PullRequestReference, path: String,
    line: Int?, hunk: String, at date: Date, commit: String? = nil, inReplyTo root: Int64? = nil
  ) -> Int64 {
    updatePull(reference) { world, issue, pull, _ in
      world.account(login)
      let head = commit ?? pull.head
      let review = GitHubWorld.Review(
        id: world.newID(), login: login, body: "", state: "COMMENTED", commit: head,
        submittedAt: date)
      var comment = GitHubWorld.ReviewComment(
        id: world.newID(), number: issue.number, review: review.id, login: login, body: body,
        path: path, side: .new, originalPosition: 1, hunk: hunk, commit: head,
        originalCommit: head, createdAt: date, updatedAt: date)
      comment.originalLine = line
      comment.root = root.map { Int($0) }
      pull.reviews.append(review)
      pull.comments.append(comment)
      return Int64(comment.id)
    } ?? 0
  }

  /// Gives an account another login, as people do; its number stays.
  public func rename(_ login: String, to new: String) {
    update { world in
      guard var account = world.accounts.removeValue(forKey: login.lowercased()) else { return }
      account.login = new
      world.accounts[new.lowercased()] = account
      for key in world.repositories.keys {
        if let role = world.repositories[key]?.roles.removeValue(forKey: login.lowercased()) {
          world.repositories[key]?.roles[new.lowercased()] = role
        }
        for number in world.repositories[key]?.issues.keys.map({ $0 }) ?? [] {
          for index in world.repositories[key]?.issues[number]?.pull?.comments.indices ?? 0..<0
          where world.repositories[key]?.issues[number]?.pull?.comments[index].login == login {
            world.repositories[key]?.issues[number]?.pull?.comments[index].login = new
          }
        }
      }
      for (token, kind) in world.tokens {
        if case .user(let name) = kind, name == login { world.tokens[token] = .user(login: new) }
      }
    }
  }
}
