import Testing

@testable import Domain

/// Random texts through git itself: what it prints must read, print and apply.
struct GitPropertyTests {
  @Test(arguments: 0..<24)
  func appliesWhatGitPrints(seed: Int) throws {
    var random = SeededNumbers(seed)
    let scratch = try GitScratch()
    try scratch.git("init", "-q")
    for _ in 0..<4 {
      let old = RandomText.text(&random)
      let new = RandomText.edit(old, &random)
      try scratch.write(old, to: "old")
      try scratch.write(new, to: "new")
      let options =
        ["-U\(Int.random(in: 0...5, using: &random))"]
        + ["--minimal", "--patience", "--no-prefix", "--binary", "--full-index", "-a"].filter { _ in
          Bool.random(using: &random)
        }
      let printed = try scratch.git(["diff", "--no-index"] + options + ["old", "new"])
      let diff = try Diff(parsing: printed)
      #expect(diff.printed() == printed)
      guard let file = diff.files.first else {
        #expect(old == new)
        continue
      }
      #expect(
        try file.applied(to: old)
          == PatchedText(
            bytes: new, offsets: file.hunks.map { _ in 0 }), "\(options)")
    }
  }

  /// Many files at once: added, deleted, renamed and changed, against git's own raw listing.
  @Test(arguments: 0..<8)
  func agreesWithGitOnWholeTrees(seed: Int) throws {
    var random = SeededNumbers(1000 + seed)
    let scratch = try GitScratch()
    try scratch.git("init", "-q")
    let names = [
      "a.txt", "dir/b c.txt", "dir/é.txt", "x b/y", "q\"uote", "tab\there", "z", "deep/er/file",
    ]
    var before: [String: [UInt8]] = [:]
    var after: [String: [UInt8]] = [:]
    for name in names where Int.random(in: 0..<4, using: &random) > 0 {
      before[name] = RandomText.text(&random, upTo: 40)
      try scratch.write(before[name] ?? [], to: name)
    }
    try scratch.git("add", "-A")
    try scratch.git("commit", "-qm", "before", "--allow-empty")
    try scratch.git("rm", "-rqf", "--ignore-unmatch", ".")
    let moved = Bool.random(using: &random)
    for name in names where Int.random(in: 0..<5, using: &random) > 0 {
      let target = moved ? "moved/" + name : name
      after[target] = RandomText.edit(before[name] ?? [], &random)
      try scratch.write(after[target] ?? [], to: target)
    }
    try scratch.git("add", "-A")
    try scratch.git("commit", "-qm", "after", "--allow-empty")
    let range = ["HEAD~1", "HEAD"]
    for options in [
      ["-M"], ["-C", "-C"], ["--no-renames", "-U0"], ["-M", "--no-prefix"],
      ["-M", "--src-prefix=from here/", "--dst-prefix=to/"], ["-a", "--binary"],
    ] {
      let printed = try scratch.git(["diff"] + options + range)
      let diff = try Diff(parsing: printed)
      #expect(diff.printed() == printed)
      let raw = try scratch.git(["diff", "--name-status", "-z"] + options + range)
      #expect(
        diff.files.map(Self.nameStatus).joined() == String(decoding: raw, as: UTF8.self),
        "\(options)")
      for file in diff.files where !file.isBinary {
        let old = file.oldPath.flatMap { before[$0.description] } ?? []
        let new = file.newPath.flatMap { after[$0.description] } ?? []
        #expect(try file.applied(to: old).bytes == new, "\(file.path) \(options)")
      }
    }
  }

  private static func nameStatus(_ file: FileDiff) -> String {
    let old = file.oldPath?.description ?? ""
    let new = file.newPath?.description ?? ""
    let percent = String(file.similarity ?? 0)
    let padded = String(repeating: "0", count: 3 - percent.count) + percent
    switch file.status {
    case .added: return "A\0\(new)\0"
    case .deleted: return "D\0\(old)\0"
    case .renamed: return "R\(padded)\0\(old)\0\(new)\0"
    case .copied: return "C\(padded)\0\(old)\0\(new)\0"
    case .modified, .typeChanged: return "M\0\(new)\0"
    }
  }

  /// Everything in one history, as a mail box and as a log.
  @Test(arguments: [
    ["format-patch", "--stdout", "--root", "--binary", "-M"], ["log", "-p", "-M", "--binary"],
    ["show", "--format=fuller"], ["log", "-p", "--reverse", "-U0", "--no-prefix"],
    ["format-patch", "--stdout", "--root", "--attach"],
  ])
  func readsHistories(command: [String]) throws {
    var random = SeededNumbers(7)
    let scratch = try GitScratch()
    try scratch.git("init", "-q")
    for number in 0..<5 {
      try scratch.write(RandomText.text(&random), to: "file \(number % 2)")
      try scratch.write((0..<40).map { UInt8($0 * 3 + number) } + [0], to: "bytes")
      try scratch.write([], to: "empty\(number)")
      try scratch.git("add", "-A")
      try scratch.git("commit", "-qm", "Change \(number)\n\n- a list\n+ of points\n")
    }
    let printed = try scratch.git(command)
    let diff = try Diff(parsing: printed)
    #expect(diff.printed() == printed)
    #expect(diff.files.count == (command[0] == "show" ? 3 : 15))
    #expect(diff.files.count { $0.isBinary } == (command[0] == "show" ? 1 : 5))
  }
}
