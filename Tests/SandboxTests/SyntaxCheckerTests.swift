import Domain
import Foundation
import Testing

@testable import Sandbox

private let environment = ProcessInfo.processInfo.environment
private let checker = BubblewrapSyntaxChecker(environment: environment)
private let isolates = IsolationTrait.works

/// Asked once and without our own code, because a trait needs its answer before the tests begin.
private enum IsolationTrait {
  static let works: Bool = {
    guard let bubblewrap = Isolation.find("bwrap", path: environment["PATH"]) else { return false }
    let process = Process()
    process.executableURL = URL(fileURLWithPath: bubblewrap)
    process.arguments = ["--unshare-all", "--ro-bind", "/", "/", "/bin/true"]
    process.standardError = FileHandle.nullDevice
    guard (try? process.run()) != nil else { return false }
    process.waitUntilExit()
    return process.terminationStatus == 0
  }()
}

private func python(_ text: String) async -> SyntaxVerdict {
  await checker.check(Array(text.utf8), language: .python, path: "a.py")
}

private func isBroken(_ verdict: SyntaxVerdict) -> Bool {
  if case .broken = verdict { true } else { false }
}

@Suite(.enabled(if: isolates, "bubblewrap does not work on this machine"))
struct PythonSyntaxTests {
  @Test(arguments: [
    "", "x = 1\n", "def f():\n    return 1\n", "# -*- coding: latin-1 -*-\nx = 'a'\n",
    "\u{FEFF}x = 1\n", "x = 1\r\nif x:\r\n    pass\r\n", "# -*- coding: utf-8 -*-\nä = 'ö'\n",
    "match x:\n    case 1: pass\n", "async def f():\n    await g()\n",
  ]) func whatParsesParses(_ text: String) async {
    #expect(await python(text) == .parses)
  }

  @Test(arguments: [
    ("x = (\n", 1), ("def f():\nreturn 1\n", 2), ("x = 1\n\nreturn 1\n", 3),
    ("if x:\n\ty\n        z\n", 3), ("a = 1\nb = 'open\n", 2), ("# coding: no-such-code\n", 0),
  ]) func whatIsBrokenIsSaidWithItsLine(_ text: String, _ line: Int) async {
    guard case .broken(let found, let message) = await python(text) else {
      Issue.record("it should be broken: \(text)")
      return
    }
    #expect(!message.isEmpty)
    if line > 0 { #expect(found == line) }
  }

  @Test func bytesThatAreNotTextAreBroken() async {
    for bytes: [UInt8] in [[0xFF, 0xFE, 0x78], [0x78, 0x3D, 0], [0xC3, 0x28]] {
      #expect(isBroken(await checker.check(bytes, language: .python, path: "a.py")))
    }
  }

  struct Bomb: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var text: String
    /// Some interpreters take the text and some run out of stack; both are answers.
    var mayParse = false
  }

  static let bombs = [
    Bomb(testDescription: "parentheses", text: String(repeating: "(", count: 200_000)),
    Bomb(testDescription: "brackets", text: String(repeating: "[", count: 1_000_000)),
    Bomb(
      testDescription: "signs", text: String(repeating: "-", count: 500_000) + "1", mayParse: true),
    Bomb(
      testDescription: "lambdas", text: String(repeating: "lambda:", count: 100_000) + "1",
      mayParse: true),
    Bomb(
      testDescription: "attributes", text: "x = " + String(repeating: "a.", count: 200_000) + "b",
      mayParse: true),
    Bomb(
      testDescription: "digits", text: "x = 9" + String(repeating: "9", count: 900_000),
      mayParse: true),
    Bomb(
      testDescription: "sums", text: "x = (" + String(repeating: "1+", count: 300_000) + "1)",
      mayParse: true),
    Bomb(testDescription: "blocks", text: String(repeating: "if x:\n ", count: 300)),
    Bomb(
      testDescription: "powers", text: "x = " + String(repeating: "9**", count: 30) + "9",
      mayParse: true),
    Bomb(testDescription: "repeats", text: "x = 'a' * 10**10", mayParse: true),
  ]

