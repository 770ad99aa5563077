import Domain
import Foundation

extension GitHubRoute {
  private static let read = GitHubNeed.read("pull_requests")
  private static let write = GitHubNeed.write("pull_requests")

  static let reviewRoutes: [GitHubRoute] = [
    GitHubRoute("GET", repo: "/pulls/{number}/reviews", read) { world, call, repository in
      let (issue, pull) = try repository.pull(call)
      return call.page(
        pull.reviews.map { world.json(review: $0, of: issue, in: repository) }, in: world.root)
    },
    GitHubRoute("POST", repo: "/pulls/{number}/reviews", write) { world, call, repository in
      try world.addReview(call, repository)
    },
    GitHubRoute("GET", repo: "/pulls/{number}/reviews/{id}", read) { world, call, repository in
      let (issue, pull) = try repository.pull(call)
      let id = try call.number("id")
      guard let review = pull.reviews.first(where: { $0.id == id }) else {
        throw GitHubRefusal.notFound
      }
      return .json(world.json(review: review, of: issue, in: repository))
    },
    GitHubRoute("PUT", repo: "/pulls/{number}/reviews/{id}", write) { world, call, repository in
      let (issue, pull) = try repository.pull(call)
      let id = try call.number("id")
      guard let index = pull.reviews.firstIndex(where: { $0.id == id }) else {
        throw GitHubRefusal.notFound
      }
      var review = pull.reviews[index]
      guard review.login == world.login(of: call.caller) else {
        throw GitHubRefusal.unprocessable("Can not update a review that is not yours")
      }
      review.body = try GitHubWorld.Repository.body(try call.fields(), "PullRequestReview")
      world.repositories[repository.key]?.issues[issue.number]?.pull?.reviews[index] = review
      return .json(world.json(review: review, of: issue, in: repository))
    },
    GitHubRoute("GET", repo: "/pulls/{number}/reviews/{id}/comments", read) {
      world, call, repository in
      let (_, pull) = try repository.pull(call)
      let id = try call.number("id")
      guard pull.reviews.contains(where: { $0.id == id }) else { throw GitHubRefusal.notFound }
      let own = pull.comments.filter { $0.review == id }
      return call.page(
        own.map { world.json(reviewComment: $0, in: repository) }, in: world.root)
    },
    GitHubRoute("GET", repo: "/pulls/{number}/comments", read) { world, call, repository in
      let (_, pull) = try repository.pull(call)
      return call.page(
        pull.comments.map { world.json(reviewComment: $0, in: repository) }, in: world.root)
    },
    GitHubRoute("POST", repo: "/pulls/{number}/comments", write) { world, call, repository in
      let fields = try call.fields()
      if let root = try fields.integer("in_reply_to") {
        return try world.reply(to: root, call, repository)
      }
      return try world.addComment(fields, call, repository)
    },
    GitHubRoute("POST", repo: "/pulls/{number}/comments/{id}/replies", write) {
      world, call, repository in
      try world.reply(to: try call.number("id"), call, repository)
    },
    GitHubRoute("GET", repo: "/pulls/comments/{id}", read) { world, call, repository in
      let (number, index) = try repository.reviewComment(call)
      guard let comment = repository.issues[number]?.pull?.comments[index] else {
        throw GitHubRefusal.notFound
      }
      return .json(world.json(reviewComment: comment, in: repository))
    },
    GitHubRoute("PATCH", repo: "/pulls/comments/{id}", write) { world, call, repository in
      let (number, index) = try repository.reviewComment(call)
      guard var comment = repository.issues[number]?.pull?.comments[index] else {
        throw GitHubRefusal.notFound
      }
      try world.checkAuthor(comment.login, call, repository)
      comment.body = try GitHubWorld.Repository.body(
        try call.fields(), "PullRequestReviewComment")
      comment.updatedAt = world.now
      world.repositories[repository.key]?.issues[number]?.pull?.comments[index] = comment
      return .json(world.json(reviewComment: comment, in: repository))
    },
    GitHubRoute("DELETE", repo: "/pulls/comments/{id}", write) { world, call, repository in
      let (number, index) = try repository.reviewComment(call)
      guard let comment = repository.issues[number]?.pull?.comments[index] else {
        throw GitHubRefusal.notFound
      }
      try world.checkAuthor(comment.login, call, repository)
      world.repositories[repository.key]?.issues[number]?.pull?.comments.remove(at: index)
      return GitHubReply(status: 204)
    },
    GitHubRoute("GET", repo: "/pulls/comments/{id}/reactions", read) { world, call, repository in
      let (number, index) = try repository.reviewComment(call)
      let reactions = repository.issues[number]?.pull?.comments[index].reactions ?? []
      return call.page(reactions.map { world.json(reaction: $0) }, in: world.root)
    },
    GitHubRoute("POST", repo: "/pulls/comments/{id}/reactions", write) { world, call, repository in
      let (number, index) = try repository.reviewComment(call)
      var reactions = repository.issues[number]?.pull?.comments[index].reactions ?? []
      let reply = try world.react(call, &reactions)
      world.repositories[repository.key]?.issues[number]?.pull?.comments[index].reactions =
        reactions
      return reply
    },
  ]
}

