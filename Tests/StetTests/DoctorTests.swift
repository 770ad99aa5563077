import Foundation
import Testing

@testable import stet

@Suite struct DoctorTests {
  @Test func linesKeepTheOrderOfTheChecks() async {
    // The first check ends last: it waits until the second has looked.
    let (looked, tell) = AsyncStream<Void>.makeStream()
    let report = await DoctorReport(of: [
      DoctorCheck("first") {
        for await _ in looked { break }
        return .ok("a")
      },
      DoctorCheck("second") {
        tell.yield()
        return .absent("b", "do c")
      },
    ])
    #expect(report.lines.map(\.part) == ["first", "second"])
    #expect(!report.isBroken)
  }

  @Test func whatIsBrokenFails() async {
    let report = await DoctorReport(of: [
      DoctorCheck("part") { .broken("it\u{1B}[2J is", "mend it") }
    ])
    #expect(report.isBroken)
    let text = report.text(Terminal(environment: ["NO_COLOR": "1"]))
    #expect(text.contains("broken"))
    #expect(text.contains("→ mend it"))
    #expect(!text.contains("\u{1B}"))
  }

  @Test func dataFolderIsMadeForItsOwner() throws {
    let folder = try TemporaryFolder()
    let path = folder.path + "/a/stet"
    #expect(DataFolder(path).look().detail.hasPrefix(path))
    let facts = try FileManager.default.attributesOfItem(atPath: path)
    #expect(facts[.posixPermissions] as? Int == 0o700)
    #expect(try FileManager.default.contentsOfDirectory(atPath: path).isEmpty)
  }

  @Test func dataFolderThatCannotBeMade() throws {
    let folder = try TemporaryFolder()
    let file = try folder.write("", to: "file")
    let found = DataFolder(file + "/stet").look()
    #expect(found.state == .broken)
    #expect(found.advice?.contains("STET_DATA_DIR") == true)
  }

  @Test func programsAreSoughtOnlyUnderAbsoluteFolders() throws {
    let folder = try TemporaryFolder()
    try folder.write("#!/bin/sh\necho tool 1.2\n", to: "bin/tool", mode: 0o700)
    #expect(ProgramProbe(environment: ["PATH": "bin:."]).path(of: "tool") == nil)
    let found = ProgramProbe(environment: ["PATH": "\(folder.path)/bin"]).path(of: "tool")
    #expect(found == "\(folder.path)/bin/tool")
  }

  @Test func programWithoutAVersionIsNotOK() async throws {
    let folder = try TemporaryFolder()
    try folder.write("#!/bin/sh\necho tool 1.2\n", to: "good", mode: 0o700)
    try folder.write("#!/bin/sh\nexit 4\n", to: "bad", mode: 0o700)
    let probe = ProgramProbe(environment: ["PATH": folder.path])
    let good = await probe.look("good", missing: .broken("x", "y"))
    #expect(good == .ok("tool 1.2 (\(folder.path)/good)"))
    #expect(await probe.look("bad", missing: .absent("x", "y")).state == .absent)
    #expect(await probe.look("gone", missing: .broken("x", "y")) == .broken("x", "y"))
  }
}
