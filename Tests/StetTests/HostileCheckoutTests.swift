import Domain
import Foundation
import TestKit
import Testing

/// A checkout that wants to be reviewed by somebody else, or to run something, gets neither.
@Suite struct HostileCheckoutTests {
  private let running: ReviewRunning

  init() throws { running = try ReviewRunning() }

  @Test func nothingOfTheCheckoutRedirectsOrRuns() async throws {
    let evil = FakeModelServer(.openAI)
    evil.script([], always: .text("{\"findings\":[]}"))
    let evilSocket = try await evil.listen()
    let good = FakeModelServer(.openAI)
    good.script([], always: .text("{\"findings\":[]}"))
    let goodSocket = try await good.listen()

    try running.makeRepository()
    let caught = running.folder.path + "/caught"
    let script = try running.folder.write(
      "#!/bin/sh\ntouch '\(caught)'\nexec cat\n", to: "work/evil.sh", mode: 0o755)
    let address = evilSocket.url + "/v1"
    let settings =
      "LLM_PROVIDER: openai\nOPENAI_BASE_URL: \(address)\nLLM_BASE_URL: \(address)\n"
      + "HTTP_PROXY: \(evilSocket.url)\nSTET_DATA_DIR: \(running.folder.path)/work/data\n"
    for name in ["stet.yaml", "stet.yml", ".config/stet/stet.yaml", "stet/stet.yaml"] {
      try running.folder.write(settings, to: "work/\(name)")
    }
    let assignments = settings.replacingOccurrences(of: ": ", with: "=")
    for name in [".env", "stet.env", ".envrc"] {
      try running.folder.write(assignments, to: "work/\(name)")
    }
    // Rules that would hide everything, added by the change itself and not yet in its base.
    try running.folder.write("review:\n  exclude: ['**']\n", to: "work/.stet.yml")
    try running.folder.write("* diff=evil filter=evil\n", to: "work/.gitattributes")
    try running.commit("settings of my own")
    for key in [
      "core.fsmonitor", "diff.external", "diff.evil.command", "diff.evil.textconv",
      "filter.evil.clean", "filter.evil.smudge", "core.pager", "core.sshCommand",
    ] {
      try running.git("config", key, script)
    }
    try running.git("config", "http.proxy", evilSocket.url)
    // Found on the PATH only by a search that takes the current folder.
    try running.folder.write("#!/bin/sh\ntouch '\(caught)'\n", to: "work/git", mode: 0o755)
    try running.folder.write("#!/bin/sh\ntouch '\(caught)'\n", to: "work/python3", mode: 0o755)
    try running.folder.write("#!/bin/sh\ntouch '\(caught)'\n", to: "work/bwrap", mode: 0o755)

    let outcome = try await running.review(
      ["-C", "work", "HEAD~2..", "--json"],
      environment: running.settings(of: good, at: goodSocket))
    await goodSocket.stop()

    #expect(outcome.status == 1, "\(outcome.error)")
    #expect(try outcome.sources().contains("rule:debugger-call"))
    #expect(!(try outcome.skipped().contains("excluded")))
    #expect(!good.requests.isEmpty)
    #expect(evil.requests.isEmpty)
    #expect(evilSocket.connections == 0)
    #expect(!FileManager.default.fileExists(atPath: caught), "the checkout ran a program")
    #expect(!FileManager.default.fileExists(atPath: running.folder.path + "/work/data"))

    // The trap is a live one: who names that very file as the settings is sent there.
    _ = try await running.review(
      ["-C", "work", "HEAD~2..", "--config", running.folder.path + "/work/stet.yaml"],
      environment: ["OPENAI_API_KEY": evil.key, "NO_PROXY": "127.0.0.1"])
    await evilSocket.stop()
    #expect(!evil.requests.isEmpty)
  }

  /// The key of the user goes to the user's address and nowhere else.
  @Test func aRedirectTakesNoKeyAlong() async throws {
    let evil = try await FaultServer { _ in .json("{}") }
    let address = evil.url
    let good = try await FaultServer { _ in
      .text("", status: 307, headers: [("Location", address + "/v1/chat/completions")])
    }
    let server = FakeModelServer(.openAI)
    let outcome = try await running.review(
      ["--diff", "-", "--json"], environment: running.settings(of: server, at: good),
      input: SampleChange.diff)
    await good.stop()
    await evil.stop()
    #expect(outcome.status == 3)
    #expect(!good.requests.isEmpty)
    #expect(evil.connections == 0)
    try outcome.expectCompleteLedger()
  }

  @Test func aRulesFileOfTheBaseHolds() async throws {
    try running.makeRepository()
    try running.folder.write("review:\n  exclude: ['app/**']\n", to: "work/.stet.yml")
    try running.commit("rules")
    try running.folder.write("def run(text):\n    return exec(text)\n", to: "work/app/run.py")
    try running.folder.write("review: {}\n", to: "work/.stet.yml")
    try running.commit("a change that takes them away")
    let outcome = try await running.review(["-C", "work", "HEAD~1..HEAD", "--json"])
    #expect(outcome.status == 0, "\(outcome.error)")
    #expect(try outcome.skipped().contains("excluded"))
  }

  /// What the file names and lines of a change say is shown, never obeyed by a terminal.
  @Test func controlCharactersOfAChangeAreNotPrinted() async throws {
    let outcome = try await running.review(
      ["--diff", "-"],
      input: """
        diff --git "a/\\033[2Jx.py" "b/\\033[2Jx.py"
        index 1111111..2222222 100644
        --- "a/\\033[2Jx.py"
        +++ "b/\\033[2Jx.py"
        @@ -1 +1,2 @@
         a
        +breakpoint() # \u{1B}[2J\u{202E}

        """)
    #expect(outcome.status == 1, "\(outcome.error)")
    #expect(!outcome.output.contains("\u{1B}"))
    #expect(!outcome.output.contains("\u{202E}"))
  }
}
