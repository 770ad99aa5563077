import ArgumentParser
import Foundation
import Testing

@testable import stet

/// The documentation names everything that there is, and nothing that there is not.
@Suite struct DocumentationTests {
  private static let root = URL(filePath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

  private func page(_ name: String) throws -> String {
    try String(contentsOf: Self.root.appending(path: name), encoding: .utf8)
  }

  @Test func settingsPageFollowsTheTable() throws {
    let rows = try page("docs/settings.md").split(separator: "\n").filter { $0.hasPrefix("| `") }
    let wanted = SettingDefinition.all.map { definition in
      "| `\(definition.name)` | \(definition.defaultValue) | \(definition.meaning) |"
    }
    #expect(rows.map(String.init) == wanted)
  }

  @Test func providersAreNamed() throws {
    let text = try page("docs/settings.md")
    for name in ModelProvider.names { #expect(text.contains("`\(name)`")) }
  }

  private static func commands(
    _ type: any ParsableCommand.Type, _ path: [String]
  ) -> [(name: String, type: any ParsableCommand.Type)] {
    let below = type.configuration.subcommands
    guard !below.isEmpty else { return [(path.joined(separator: " "), type)] }
    return below.flatMap { commands($0, path + [$0.configuration.commandName ?? "?"]) }
  }

  @Test func everyCommandAndOptionHasItsPlace() throws {
    var documented: [String: String] = [:]
    for section in try page("docs/commands.md").components(separatedBy: "\n## ").dropFirst() {
      documented[String(section.prefix { $0 != "\n" })] = section
    }
    let common = try #require(documented["Options of every command"])
    let commands = Self.commands(Stet.self, ["stet"])
    for command in commands {
      let section = try #require(
        documented[command.name], "docs/commands.md has no section '\(command.name)'")
      let options = Self.options(Stet.helpMessage(for: command.type, columns: 200))
      #expect(options.contains("--config"))
      for option in options {
        #expect(
          section.contains("`\(option)") || common.contains("`\(option)"),
          "docs/commands.md does not tell of \(option) at \(command.name)")
      }
    }
    let told = documented.keys.filter { $0.hasPrefix("stet ") }.sorted()
    #expect(told == commands.map(\.name).sorted())
  }

  /// The words of a help text that begin with a dash where options are listed.
  private static func options(_ help: String) -> Set<String> {
    var options: Set<String> = []
    for line in help.split(separator: "\n") where line.hasPrefix("  -") {
      for word in line.split(whereSeparator: { " ,/:)(".contains($0) }) where word.hasPrefix("-") {
        options.insert(String(word))
      }
    }
    return options
  }

  @Test(arguments: [ProgramStatus.done, .findings, .misuse, .failed])
  func exitStatusesAreTold(_ status: ProgramStatus) throws {
    #expect(try page("docs/commands.md").contains("| \(status.rawValue) |"))
  }

  @Test func versionStandsInTheChangelog() throws {
    #expect(try page("CHANGELOG.md").contains("## [\(Version.number)]"))
  }

  @Test(arguments: [
    "help", "setup", "build", "demo", "run", "test", "lint", "bench", "fuzz", "clean",
  ])
  func makeTargetIsInItsHelp(_ target: String) throws {
    let lines = try page("Makefile").split(separator: "\n")
    #expect(lines.contains { $0.hasPrefix("\(target):") && $0.contains("## ") })
  }
}
