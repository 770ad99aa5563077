import Domain

extension GitRepository {
  /// Resolves what a user wrote, with the meanings of `git diff`:
  ///
  /// | written | compares |
  /// |---|---|
  /// | nothing | the merge base of the default branch and `HEAD`, with the working folder |
  /// | `REV` | that commit with the working folder |
  /// | `A..B`, `A..`, `..B` | two commits; an empty side is `HEAD` |
  /// | `A...B` | the merge base of A and B with B |
  /// | `REV^!`, `REV^-`, `REV^-N` | a commit with its first, or its Nth, parent |
  ///
  /// So uncommitted changes to tracked files are part of a review unless both ends are named.
  public func range(_ text: String? = nil) async throws(GitError) -> GitRange {
    guard let text else { return try await defaultRange() }
    let written = text.trimmed
    guard !written.isEmpty else {
      throw GitError(
        code: .badRange, detail: "the range is empty; write one such as HEAD~3.. or main...HEAD.")
    }
    if let (left, dots, right) = Self.split(written) {
      let (a, b) = (left.isEmpty ? "HEAD" : left, right.isEmpty ? "HEAD" : right)
      // Side by side, since each takes git some milliseconds.
      async let end = attempt(b)
      let from = try await commit(a)
      let to = try await end.get()
      guard dots == 3 else {
        return GitRange(base: .commit(from), head: .commit(to), title: written)
      }
      guard let shared = try await mergeBase(from, to) else {
        throw GitError(
          code: .badRange,
          detail: "\(a) and \(b) have no common ancestor here; write \(a)..\(b) to compare them as "
            + "they are" + (try await shallowHint()) + ".")
      }
      return GitRange(base: .commit(shared), head: .commit(to), title: written)
    }
    if let (revision, parent) = Self.splitParent(written) {
      let head = try await commit(revision)
      let base = try await parentOrNothing(of: revision, number: parent)
      return GitRange(base: .commit(base), head: .commit(head), title: written)
    }
    let base = try await commit(written)
    return GitRange(base: .commit(base), head: .workingTree, title: "\(written) to working tree")
  }

  private func defaultRange() async throws(GitError) -> GitRange {
    guard let head = try await find("HEAD") else {
      throw GitError(
        code: .noCommits,
        detail: "the repository at \(root) has no commits yet; commit something, or name a diff "
          + "with --diff FILE.")
    }
    guard let branch = try await defaultTip(), let shared = try await mergeBase(branch.tip, head)
    else { return GitRange(base: .commit(head), head: .workingTree, title: "uncommitted changes") }
    return GitRange(
      base: .commit(shared), head: .workingTree, title: "\(branch.name)... to working tree")
  }

  /// The branch that changes are merged into: `origin/HEAD` where the clone knows it, else the
  /// first of `origin/` or local `init.defaultBranch`, `main`, `master`, `trunk`.
  public func defaultBranch() async throws(GitError) -> String? {
    try await defaultTip()?.name
  }

  private func defaultTip() async throws(GitError) -> (name: String, tip: String)? {
    var names = ["main", "master", "trunk"]
    if let own = settings["init.defaultbranch"], !names.contains(own), !own.isEmpty {
      names.insert(own, at: 0)
    }
    let remote = "refs/remotes/origin/"
    let wanted = names.map { remote + $0 } + names.map { "refs/heads/" + $0 }
    let listed = try await git.line(
      ["for-each-ref", "--format=%(refname) %(objectname) %(symref)", remote + "HEAD"] + wanted,
      doing: "looking for the default branch")
    var tips: [String: String] = [:]
    var pointed: String?
    for line in listed.split(separator: "\n") {
      let words = line.split(separator: " ").map(String.init)
      guard words.count > 1 else { continue }
      tips[words[0]] = words[1]
      if words[0] == remote + "HEAD", words.count > 2 {
        pointed = words[2]
        tips[words[2]] = words[1]
      }
    }
    guard let reference = pointed ?? wanted.first(where: { tips[$0] != nil }),
      let tip = tips[reference]
    else { return nil }
    for prefix in ["refs/heads/", "refs/remotes/"] where reference.hasPrefix(prefix) {
      return (String(reference.dropFirst(prefix.count)), tip)
    }
    return (reference, tip)
  }

