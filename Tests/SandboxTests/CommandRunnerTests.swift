import Domain
import Foundation
import Sandbox
import TestKit
import Testing

@Suite struct CommandRunnerTests {
  private let runner = CommandRunner()

  private func shell(_ script: String) -> Command {
    Command("/bin/sh", ["-c", script], environment: ["PATH": "/usr/bin:/bin"])
  }

  @Test func whatIsPrintedAndTheStatusComeBack() async throws {
    let result = try await runner.run(shell("printf out; printf err >&2; exit 7"))
    #expect(result.status == .exited(7))
    #expect(result.output == Array("out".utf8))
    #expect(result.errorText == "err")
  }

  @Test func theEnvironmentIsExactlyWhatWasListed() async throws {
    let command = Command("/usr/bin/env", environment: ["STET_TEST": "yes"])
    let result = try await runner.run(command)
    #expect(String(decoding: result.output, as: UTF8.self) == "STET_TEST=yes\n")
  }

  @Test func inputIsWrittenWholeWhileOutputIsRead() async throws {
    var command = Command("/bin/cat")
    command.input = [UInt8](repeating: 65, count: 3 << 20)
    let result = try await runner.run(command)
    #expect(result.output == command.input)
  }

  @Test func aProgramThatReadsNothingIsNoFailure() async throws {
    var command = shell("exec <&-; exit 3")
    command.input = [UInt8](repeating: 65, count: 1 << 20)
    #expect(try await runner.run(command).status == .exited(3))
  }

  @Test func aProgramThatHangsIsStoppedAtItsDeadline() async throws {
    var command = shell("sleep 600")
    command.timeout = .milliseconds(100)
    let error = await #expect(throws: CommandError.self) { try await runner.run(command) }
    #expect(error?.code == .timedOut)
  }

  @Test func aProgramThatClosedItsOutputsIsStoppedToo() async throws {
    var command = shell("exec >&- 2>&-; sleep 600")
    command.timeout = .milliseconds(100)
    let error = await #expect(throws: CommandError.self) { try await runner.run(command) }
    #expect(error?.code == .timedOut)
  }

  @Test func tooMuchOutputIsAnErrorAndNotACut() async throws {
    var command = shell("while :; do printf 0123456789; done")
    command.outputLimit = ByteCount(1000)
    let error = await #expect(throws: CommandError.self) { try await runner.run(command) }
    #expect(error?.code == .outputTooLarge)
  }

  @Test func tooMuchOnStandardErrorIsCut() async throws {
    var command = shell("i=0; while [ $i -lt 30000 ]; do echo 0123456789 >&2; i=$((i+1)); done")
    command.errorLimit = ByteCount(100)
    let result = try await runner.run(command)
    #expect(result.succeeded)
    #expect(result.error.count == 100)
  }

  @Test func grandchildrenDoNotOutliveTheProgram() async throws {
    let result = try await runner.run(shell("sleep 600 & echo $!"))
    let text = String(decoding: result.output, as: UTF8.self)
    let process = try #require(Int32(text.trimmingCharacters(in: .whitespacesAndNewlines)))
    #expect(result.succeeded)
    #expect(await ProcessLife.endsSoon(process))
  }

  @Test func cancellingStopsTheProgram() async throws {
    let runner = runner
    let command = shell("sleep 600")
    let task = Task { try await runner.run(command) }
    task.cancel()
    await #expect(throws: (any Error).self) { try await task.value }
  }

  @Test func aProgramThatIsNotThereIsNamed() async throws {
    let error = await #expect(throws: CommandError.self) {
      try await runner.run(Command("stet-no-such-program", environment: ["PATH": "/usr/bin"]))
    }
    #expect(error?.code == .notFound)
    #expect(error?.detail.contains("stet-no-such-program") == true)
  }

  @Test func aProgramIsSoughtInAbsoluteFoldersOnlyAndIsAFile() async throws {
    let folder = FileManager.default.temporaryDirectory.path + "/stet-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: folder) }
    for name in ["first/tool", "checkout/bin"] {
      try FileManager.default.createDirectory(
        atPath: "\(folder)/\(name)", withIntermediateDirectories: true)
    }
    try FileManager.default.createDirectory(
      atPath: "\(folder)/second", withIntermediateDirectories: true)
    for (path, word) in [("checkout/bin/tool", "theirs"), ("second/tool", "ours")] {
      #expect(
        FileManager.default.createFile(
          atPath: "\(folder)/\(path)", contents: Data("#!/bin/sh\necho \(word)\n".utf8),
          attributes: [.posixPermissions: 0o755]))
    }
    var command = Command(
      "tool", environment: ["PATH": "bin:.::\(folder)/first:\(folder)/second:/usr/bin:/bin"],
      workingFolder: folder + "/checkout")
    let result = try await runner.run(command)
    #expect(String(decoding: result.output, as: UTF8.self) == "ours\n")
    command.environment = ["PATH": "bin:."]
    let error = await #expect(throws: CommandError.self) { try await runner.run(command) }
    #expect(error?.code == .notFound)
  }

  @Test func manyProgramsAtOnceKeepTheirAnswersApart() async throws {
    let runner = runner
    try await withThrowingTaskGroup(of: (Int, [UInt8]).self) { group in
      for number in 0..<40 {
        group.addTask {
          let result = try await runner.run(Command("/bin/echo", ["-n", "\(number)"]))
          return (number, result.output)
        }
      }
      for try await (number, output) in group { #expect(output == Array("\(number)".utf8)) }
    }
  }
}
