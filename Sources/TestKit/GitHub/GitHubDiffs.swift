import Crypto
import Domain
import Foundation

/// One file of a change, with the text that GitHub prints for it.
struct GitHubFileChange {
  var diff: FileDiff
  /// As in a `.diff`.
  var bytes: [UInt8]
  var blob: String

  var path: String { diff.path.description }
  var status: String {
    switch diff.status {
    case .added: "added"
    case .deleted: "removed"
    case .renamed: "renamed"
    case .copied: "copied"
    case .modified, .typeChanged: "modified"
    }
  }
  /// The hunks alone, without a closing line feed; `nil` where there are none.
  var patch: String? {
    guard !diff.hunks.isEmpty else { return nil }
    let text = String(decoding: bytes, as: UTF8.self)
    guard let start = text.range(of: "\n@@ ") else { return nil }
    let hunks = text[text.index(after: start.lowerBound)...]
    return hunks.hasSuffix("\n") ? String(hunks.dropLast()) : String(hunks)
  }
}

enum GitHubDiffs {
  static func changes(
    from old: [String: [UInt8]], to new: [String: [UInt8]]
  ) -> [GitHubFileChange] {
    Set(old.keys).union(new.keys).sorted().compactMap { path in
      guard
        let file = FileDiff.comparing(old: old[path], new: new[path], path: SourcePath(path))
      else { return nil }
      let isBinary = (old[path] ?? []).contains(0) || (new[path] ?? []).contains(0)
      return GitHubFileChange(
        diff: file, bytes: printed(file, old: old[path], new: new[path], isBinary: isBinary),
        blob: blob(new[path] ?? old[path] ?? []))
    }
  }

  /// The files of a diff that a test gave as it stands.
  static func changes(parsing bytes: [UInt8]) -> [GitHubFileChange] {
    guard let diff = try? Diff(parsing: bytes) else { return [] }
    return diff.files.map { file in
      let text = Diff(files: [file]).printed()
      return GitHubFileChange(diff: file, bytes: text, blob: blob(text))
    }
  }

  /// With the line of object names that a computed diff lacks.
  private static func printed(
    _ file: FileDiff, old: [UInt8]?, new: [UInt8]?, isBinary: Bool
  ) -> [UInt8] {
    let lines = String(decoding: Diff(files: [file]).printed(), as: UTF8.self)
    let zeros = String(repeating: "0", count: 10)
    let names =
      "\(old.map { blob($0).prefix(10) } ?? zeros[...])"
      + "..\(new.map { blob($0).prefix(10) } ?? zeros[...])"
    let mode = old != nil && new != nil ? " 100644" : ""
    let index = "index \(names)\(mode)\n"
    let parts = lines.range(of: "\n--- ")
    let head = parts.map { lines[...$0.lowerBound] } ?? lines[...]
    if isBinary {
      let from = old == nil ? "/dev/null" : "a/\(file.path)"
      let to = new == nil ? "/dev/null" : "b/\(file.path)"
      return Array("\(head)\(index)Binary files \(from) and \(to) differ\n".utf8)
    }
    guard let parts else { return Array((lines + index).utf8) }
    // Bytes that are not UTF-8 stay as they are: only the head is text.
    let bytes = Diff(files: [file]).printed()
    let headLength = lines[...parts.lowerBound].utf8.count
    return Array(bytes[..<headLength]) + Array(index.utf8) + Array(bytes[headLength...])
  }

  /// The name that git gives the content.
  static func blob(_ bytes: [UInt8]) -> String {
    hex(Insecure.SHA1.hash(data: Array("blob \(bytes.count)\0".utf8) + bytes))
  }

  static func hex(_ bytes: some Sequence<UInt8>) -> String {
    bytes.map { byte in
      let text = String(byte, radix: 16)
      return byte < 16 ? "0" + text : text
    }.joined()
  }
}

extension GitHubWorld {
  /// What a pull request changes at a commit of it, its head where none is named.
  func changes(
    of pull: Pull, in repository: Repository, at head: String? = nil
  ) -> [GitHubFileChange] {
    if let diff = pull.diff { return GitHubDiffs.changes(parsing: diff) }
    let head = head ?? pull.head
    let base = mergeBase(pull.base, head, in: repository) ?? pull.base
    return GitHubDiffs.changes(
      from: repository.commits[base]?.files ?? [:], to: repository.commits[head]?.files ?? [:])
  }

  /// 406 where GitHub finds a diff too large for one answer.
  func checkSize(_ changes: [GitHubFileChange]) throws {
    let lines = changes.reduce(0) { $0 + $1.bytes.count { $0 == UInt8(ascii: "\n") } }
    var refusal = GitHubRefusal(
      status: 406, message: "",
      errors: .array([object(["resource": "PullRequest", "field": "diff", "code": "too_large"])]),
      documentation: "https://docs.github.com/rest/pulls/pulls#list-pull-requests-files")
    if changes.count > maximumDiffFiles {
      refusal.message =
        "Sorry, the diff exceeded the maximum number of files (\(maximumDiffFiles)). Consider using "
        + "'List pull requests files' API or locally cloning the repository instead."
      throw refusal
    }
    if lines > maximumDiffLines {
      refusal.message =
        "Sorry, the diff exceeded the maximum number of lines (\(maximumDiffLines))"
      throw refusal
    }
  }
}
