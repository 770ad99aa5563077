import Domain
import Foundation
import Sandbox
import Testing

/// A checkout whose own settings name programs: none of them may run. Each test first shows that
/// plain git does run it where that can be shown, so that a canary that is dead from birth is seen.
@Suite struct GitCanaryTests {
  struct Trap: Sendable, CustomTestStringConvertible {
    var key: String
    /// `CANARY` stands for the script that leaves a file behind.
    var value = "CANARY"
    var attributes = ""
    /// A plain git call that falls into the trap.
    var proof: [String] = ["diff", "HEAD"]
    /// git runs it only against a server or a terminal, which a test has not.
    var provable = true
    var testDescription: String { key }
  }

  static let traps: [Trap] = [
    Trap(key: "diff.external"),
    Trap(key: "diff.evil.command", attributes: "* diff=evil"),
    Trap(key: "diff.evil.textconv", attributes: "* diff=evil"),
    Trap(key: "filter.evil.clean", attributes: "* filter=evil"),
    Trap(key: "filter.evil.process", attributes: "* filter=evil"),
    Trap(key: "filter.e=v.i\"l.clean", attributes: "* filter=e=v.i\"l"),
    Trap(key: "filter.evil.smudge", attributes: "* filter=evil", provable: false),
    Trap(key: "core.fsmonitor", proof: ["status"]),
    Trap(key: "core.pager", provable: false),
    Trap(key: "pager.diff", provable: false),
    Trap(key: "core.sshCommand", provable: false),
    Trap(key: "core.gitProxy", provable: false),
    Trap(key: "core.askPass", provable: false),
    Trap(key: "core.editor", provable: false),
    Trap(key: "credential.helper", value: "!CANARY", provable: false),
    Trap(key: "alias.rev-parse", value: "!CANARY", provable: false),
    Trap(key: "alias.diff", value: "!CANARY", provable: false),
    Trap(key: "gpg.program", provable: false),
    Trap(key: "uploadpack.packObjectsHook", provable: false),
    Trap(key: "core.alternateRefsCommand", provable: false),
    Trap(key: "interactive.diffFilter", provable: false),
  ]

  /// Does all that a review does with a repository.
  private func review(_ fixture: GitFixture) async throws {
    let repository = try await fixture.open()
    for written in [nil, "HEAD~1", "HEAD~1..HEAD", "HEAD~1...", "HEAD^!"] as [String?] {
      let range = try await repository.range(written)
      #expect(try await !repository.diff(range).isEmpty)
      _ = try await repository.contents("a.txt", at: range.base)
      _ = try await repository.contents("a.txt", at: range.head)
    }
    _ = try await repository.untrackedFiles()
    _ = try await repository.defaultBranch()
  }