  /// The full object name of a commit, or an error that says what was not found.
  private func commit(_ revision: String) async throws(GitError) -> String {
    if let found = try await find(revision) { return found }
    if revision == "HEAD" {
      throw GitError(
        code: .noCommits, detail: "the repository at \(root) has no commits yet; commit something.")
    }
    throw GitError(
      code: .badRange,
      detail: "git knows no revision '\(GitError.firstLine(revision))' in \(root); write a commit, "
        + "a branch or a range such as HEAD~3.. or main...HEAD" + (try await shallowHint()) + ".")
  }

  private func attempt(_ revision: String) async -> Result<String, GitError> {
    do throws(GitError) { return .success(try await commit(revision)) } catch {
      return .failure(error)
    }
  }

  private func find(_ revision: String) async throws(GitError) -> String? {
    // What begins with a dash would be an option; no revision does.
    guard !revision.hasPrefix("-"), !revision.utf8.contains(0) else { return nil }
    let result = try await git.run(["rev-parse", "--verify", "--quiet", revision + "^{commit}"])
    guard result.succeeded else {
      if result.errorText.contains("dubious ownership") {
        throw GitError(result, doing: "reading \(revision)", folder: root)
      }
      return nil
    }
    return String(decoding: result.output, as: UTF8.self).trimmed
  }

  private func mergeBase(_ a: String, _ b: String) async throws(GitError) -> String? {
    let result = try await git.run(["merge-base", a, b])
    switch result.status {
    case .exited(0): return String(decoding: result.output, as: UTF8.self).trimmed
    case .exited(1): return nil
    default: throw GitError(result, doing: "finding the common ancestor", folder: root)
    }
  }

  /// A first commit is compared with the empty tree.
  private func parentOrNothing(of revision: String, number: Int) async throws(GitError) -> String {
    if let parent = try await find("\(revision)^\(number)") { return parent }
    guard number == 1, try await !isShallow() else {
      throw GitError(
        code: .badRange,
        detail: "\(revision) has no parent number \(number) here" + (try await shallowHint()) + ".")
    }
    return try await git.line(
      ["hash-object", "-t", "tree", "--stdin"], doing: "naming the empty tree")
  }

  private func isShallow() async throws(GitError) -> Bool {
    try await git.line(["rev-parse", "--is-shallow-repository"], doing: "reading its state")
      == "true"
  }

  private func shallowHint() async throws(GitError) -> String {
    try await isShallow() ? " (the clone is shallow: git fetch --unshallow brings the rest)" : ""
  }

  /// Splits at the first `..` or `...` outside braces, where git's `^{/text}` may hold dots.
  static func split(_ text: String) -> (left: String, dots: Int, right: String)? {
    let bytes = Array(text.utf8)
    var depth = 0
    for (index, byte) in bytes.enumerated() {
      switch byte {
      case UInt8(ascii: "{"): depth += 1
      case UInt8(ascii: "}"): depth -= 1
      case UInt8(ascii: ".")
      where depth <= 0 && index + 1 < bytes.count && bytes[index + 1] == byte:
        let dots = index + 2 < bytes.count && bytes[index + 2] == byte ? 3 : 2
        return (
          String(decoding: bytes[..<index], as: UTF8.self), dots,
          String(decoding: bytes[(index + dots)...], as: UTF8.self)
        )
      default: continue
      }
    }
    return nil
  }

  /// `REV^!`, `REV^-` and `REV^-N`.
  static func splitParent(_ text: String) -> (revision: String, parent: Int)? {
    if text.hasSuffix("^!") { return (String(text.dropLast(2)), 1) }
    var head = text[...]
    var digits = ""
    while let last = head.last, last.isASCII, last.isNumber {
      digits = String(last) + digits
      head = head.dropLast()
    }
    guard head.hasSuffix("^-"), let parent = digits.isEmpty ? 1 : Int(digits), parent > 0
    else { return nil }
    return (String(head.dropLast(2)), parent)
  }
}

extension String {
  fileprivate var trimmed: String {
    var text = self[...]
    while let first = text.first, first.isWhitespace { text.removeFirst() }
    while let last = text.last, last.isWhitespace { text.removeLast() }
    return String(text)
  }
}