extension GitHubWorld.Repository {
  fileprivate func reviewComment(_ call: GitHubCall) throws -> (Int, Int) {
    let id = try call.number("id")
    for (number, issue) in issues {
      if let index = issue.pull?.comments.firstIndex(where: { $0.id == id }) {
        return (number, index)
      }
    }
    throw GitHubRefusal.notFound
  }
}

/// Where a comment is to stand, before it is known whether it can.
private struct Placement {
  var path: String
  var position: Int?
  var line: Int?
  var side: Side
  var startLine: Int?
  var startSide: Side?
  var isOnFile: Bool

  init(_ fields: GitHubFields) throws {
    path = try fields.required("path")
    position = try fields.integer("position")
    line = try fields.integer("line")
    startLine = try fields.integer("start_line")
    _ = try fields.choice("side", of: ["LEFT", "RIGHT"])
    _ = try fields.choice("start_side", of: ["LEFT", "RIGHT"])
    side = Side(gitHub: try fields.string("side")) ?? .new
    startSide = startLine == nil ? nil : Side(gitHub: try fields.string("start_side")) ?? side
    isOnFile = try fields.string("subject_type") == "file"
  }
}

/// Why a placement is refused.
private enum Misplacement: Error {
  case path, line, startLine, order

  /// The sentence of a review's list of errors.
  var sentence: String {
    switch self {
    case .path: "Path could not be resolved"
    case .line: "Line could not be resolved"
    case .startLine: "Start line could not be resolved"
    case .order: "Start line must precede the end line."
    }
  }

  /// The error of a single comment.
  var refusal: GitHubRefusal {
    let resource = "PullRequestReviewComment"
    let thread = "pull_request_review_thread"
    return switch self {
    case .path:
      .field(resource, "\(thread).path", "invalid", "\(thread).path is invalid")
    case .line:
      .field(
        resource, "\(thread).line", "custom", "\(thread).line must be part of the diff")
    case .startLine:
      .field(
        resource, "\(thread).start_line", "custom",
        "\(thread).start_line must be part of the same hunk as the line.")
    case .order:
      .field(
        resource, "\(thread).start_line", "custom",
        "\(thread).start_line must precede the end line.")
    }
  }
}

extension GitHubWorld {
  private func place(
    _ placement: Placement, in changes: [GitHubFileChange], commit: String
  ) throws -> ReviewComment {
    guard let change = changes.first(where: { $0.path == placement.path }) else {
      throw Misplacement.path
    }
    var comment = ReviewComment(
      id: 0, number: 0, review: 0, login: "", body: "", path: placement.path,
      side: placement.side, originalPosition: 1, hunk: "", commit: commit,
      originalCommit: commit, createdAt: now, updatedAt: now)
    if placement.isOnFile {
      comment.isOnFile = true
      return comment
    }
    let index = change.diff.lineIndex()
    if let position = placement.position, placement.line == nil {
      let lines = change.diff.hunks.lazy.flatMap(\.lines)
      guard let line = lines.first(where: { $0.position == position }) else {
        throw Misplacement.line
      }
      comment.side = line.newNumber == nil ? .old : .new
      comment.line = line.newNumber ?? line.oldNumber
    } else {
      comment.line = placement.line
    }
    guard let number = comment.line, let line = index.line(comment.side, number) else {
      throw Misplacement.line
    }
    comment.originalLine = number
    comment.position = line.position
    comment.originalPosition = line.position
    if let start = placement.startLine {
      let startSide = placement.startSide ?? comment.side
      guard startSide != comment.side || start < number else { throw Misplacement.order }
      guard let first = index.line(startSide, start), first.position < line.position,
        Self.hunk(change, at: first.position)?.0 == Self.hunk(change, at: line.position)?.0
      else { throw Misplacement.startLine }
      (comment.startLine, comment.originalStartLine) = (start, start)
      comment.startSide = startSide
    }
    comment.hunk = Self.hunk(change, at: line.position)?.1 ?? ""
    return comment
  }

  /// Which hunk holds the position, and its text down to there.
  private static func hunk(_ change: GitHubFileChange, at position: Int) -> (Int, String)? {
    for (number, hunk) in change.diff.hunks.enumerated() {
      var text =
        "@@ -\(hunk.oldStart),\(hunk.oldCount) +\(hunk.newStart),\(hunk.newCount) @@"
      if !hunk.heading.isEmpty { text += " " + hunk.heading }
      for line in hunk.lines {
        let marker =
          switch line.kind {
          case .added: "+"
          case .removed: "-"
          case .context: " "
          }
        text += "\n" + marker + line.text
        if line.position == position { return (number, text) }
      }
    }
    return nil
  }

