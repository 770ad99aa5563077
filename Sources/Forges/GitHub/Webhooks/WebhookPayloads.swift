import Domain
import Foundation

// What GitHub writes in its webhooks, as far as Stet reads it. Everything may be absent: a payload
// that lacks what an event needs becomes `.other`. Source: GitHub docs, "Webhook events and
// payloads".

/// `user`, `sender`, `owner`.
struct WebhookAccountPayload {
  /// The account that GitHub shows in place of a deleted one.
  static let ghost = ForgeAccount(id: 10137, login: "ghost", isBot: false)

  var account: ForgeAccount

  init?(_ json: RawJSON?) {
    guard let json, let login = json["login"]?.string, !login.isEmpty else { return nil }
    account = ForgeAccount(
      id: json["id"]?.integer ?? 0, login: login,
      isBot: json["type"]?.string?.lowercased() == "bot" || login.lowercased().hasSuffix("[bot]"))
  }
}

/// `repository`, and `repo` of a head or base: `nil` where a fork was deleted.
struct WebhookRepositoryPayload {
  var id: Int64?
  var name: RepositoryName

  init?(_ json: RawJSON?) {
    guard let json, let name = json["full_name"]?.string.flatMap({ RepositoryName($0) }) else {
      return nil
    }
    id = json["id"]?.integer
    self.name = name
  }
}

/// A full commit id, lower-case hex: 40 digits, or 64 in a repository with SHA-256.
struct WebhookCommitPayload {
  var id: String

  init?(_ json: RawJSON?) {
    guard let id = json?.string, id.utf8.count == 40 || id.utf8.count == 64,
      id.utf8.allSatisfy({ JSONScan.isDigit($0) || ($0 >= 0x61 && $0 <= 0x66) })
    else { return nil }
    self.id = id
  }
}

struct WebhookMomentPayload {
  var date: Date

  /// `2019-05-15T15:20:33Z`, the same with a fraction or an offset, or seconds since 1970.
  init?(_ json: RawJSON?) {
    if let seconds = json?.integer {
      date = Date(timeIntervalSince1970: Double(seconds))
      return
    }
    guard let text = json?.string else { return nil }
    let plain = Date.ISO8601FormatStyle()
    guard
      let parsed = (try? plain.parse(text))
        ?? (try? Date.ISO8601FormatStyle(includingFractionalSeconds: true).parse(text))
    else { return nil }
    date = parsed
  }
}

/// `labels`: an array of objects; elsewhere of names.
struct WebhookLabelsPayload {
  var names: [String]

  init(_ json: RawJSON?) {
    names = (json?.elements ?? []).compactMap { $0["name"]?.string ?? $0.string }
  }
}

/// `pull_request`, whole or as the shorter form that comes with reviews.
struct WebhookPullRequestPayload {
  var pullRequest: PullRequest

  init?(_ json: RawJSON?, in repository: RepositoryName) {
    guard let json, let number = WebhookNumberPayload(json["number"])?.number,
      let head = json["head"], let base = json["base"],
      let headCommit = WebhookCommitPayload(head["sha"])?.id,
      let baseCommit = WebhookCommitPayload(base["sha"])?.id
    else { return nil }
    let isMerged = json["merged"]?.bool ?? (json["merged_at"] != nil)
    pullRequest = PullRequest(
      reference: PullRequestReference(repository, number),
      title: json["title"]?.string ?? "", body: json["body"]?.string ?? "",
      state: isMerged ? .merged : json["state"]?.string == "closed" ? .closed : .open,
      isDraft: json["draft"]?.bool ?? false,
      author: WebhookAccountPayload(json["user"])?.account ?? WebhookAccountPayload.ghost,
      head: headCommit, base: baseCommit,
      headBranch: head["ref"]?.string ?? "", baseBranch: base["ref"]?.string ?? "",
      headRepository: WebhookRepositoryPayload(head["repo"])?.name,
      labels: WebhookLabelsPayload(json["labels"]).names,
      commentCount: WebhookCountPayload(json["comments"])?.count,
      reviewCommentCount: WebhookCountPayload(json["review_comments"])?.count,
      changedFiles: WebhookCountPayload(json["changed_files"])?.count,
      url: json["html_url"]?.string ?? "",
      updatedAt: WebhookMomentPayload(json["updated_at"])?.date ?? Date(timeIntervalSince1970: 0))
  }
}

/// The number of a pull request or issue: 1 or more.
struct WebhookNumberPayload {
  var number: Int

  init?(_ json: RawJSON?) {
    guard let number = json?.integer, number > 0 else { return nil }
    self.number = Int(number)
  }
}

struct WebhookCountPayload {
  var count: Int

  init?(_ json: RawJSON?) {
    guard let count = json?.integer, count >= 0 else { return nil }
    self.count = Int(count)
  }
}

/// `issue`, which may be a pull request.
struct WebhookIssuePayload {
  var issue: ForgeIssue