  /// Puts a script beside the repository that leaves `caught` behind when it runs.
  private func canary(
    _ fixture: GitFixture, then: String = "cat"
  ) throws -> (script: String, caught: String) {
    let caught = fixture.folder + "/caught"
    let script = fixture.folder + "/canary"
    try Data("#!/bin/sh\ntouch '\(caught)'\n\(then)\n".utf8).write(to: URL(fileURLWithPath: script))
    try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: script)
    return (script, caught)
  }

  private func prepare(_ fixture: GitFixture) async throws {
    try fixture.write("a.txt", "one\n2\nthree\n")
    try await fixture.commit("second")
    try fixture.write("a.txt", "one\n22\nthree\n")
  }

  private func plainGit(_ fixture: GitFixture, _ arguments: [String]) async throws {
    var command = Command("git", arguments, environment: fixture.environment)
    command.workingFolder = fixture.work
    command.timeout = .seconds(20)
    _ = try await CommandRunner().run(command)
  }

  @Test(arguments: traps) func nothingOfTheRepositorysSettingsRuns(_ trap: Trap) async throws {
    try await GitFixture.with { fixture in
      try await prepare(fixture)
      let (script, caught) = try canary(fixture)
      try await fixture.git(
        "config", trap.key, trap.value.replacingOccurrences(of: "CANARY", with: script))
      let attributes = fixture.work + "/.git/info/attributes"
      try Data((trap.attributes + "\n").utf8).write(to: URL(fileURLWithPath: attributes))

      try await review(fixture)
      #expect(!FileManager.default.fileExists(atPath: caught), "\(trap.key) ran a program")

      if trap.provable {
        try await plainGit(fixture, trap.proof)
        #expect(FileManager.default.fileExists(atPath: caught), "\(trap.key) is a dead canary")
      }
    }
  }

  /// Names that Swift's strings read otherwise than git's bytes. They are refused before any diff.
  @Test(
    arguments: [
      [0xFF], Array("\u{301}x".utf8), Array("x\u{600}".utf8), Array("\u{E9}".utf8),
      Array("e\u{301}".utf8),
    ] as [[UInt8]])
  func aFilterWhoseNameIsNotPlainIsRefused(_ name: [UInt8]) async throws {
    try await GitFixture.with { fixture in
      try await prepare(fixture)
      let (script, caught) = try canary(fixture)
      let settings = fixture.work + "/.git/config"
      var bytes = try Data(contentsOf: URL(fileURLWithPath: settings))
      bytes += Data("[filter \"".utf8) + Data(name) + Data("\"]\n\tclean = \(script)\n".utf8)
      try bytes.write(to: URL(fileURLWithPath: settings))
      try (Data("* filter=".utf8) + Data(name) + Data("\n".utf8))
        .write(to: URL(fileURLWithPath: fixture.work + "/.git/info/attributes"))
      await #expect { try await review(fixture) } throws: { error in
        (error as? GitError)?.code == .notTrusted
      }
      #expect(!FileManager.default.fileExists(atPath: caught))
    }
  }

  @Test func anIncludedFileCannotBringAFilterIn() async throws {
    try await GitFixture.with { fixture in
      try await prepare(fixture)
      let (script, caught) = try canary(fixture)
      try fixture.write(".evil", "[filter \"evil\"]\n\tclean = \(script)\n\trequired = true\n")
      try await fixture.git("config", "include.path", "../.evil")
      try fixture.write(".gitattributes", "* filter=evil\n")
      try await review(fixture)
      #expect(!FileManager.default.fileExists(atPath: caught))
      try await plainGit(fixture, ["diff", "HEAD"])
      #expect(FileManager.default.fileExists(atPath: caught))
    }
  }

  @Test func noHookRuns() async throws {
    try await GitFixture.with { fixture in
      try await prepare(fixture)
      let (script, caught) = try canary(fixture)
      let hooks = fixture.work + "/.git/hooks"
      try FileManager.default.createDirectory(atPath: hooks, withIntermediateDirectories: true)
      for name in ["post-index-change", "reference-transaction", "post-checkout", "pre-commit"] {
        try? FileManager.default.removeItem(atPath: "\(hooks)/\(name)")
        try FileManager.default.copyItem(atPath: script, toPath: "\(hooks)/\(name)")
      }
      try await review(fixture)
      #expect(!FileManager.default.fileExists(atPath: caught))
      try await plainGit(fixture, ["add", "a.txt"])
      #expect(FileManager.default.fileExists(atPath: caught))
    }
  }

  @Test func aSubmodulesSettingsAreNotLookedAt() async throws {
    try await GitFixture.with { fixture in
      try await fixture.git("clone", "-q", ".", "../library")
      try await fixture.git(
        "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", "../library", "lib")
      try await fixture.commit("with a submodule")
      try await prepare(fixture)
      let (script, caught) = try canary(fixture)
      try await fixture.git("config", "core.fsmonitor", script, at: fixture.work + "/lib")
      try await fixture.git("config", "diff.submodule", "diff")
      try fixture.write("lib/a.txt", "changed in the submodule\n")
      try await review(fixture)
      #expect(!FileManager.default.fileExists(atPath: caught))
      try await plainGit(fixture, ["status"])
      #expect(FileManager.default.fileExists(atPath: caught))
    }
  }

  @Test func aMissingObjectIsNotFetched() async throws {
    try await GitFixture.with { fixture in
      try await prepare(fixture)
      let (script, caught) = try canary(fixture, then: "exit 1")
      let blob = try await fixture.git("rev-parse", "HEAD:a.txt")
      for (key, value) in [
        ("core.repositoryFormatVersion", "1"), ("extensions.partialClone", "origin"),
        ("remote.origin.promisor", "true"), ("remote.origin.url", "ext::\(script)"),
        ("protocol.ext.allow", "always"), ("protocol.allow", "always"),
      ] { try await fixture.git("config", key, value) }
      let object = "\(blob.prefix(2))/\(blob.dropFirst(2))"
      try FileManager.default.removeItem(atPath: "\(fixture.work)/.git/objects/\(object)")

      let repository = try await fixture.open()
      let head = try await repository.range("HEAD").base
      _ = try? await repository.contents("a.txt", at: head)
      await #expect(throws: GitError.self) {
        try await repository.diff(try await repository.range("HEAD^!"))
      }
      #expect(!FileManager.default.fileExists(atPath: caught))
      try await plainGit(fixture, ["cat-file", "blob", blob])
      #expect(FileManager.default.fileExists(atPath: caught))
    }
  }

  @Test func aSurroundingGitDoesNotTurnUsElsewhere() async throws {
    try await GitFixture.with { fixture in
      try await fixture.git("clone", "-q", ".", "../other")
      var environment = fixture.environment
      environment["GIT_DIR"] = fixture.folder + "/other/.git"
      environment["GIT_EXTERNAL_DIFF"] = try canary(fixture).script
      let repository = try await GitRepository(at: fixture.work, environment: environment)
      #expect(repository.root.hasSuffix("/work"))
    }
  }

  @Test func linksOutOfTheWorkingTreeAreNotFollowed() async throws {
    try await GitFixture.with { fixture in
      let secret = fixture.folder + "/home/secret"
      try Data("secret".utf8).write(to: URL(fileURLWithPath: secret))
      let files = FileManager.default
      try files.createSymbolicLink(
        atPath: fixture.work + "/link", withDestinationPath: secret)
      try files.createSymbolicLink(
        atPath: fixture.work + "/folder", withDestinationPath: fixture.folder + "/home")
      #expect(mkfifo(fixture.work + "/pipe", 0o600) == 0)
      let repository = try await fixture.open()
      #expect(text(try await repository.contents("link", at: .workingTree)) == secret)
      for path in [
        "folder/secret", "../home/secret", "pipe", ".git/config", "/etc/passwd",
        "./a.txt", "a.txt/", "deep/../a.txt", "a.txt\0", ".GIT/config",
      ] {
        #expect(
          try await repository.contents(SourcePath(path), at: .workingTree) == nil, "\(path)")
      }
    }
  }

  @Test(.enabled(if: getuid() == 0, "only root can give a folder to another user"))
  func aFolderOfAnotherUserIsSaidToBeUntrusted() async throws {
    try await GitFixture.with { fixture in
      try FileManager.default.setAttributes(
        [.ownerAccountID: 65534], ofItemAtPath: fixture.work)
      try FileManager.default.setAttributes(
        [.ownerAccountID: 65534], ofItemAtPath: fixture.work + "/.git")
      let error = await #expect(throws: GitError.self) { try await fixture.open() }
      #expect(error?.code == .notTrusted)
      #expect(error?.detail.contains("safe.directory") == true)
      try await fixture.git("config", "--global", "--add", "safe.directory", "*", at: "/")
      #expect(try await fixture.open().root.hasSuffix("/work"))
    }
  }
}
