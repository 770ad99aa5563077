import Domain
import Foundation
import Synchronization

extension FakeGitHub {
  /// `/_fake/…`: not GitHub's, for scripts. Neither logged nor limited.
  ///
  /// - `GET /_fake/state`: what stands in every repository.
  /// - `GET /_fake/requests?since=N`: what was asked after the N-th, and which request is held.
  /// - `POST /_fake/seed`: more repositories and pull requests, written as for `seed(file:)`.
  /// - `POST /_fake/faults` `{"kind": "hold-before", "method": "POST", "path": "/o/r/", "times": 1}`:
  ///   an injected fault; kinds hold-before, hold-after, reset-before, reset-after, half, html,
  ///   and `answer` with a `status`. `DELETE /_fake/faults` ends them all.
  ///   One of the kind `late` lets such a request wait for `POST /_fake/release`.
  /// - `POST /_fake/hold` `{"before": n}` or `{"after": n}`: holds the n-th request from now.
  func control(_ request: GitHubRequest) -> FaultReply {
    switch (request.method, request.segments.dropFirst().first) {
    case ("GET", "state"): return Self.json(stateJSON)
    case ("GET", "requests"):
      return Self.json(requestsJSON(since: request.query["since"].flatMap { Int($0) } ?? 0))
    case ("POST", "seed"):
      if let problem = seed(file: request.body) {
        return Self.json(object(["message": problem]), status: 422)
      }
      return Self.json(object(["ok": true]))
    case ("POST", "faults"):
      guard let body = JSONValue(bytes: request.body), let kind = Self.fault(body) else {
        return Self.json(object(["message": "no such kind of fault"]), status: 422)
      }
      inject(
        GitHubFault(
          kind, on: body["method"]?.string, body["path"]?.string ?? "",
          times: body["times"]?.integer ?? 1, skipping: body["skipping"]?.integer ?? 0))
      return Self.json(object(["ok": true]))
    case ("DELETE", "faults"):
      clearFaults()
      state.withLock { $0.held = nil }
      return Self.json(object(["ok": true]))
    case ("POST", "hold"):
      let body = JSONValue(bytes: request.body)
      clearFaults()
      state.withLock { $0.held = nil }
      if let number = body?["before"]?.integer {
        inject(GitHubFault(.holdBefore, skipping: max(0, number - 1)))
      } else if let number = body?["after"]?.integer {
        inject(GitHubFault(.holdAfter, skipping: max(0, number - 1)))
      }
      return Self.json(object(["ok": true]))
    case ("POST", "release"):
      release()
      return Self.json(object(["ok": true]))
    default: return .json("{\"message\":\"No such route of the fake\"}", status: 404)
    }
  }

  private static func json(_ value: JSONValue, status: Int = 200) -> FaultReply {
    .json(String(decoding: value.bytes, as: UTF8.self), status: status)
  }

  private static func fault(_ body: JSONValue) -> GitHubFault.Kind? {
    let status = body["status"]?.integer ?? 500
    return switch body["kind"]?.string {
    case "hold-before": .holdBefore
    case "hold-after": .holdAfter
    case "late": .late
    case "reset-before": .resetBefore
    case "reset-after": .resetAfter
    case "half": .half
    case "html": .html(status: status)
    case "answer": .answer(status: status, body: body["body"]?.string ?? "{}")
    default: nil
    }
  }

  private func requestsJSON(since: Int) -> JSONValue {
    state.withLock { state in
      object([
        "count": state.count, "held": state.held, "late": state.late,
        "requests": state.log.drop { $0.number <= since }.map {
          object([
            "number": $0.number, "method": $0.method, "path": $0.path, "status": $0.status,
          ])
        },
      ])
    }
  }

  private var stateJSON: JSONValue {
    read { world in
      .object(
        Dictionary(
          uniqueKeysWithValues: world.repositories.values.map { repository in
            (repository.fullName, Self.state(of: repository, in: world))
          }))
    }
  }

  private static func state(
    of repository: GitHubWorld.Repository, in world: GitHubWorld
  ) -> JSONValue {
    func summary(_ comment: GitHubWorld.Comment) -> JSONValue {
      object(["id": comment.id, "user": comment.login, "body": comment.body])
    }
    let issues = repository.issues.values.sorted { $0.number < $1.number }.map { issue in
      let comments = repository.comments.filter { $0.number == issue.number }
      let reviews = (issue.pull?.reviews ?? []).map { review in
        object([
          "id": review.id, "user": review.login, "state": review.state, "body": review.body,
          "commit_id": review.commit,
        ])
      }
      let reviewComments = (issue.pull?.comments ?? []).map { comment in
        object([
          "id": comment.id, "user": comment.login, "path": comment.path, "line": comment.line,
          "body": comment.body, "review": comment.review, "in_reply_to": comment.root,
          "resolved": issue.pull?.resolved[comment.root ?? comment.id] != nil,
        ])
      }
      return object([
        "number": issue.number, "open": issue.isOpen, "title": issue.title,
        "labels": issue.labels, "head": issue.pull?.head, "base": issue.pull?.base,
        "comments": comments.map(summary), "reviews": reviews,
        "review_comments": reviewComments,
      ])
    }
    let runs = repository.checkRuns.map { run in
      object([
        "id": run.id, "name": run.name, "head_sha": run.head, "status": run.status,
        "conclusion": run.conclusion, "title": run.title,
      ])
    }
    let statuses = repository.statuses.mapValues { list in
      list.map {
        object(["context": $0.context, "state": $0.state, "description": $0.description])
      }.json
    }
    return object(["issues": issues, "check_runs": runs, "statuses": statuses])
  }
}