  init?(_ json: RawJSON?, in repository: RepositoryName) {
    guard let json, let number = WebhookNumberPayload(json["number"])?.number else { return nil }
    issue = ForgeIssue(
      reference: PullRequestReference(repository, number),
      title: json["title"]?.string ?? "", body: json["body"]?.string ?? "",
      isOpen: json["state"]?.string != "closed", isPullRequest: json["pull_request"] != nil,
      author: WebhookAccountPayload(json["user"])?.account ?? WebhookAccountPayload.ghost,
      labels: WebhookLabelsPayload(json["labels"]).names, url: json["html_url"]?.string ?? "")
  }
}

/// `comment` of a conversation, of a review, or of a discussion.
struct WebhookCommentPayload {
  var comment: ForgeComment

  init?(_ json: RawJSON?) {
    guard let json, let id = json["id"]?.integer else { return nil }
    comment = ForgeComment(
      id: id, author: WebhookAccountPayload(json["user"])?.account ?? WebhookAccountPayload.ghost,
      body: json["body"]?.string ?? "",
      createdAt: WebhookMomentPayload(json["created_at"])?.date ?? Date(timeIntervalSince1970: 0),
      place: Self.place(json))
  }

  private static func place(_ json: RawJSON) -> ForgeComment.Place? {
    guard let path = json["path"]?.string, !path.isEmpty else { return nil }
    let commit = WebhookCommitPayload(json["commit_id"]) ?? .init(json["original_commit_id"])
    return ForgeComment.Place(
      path: path, side: json["side"]?.string == "LEFT" ? .old : .new,
      line: WebhookNumberPayload(json["line"])?.number, commit: commit?.id ?? "",
      inReplyTo: json["in_reply_to_id"]?.integer, diffHunk: json["diff_hunk"]?.string ?? "")
  }
}

/// `review`.
struct WebhookReviewPayload {
  var review: PostedReview
  var state: String

  init?(_ json: RawJSON?) {
    guard let json, let id = json["id"]?.integer else { return nil }
    review = PostedReview(
      id: id, author: WebhookAccountPayload(json["user"])?.account ?? WebhookAccountPayload.ghost,
      commit: WebhookCommitPayload(json["commit_id"])?.id, body: json["body"]?.string ?? "")
    // REST writes it in capitals.
    state = json["state"]?.string?.lowercased() ?? "commented"
  }
}

/// `check_run`, `check_suite`, `workflow_run`.
struct WebhookCheckPayload {
  var check: ForgeEvent.Check

  /// - Parameter repository: pull requests of other repositories, such as those of a fork, are not
  ///   ours and are left out.
  init?(_ json: RawJSON?, repository: WebhookRepositoryPayload?) {
    guard let json, let commit = WebhookCommitPayload(json["head_sha"])?.id else { return nil }
    let app = json["app"]
    let externalID = json["external_id"]?.string
    check = ForgeEvent.Check(
      name: json["name"]?.string ?? app?["name"]?.string ?? "", commit: commit,
      status: json["status"]?.string ?? "", conclusion: json["conclusion"]?.string,
      pullRequests: (json["pull_requests"]?.elements ?? []).compactMap { request in
        if let base = request["base"]?["repo"]?["id"]?.integer, let own = repository?.id,
          base != own
        {
          return nil
        }
        return WebhookNumberPayload(request["number"])?.number
      },
      appID: app?["id"]?.integer, externalID: externalID == "" ? nil : externalID,
      branches: [(json["check_suite"] ?? json)["head_branch"]?.string].compactMap { $0 })
  }
}

/// The members of a `status` event, which stand at its top.
struct WebhookStatusPayload {
  var check: ForgeEvent.Check

  init?(_ json: RawJSON) {
    guard let commit = WebhookCommitPayload(json["sha"])?.id, let state = json["state"]?.string
    else { return nil }
    let isPending = state == "pending"
    check = ForgeEvent.Check(
      name: json["context"]?.string ?? "", commit: commit,
      status: isPending ? state : "completed", conclusion: isPending ? nil : state,
      pullRequests: [], appID: nil, externalID: nil,
      branches: (json["branches"]?.elements ?? []).compactMap { $0["name"]?.string })
  }
}

/// The members of a `push` event, which stand at its top.
struct WebhookPushPayload {
  var push: ForgeEvent.Push

  init?(_ json: RawJSON) {
    guard let ref = json["ref"]?.string, let before = WebhookCommitPayload(json["before"])?.id,
      let after = WebhookCommitPayload(json["after"])?.id
    else { return nil }
    push = ForgeEvent.Push(ref: ref, before: before, after: after)
  }
}

/// The members of `installation` and `installation_repositories`.
struct WebhookInstallationPayload {
  var installation: ForgeEvent.Installation

  init(_ json: RawJSON, action: String?) {
    func names(_ list: RawJSON?) -> [RepositoryName] {
      (list?.elements ?? []).compactMap { WebhookRepositoryPayload($0)?.name }
    }
    let listed = names(json["repositories"])
    let isGone = action == "deleted"
    installation = ForgeEvent.Installation(
      account: WebhookAccountPayload(json["installation"]?["account"])?.account.login,
      added: names(json["repositories_added"]) + (isGone ? [] : listed),
      removed: names(json["repositories_removed"]) + (isGone ? listed : []))
  }
}
