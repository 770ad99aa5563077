import Domain

/// One line of `git ls-tree -z`.
struct TreeEntry: Sendable, Hashable {
  var mode: FileMode
  /// `blob`, `tree` or `commit`.
  var type: String
  var object: String
  /// From the tree that was listed, as git stores it. Hostile until it was checked.
  var path: SourcePath

  var isFile: Bool { mode.kind == .file && type == "blob" }
  var isLink: Bool { mode.kind == .symlink && type == "blob" }
  var isFolder: Bool { type == "tree" }

  /// `<mode> SP <type> SP <object> TAB <path> NUL`.
  static func parse(_ output: [UInt8]) throws(WorkspaceError) -> [TreeEntry] {
    var entries: [TreeEntry] = []
    for record in output.split(separator: 0) {
      guard let tab = record.firstIndex(of: 0x09) else { throw malformed }
      let words = record[..<tab].split(separator: 0x20).map { String(decoding: $0, as: UTF8.self) }
      guard words.count == 3, let mode = UInt32(words[0], radix: 8),
        CheckoutGit.isObjectName(words[2])
      else { throw malformed }
      entries.append(
        TreeEntry(
          mode: FileMode(raw: mode), type: words[1], object: words[2],
          path: SourcePath(bytes: Array(record[(tab + 1)...]))))
    }
    return entries
  }

  private static var malformed: WorkspaceError {
    WorkspaceError(code: .failed, detail: "git listed the commit's files in a form not known.")
  }
}

extension SourcePath {
  var parts: [ArraySlice<UInt8>] {
    bytes.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
  }

  /// Whether it names a place beneath a folder by plain steps, none of which any file system or git
  /// could take for a repository's own folder: `.git`, `.GIT`, `git~1`, `.git ` and with letters
  /// that macOS does not see.
  var isSafe: Bool {
    WorkingTree.isInside(self) && bytes.count < 4_000
      && parts.allSatisfy { $0.count < 256 && !Self.looksLikeGit($0) }
  }

  private static func looksLikeGit(_ part: ArraySlice<UInt8>) -> Bool {
    if part.contains(0x5C) { return true }
    // What HFS+ ignores in a name lies in these ranges. Source: git's utf8.c, next_hfs_char.
    let scalars = String(decoding: part, as: UTF8.self).unicodeScalars.filter { scalar in
      !(0x200C...0x200F).contains(scalar.value) && !(0x202A...0x202E).contains(scalar.value)
        && !(0x206A...0x206F).contains(scalar.value) && scalar.value != 0xFEFF
    }
    var name = String(String.UnicodeScalarView(scalars)).lowercased()
    // NTFS drops what follows a colon, and dots and spaces at the end.
    if let colon = name.firstIndex(of: ":") { name = String(name[..<colon]) }
    while let last = name.last, last == "." || last == " " { name.removeLast() }
    return name.isEmpty || name == ".git" || name == "git~1"
  }

  /// Whether it is one of these paths or lies beneath one.
  func isWithin(_ roots: [SourcePath]) -> Bool {
    roots.contains { root in
      var prefix = root.bytes
      while prefix.last == UInt8(ascii: "/") { prefix.removeLast() }
      guard !prefix.isEmpty else { return true }
      return bytes == prefix || bytes.starts(with: prefix + [UInt8(ascii: "/")])
    }
  }

  /// As a file system that does not tell upper from lower case sees it.
  var folded: String { description.lowercased() }
}