  fileprivate mutating func addReview(
    _ call: GitHubCall, _ repository: Repository
  ) throws -> GitHubReply {
    var (issue, pull) = try repository.pull(call)
    try checkUnlocked(issue, call, repository)
    let login = login(of: call.caller)
    let fields = try call.fields()
    let event = try fields.choice("event", of: ["APPROVE", "REQUEST_CHANGES", "COMMENT"])
    let body = try fields.string("body") ?? ""
    let drafts = try fields.array("comments") ?? []
    if login.lowercased() == issue.login.lowercased() {
      if event == "APPROVE" {
        throw GitHubRefusal.unprocessable("Can not approve your own pull request")
      }
      if event == "REQUEST_CHANGES" {
        throw GitHubRefusal.unprocessable("Can not request changes on your own pull request")
      }
    }
    if body.isEmpty, event == "REQUEST_CHANGES" || (event == "COMMENT" && drafts.isEmpty) {
      throw GitHubRefusal.unprocessable("Body can't be blank")
    }
    try Repository.checkLength(body, "PullRequestReview")
    let commit = try fields.string("commit_id") ?? pull.head
    guard ancestors(of: pull.head, in: repository).contains(commit) else {
      throw GitHubRefusal.unprocessable("commit_id is not part of the pull request")
    }
    let states = [
      "APPROVE": "APPROVED", "REQUEST_CHANGES": "CHANGES_REQUESTED", "COMMENT": "COMMENTED",
    ]
    let review = Review(
      id: newID(), login: login, body: body, state: event.flatMap { states[$0] } ?? "PENDING",
      commit: commit, submittedAt: now)
    let changes = changes(of: pull, in: repository, at: commit)
    for draft in drafts {
      let fields = try GitHubFields(draft, place: "properties/comments/items")
      let text = try fields.required("body")
      try Repository.checkLength(text, "PullRequestReviewComment")
      guard !text.allSatisfy(\.isWhitespace) else {
        throw GitHubRefusal.unprocessable("Body can't be blank")
      }
      do {
        var comment = try place(try Placement(fields), in: changes, commit: commit)
        comment.id = newID()
        comment.number = issue.number
        comment.review = review.id
        comment.login = login
        comment.body = text
        pull.comments.append(comment)
      } catch let error as Misplacement {
        throw GitHubRefusal.unprocessable(error.sentence)
      }
    }
    pull.reviews.append(review)
    issue.pull = pull
    issue.updatedAt = now
    repositories[repository.key]?.issues[issue.number] = issue
    return .json(json(review: review, of: issue, in: repository))
  }

  fileprivate mutating func addComment(
    _ fields: GitHubFields, _ call: GitHubCall, _ repository: Repository
  ) throws -> GitHubReply {
    var (issue, pull) = try repository.pull(call)
    try checkUnlocked(issue, call, repository)
    let body = try Repository.body(fields, "PullRequestReviewComment")
    let commit = try fields.required("commit_id")
    guard ancestors(of: pull.head, in: repository).contains(commit) else {
      throw GitHubRefusal.field(
        "PullRequestReviewComment", "commit_id", "custom",
        "commit_id is not part of the pull request")
    }
    do {
      var comment = try place(
        try Placement(fields), in: changes(of: pull, in: repository, at: commit), commit: commit)
      let review = Review(
        id: newID(), login: login(of: call.caller), body: "", state: "COMMENTED", commit: commit,
        submittedAt: now)
      comment.id = newID()
      comment.number = issue.number
      comment.review = review.id
      comment.login = review.login
      comment.body = body
      pull.reviews.append(review)
      pull.comments.append(comment)
      issue.pull = pull
      issue.updatedAt = now
      repositories[repository.key]?.issues[issue.number] = issue
      return .json(json(reviewComment: comment, in: repository), status: 201)
    } catch let error as Misplacement {
      throw error.refusal
    }
  }

  fileprivate mutating func reply(
    to id: Int, _ call: GitHubCall, _ repository: Repository
  ) throws -> GitHubReply {
    var (issue, pull) = try repository.pull(call)
    try checkUnlocked(issue, call, repository)
    // Only the first comment of a thread can be answered.
    guard let first = pull.comments.first(where: { $0.id == id }), first.root == nil else {
      throw GitHubRefusal.notFound
    }
    let review = Review(
      id: newID(), login: login(of: call.caller), body: "", state: "COMMENTED",
      commit: first.commit, submittedAt: now)
    var comment = first
    comment.id = newID()
    comment.body = try Repository.body(try call.fields(), "PullRequestReviewComment")
    comment.login = review.login
    comment.review = review.id
    comment.root = first.id
    comment.reactions = []
    (comment.createdAt, comment.updatedAt) = (now, now)
    pull.reviews.append(review)
    pull.comments.append(comment)
    issue.pull = pull
    issue.updatedAt = now
    repositories[repository.key]?.issues[issue.number] = issue
    return .json(json(reviewComment: comment, in: repository), status: 201)
  }
}