  @Test(arguments: bombs) func aBombHarmsNeitherUsNorTheNextText(_ bomb: Bomb) async {
    let verdict = await python(bomb.text)
    if !bomb.mayParse { #expect(verdict != .parses) }
    #expect(await python("x = 1") == .parses)
    #expect(isBroken(await python("x = (")))
  }

  @Test func harmfulTextIsOnlyParsed() async {
    let mark = FileManager.default.temporaryDirectory.path + "/stet-mark-\(UUID().uuidString)"
    let text = """
      import os, sys
      open('\(mark)', 'w').write('ran')
      os.system('touch \(mark)')
      os._exit(0)
      """
    #expect(await python(text) == .parses)
    #expect(await python(text + "\n(") != .parses)
    #expect(!FileManager.default.fileExists(atPath: mark))
  }

  @Test func manyTextsAtOnceKeepTheirVerdictsApart() async {
    await withTaskGroup(of: Bool.self) { group in
      for number in 0..<100 {
        group.addTask {
          let broken = number % 3 == 0
          let bomb = number % 7 == 1
          let text = bomb ? String(repeating: "(", count: 100_000) : broken ? "x = (" : "x = 1"
          let verdict = await python(text)
          return bomb ? verdict != .parses : isBroken(verdict) == broken
        }
      }
      for await right in group { #expect(right) }
    }
  }

  @Test func aTextOverTheLimitIsUnknown() async {
    let text = [UInt8](repeating: 35, count: BubblewrapSyntaxChecker.largestText.value + 1)
    #expect(await checker.check(text, language: .python, path: "a.py") == .unknown)
  }

  @Test func aLanguageWithoutAParserIsUnknown() async {
    #expect(await checker.check([], language: .cpp, path: "a.cpp") == .unknown)
  }
}

@Suite(
  .enabled(if: isolates, "bubblewrap does not work on this machine"),
  .enabled(if: checker.parsers[.swift] != nil, "no Swift toolchain on the PATH"))
struct SwiftSyntaxTests {
  private func swift(_ text: String) async -> SyntaxVerdict {
    await checker.check(Array(text.utf8), language: .swift, path: "a.swift")
  }

  @Test func swiftIsParsedAndNothingMore() async {
    #expect(await swift("import Nowhere\nlet x: Missing = y\n") == .parses)
    #expect(
      await swift("let a = 1\nfunc f( {\n")
        == .broken(line: 2, message: "expected parameter name followed by ':'"))
    #expect(await swift("") == .parses)
  }

  @Test func aBombNeverParses() async {
    #expect(await swift(String(repeating: "(", count: 100_000)) != .parses)
    #expect(await swift("let x = 1\n") == .parses)
  }
}

@Suite struct IsolationTests {
  @Test func withoutBubblewrapNothingIsStarted() async {
    let bare = BubblewrapSyntaxChecker(environment: ["PATH": "/nowhere"])
    #expect(await bare.check(Array("x = 1".utf8), language: .python, path: "a.py") == .unknown)
    let report = await Isolation(environment: ["PATH": "/nowhere"]).probe()
    #expect(!report.works)
    #expect(report.sentence.contains("apt install bubblewrap"))
  }

  @Test func aBubblewrapThatFailsMeansUnknownAndASentence() async throws {
    let folder = FileManager.default.temporaryDirectory.path + "/stet-bwrap-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try Data("#!/bin/sh\necho 'bwrap: setting up uid map: Permission denied' >&2\nexit 1\n".utf8)
      .write(to: URL(fileURLWithPath: folder + "/bwrap"))
    try FileManager.default.setAttributes(
      [.posixPermissions: 0o755], ofItemAtPath: folder + "/bwrap")
    let failing = BubblewrapSyntaxChecker(environment: ["PATH": folder])
    #expect(await failing.check(Array("x = 1".utf8), language: .python, path: "a.py") == .unknown)
    let report = await Isolation(environment: ["PATH": folder]).probe()
    #expect(!report.works)
    #expect(report.sentence.contains("Permission denied"))
  }

  @Test func aRelativeFolderOfThePathIsNeverSearched() {
    #expect(Isolation.find("sh", path: ".:bin:../bin") == nil)
    #expect(Isolation.find("sh", path: ".:/bin") == "/bin/sh")
  }

  @Test(.enabled(if: isolates, "bubblewrap does not work on this machine"))
  func theProbeSaysThatItWorks() async {
    let report = await Isolation(environment: environment).probe()
    #expect(report.works)
    #expect(report.version?.first?.isNumber == true)
  }

  @Test(.enabled(if: isolates, "bubblewrap does not work on this machine"))
  func theInsideSeesNothingOfThisMachine() async throws {
    let script = """
      ls -A /tmp | wc -l; env | grep -vE '^(PATH|LC_ALL|PWD|_|SHLVL|OLDPWD)=' | wc -l
      cat /etc/passwd /etc/shadow 2>/dev/null | wc -l; ls /home /root /var 2>/dev/null | wc -l
      touch /usr/x /x 2>/dev/null && echo wrote; cat /proc/net/dev 2>/dev/null | wc -l
      """
    let command = try #require(
      Isolation(environment: environment).command(
        ["/bin/sh", "-c", script], timeout: .seconds(10)))
    let result = try await CommandRunner().run(command)
    let lines = String(decoding: result.output, as: UTF8.self).split(whereSeparator: \.isWhitespace)
    #expect(lines.dropLast().allSatisfy { $0 == "0" } && lines.count == 5, "\(lines)")
  }

  @Test(.enabled(if: isolates, "bubblewrap does not work on this machine"))
  func anEndlessProgramInsideIsStopped() async throws {
    let command = try #require(
      Isolation(environment: environment).command(
        ["/bin/sh", "-c", "while :; do :; done"], timeout: .milliseconds(200)))
    let error = await #expect(throws: CommandError.self) { try await CommandRunner().run(command) }
    #expect(error?.code == .timedOut)
  }
}
