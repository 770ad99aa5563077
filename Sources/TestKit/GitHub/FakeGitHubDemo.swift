public import Domain
import Foundation

extension FakeGitHub {
  /// Files with one thing in them that Stet's built-in rules report, whatever model there is.
  public static let demoBase: [String: [UInt8]] = [
    "app/orders.py": Array(
      """
      import json


      def load(path):
          with open(path) as file:
              return json.load(file)


      def total(orders):
          return sum(order["price"] for order in orders)

      """.utf8),
    "README.md": Array("# Orders\n".utf8),
  ]

  public static let demoHead: [String: [UInt8]] = [
    "app/orders.py": Array(
      """
      import json


      def load(path):
          try:
              with open(path) as file:
                  return json.load(file)
          except:
              return []


      def total(orders, seen=[]):
          seen.append(len(orders))
          return sum(order["price"] for order in orders)

      """.utf8)
  ]

  /// Makes the repository and the pull request that a real webhook names, so that the payload can
  /// be played through: its numbers, commits and people, and a small change of this fake's own.
  /// - Returns: `nil` where the payload names no pull request.
  @discardableResult
  public func seed(webhook payload: [UInt8]) -> PullRequestReference? {
    guard let event = JSONValue(bytes: payload),
      let repository = event["repository"]?["full_name"]?.string.flatMap(RepositoryName.init),
      let pull = event["pull_request"] ?? event["issue"],
      let number = pull["number"]?.integer
    else { return nil }
    for person in [pull["user"], event["sender"], event["repository"]?["owner"]] {
      guard let login = person?["login"]?.string else { continue }
      addAccount(
        login, id: person?["id"]?.integer.map(Int64.init),
        isBot: person?["type"]?.string == "Bot")
    }
    let head = pull["head"]
    let fork = head?["repo"]?["full_name"]?.string.flatMap(RepositoryName.init)
    addRepository(
      repository, id: event["repository"]?["id"]?.integer.map(Int64.init),
      isPrivate: event["repository"]?["private"]?.bool ?? false,
      defaultBranch: pull["base"]?["ref"]?.string ?? "main", files: Self.demoBase,
      commit: pull["base"]?["sha"]?.string)
    let reference = addPullRequest(
      in: repository, number: number, title: pull["title"]?.string ?? "Change",
      body: pull["body"]?.string, author: pull["user"]?["login"]?.string ?? "ada",
      head: Self.demoHead.mapValues { Optional($0) }, headCommit: head?["sha"]?.string,
      headBranch: head?["ref"]?.string ?? "change",
      headRepository: fork == repository ? nil : fork, isDraft: pull["draft"]?.bool ?? false)
    if pull["state"]?.string == "closed" { close(reference) }
    return reference
  }

  /// `octo-org/orders#1` by `ada`.
  @discardableResult
  public func seedDemo() -> PullRequestReference {
    addPullRequest(
      in: RepositoryName(owner: "octo-org", name: "orders"), title: "Do not fail on a bad file",
      base: Self.demoBase, head: Self.demoHead.mapValues { Optional($0) })
  }

  /// Repositories, people and pull requests from a file, of which `sha` (the head) and `diff` (instead
  /// of the true one) may be left out:
  ///
  ///     {"repositories": [{"name": "o/r", "private": false, "files": {"a.py": "text"},
  ///       "permissions": {"ada": "write"},
  ///       "pulls": [{"number": 1, "title": "…", "body": "…", "author": "ada",
  ///         "head": {"a.py": "new text", "gone.py": null}, "sha": "…", "diff": "…", "draft": false}]}]}
  ///
  /// A repository that is known already keeps what it has, and gets these pull requests beside it.
  /// - Returns: what is wrong with it, where something is.
  public func seed(file bytes: [UInt8]) -> String? {
    guard let seed = JSONValue(bytes: bytes), let list = seed["repositories"]?.array else {
      return "The seed is not JSON with a list `repositories`."
    }
    func files(_ value: JSONValue?) -> [String: [UInt8]?] {
      (value?.members ?? [:]).mapValues { $0.string.map { Array($0.utf8) } }
    }
    for entry in list {
      guard let name = entry["name"]?.string.flatMap(RepositoryName.init) else {
        return "A repository has no `name` of the form OWNER/NAME."
      }
      if read({ $0.repositories[name.description.lowercased()] == nil }) {
        addRepository(
          name, isPrivate: entry["private"]?.bool ?? false,
          files: files(entry["files"]).compactMapValues { $0 }, commit: entry["sha"]?.string)
      }
      for (login, role) in entry["permissions"]?.members ?? [:] {
        guard let role = role.string.flatMap(ForgePermission.init) else {
          return "The permission of \(login) in \(name) is not one of none, read, …, admin."
        }
        setPermission(role, of: login, in: name)
      }
      for pull in entry["pulls"]?.array ?? [] {
        addPullRequest(
          in: name, number: pull["number"]?.integer, title: pull["title"]?.string ?? "Change",
          body: pull["body"]?.string, author: pull["author"]?.string ?? "ada",
          head: files(pull["head"]), headCommit: pull["sha"]?.string,
          headBranch: pull["branch"]?.string ?? "change", isDraft: pull["draft"]?.bool ?? false,
          diff: pull["diff"]?.string.map { Array($0.utf8) })
      }
    }
    return nil
  }
}
