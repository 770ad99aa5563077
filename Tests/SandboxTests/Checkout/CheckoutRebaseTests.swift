import Domain
import Sandbox
import TestKit
import Testing
import Foundation

@Suite struct CheckoutRebaseTests {
  static let lines = (1...20).map { "line \($0)\n" }.joined()

  private static func with(_ number: Int, _ text: String, in lines: String = lines) -> String {
    lines.replacingOccurrences(of: "line \(number)\n", with: text)
  }

  @Test(arguments: [nil, ["a.py"]] as [[SourcePath]?])
  func aChangeElsewhereIsKept(_ only: [SourcePath]?) async throws {
    try await CheckoutBench.with(["a.py": Self.lines, "b.py": "b\n"]) { bench async throws in
      try await bench.open(bench.plan(only: only)) { workspace async throws in
        let commit = try await workspace.commit("a.py", Self.with(15, "mended\n"), "Mend 15")
        // Above it, so that the lines have other numbers, and in another file.
        let theirs = try await bench.commit([
          "a.py": Self.with(2, "two\nmore\n"), "b.py": "other\n",
        ])
        let refusal = await workspace.pushRefusal(commit, expecting: workspace.head)
        #expect(refusal?.code == .moved)
        #expect(try await workspace.fetch() == theirs)
        let rebased = try #require(try await workspace.rebase(commit, onto: theirs))
        try await workspace.push(rebased, expecting: theirs)
        #expect(try await bench.tip() == rebased)
        let both = Self.with(2, "two\nmore\n", in: Self.with(15, "mended\n"))
        let text = try await bench.file("a.py")
        #expect(text == both)
        #expect(try await bench.file("b.py") == "other\n")
        let told = try await bench.git.git(
          "show", "-s", "--format=%an %s %P", "change", in: CheckoutBench.repository)
        #expect(told == "Stet Mend 15 \(theirs)")
      }
    }
  }

  enum Clash: CaseIterable, Sendable { case sameLine, deleted, renamedFolder, added, binary, link }

  @Test(arguments: Clash.allCases) func aConflictIsSaid(_ clash: Clash) async throws {
    try await CheckoutBench.with(["a.py": Self.lines, "c": "x\0y\n", "d/e": "e\n"]) {
      bench async throws in
      try await bench.open { workspace async throws in
        var mine: [SourcePath: [UInt8]?] = ["a.py": Array(Self.with(15, "mended\n").utf8)]
        var theirs: [String: GitHTTPServer.File?] = [:]
        switch clash {
        case .sameLine: theirs["a.py"] = .init(Array(Self.with(15, "theirs\n").utf8))
        case .deleted: theirs["a.py"] = .some(nil)
        case .renamedFolder:
          mine = ["d/e": Array("mended\n".utf8)]
          theirs = ["d/e": nil, "d": .init(Array("a file now\n".utf8))]
        case .added:
          mine["new.py"] = Array("mine\n".utf8)
          theirs["new.py"] = .init(Array("theirs\n".utf8))
        case .binary:
          mine = ["c": Array("x\0z\n".utf8)]
          theirs["c"] = .init(Array("w\0y\n".utf8))
        case .link: theirs["a.py"] = .init(Array("c".utf8), .link)
        }
        let commit = try await workspace.commit(mine, message: "M", author: CheckoutBench.author)
        let head = try await bench.git.commit(
          entries: theirs, to: "change", in: CheckoutBench.repository)
        #expect(try await workspace.fetch() == head)
        #expect(try await workspace.rebase(commit, onto: head) == nil)
        #expect(try await bench.tip() == head)
      }
    }
  }

  @Test func whatIsThereAlreadyIsNoCommit() async throws {
    try await CheckoutBench.with(["a.py": Self.lines]) { bench async throws in
      try await bench.open { workspace async throws in
        let commit = try await workspace.commit("a.py", Self.with(15, "mended\n"))
        let head = try await bench.commit(["a.py": Self.with(15, "mended\n")])
        #expect(try await workspace.rebase(commit, onto: head) == nil)
        // On its own parent it is itself.
        #expect(try await workspace.rebase(commit, onto: workspace.head) == commit)
      }
    }
  }

  /// The new head was not fetched before, and the branch has gone on since it was named.
  @Test func aCommitThatWasNotFetchedIs() async throws {
    try await CheckoutBench.with(["a.py": Self.lines]) { bench async throws in
      try await bench.open { workspace async throws in
        let commit = try await workspace.commit("a.py", Self.with(15, "mended\n"))
        let second = try await bench.commit(["b.py": "b\n"])
        let third = try await bench.commit(["c.py": "c\n"])
        let rebased = try #require(try await workspace.rebase(commit, onto: second))
        let refusal = await workspace.pushRefusal(rebased, expecting: second)
        #expect(refusal?.code == .moved)
        let again = try #require(try await workspace.rebase(rebased, onto: third))
        try await workspace.push(again, expecting: third)
        #expect(try await bench.file("a.py") == Self.with(15, "mended\n"))
        #expect(try await bench.file("c.py") == "c\n")
      }
    }
  }
}
