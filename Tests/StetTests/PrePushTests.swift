import Foundation
import Testing

/// The sample hook, run by a real `git push`.
@Suite struct PrePushTests {
  private let running: ReviewRunning

  init() throws { running = try ReviewRunning() }

  private static let hook = URL(filePath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    .appending(path: "Scripts/pre-push").path

  private func push(_ arguments: String = "origin main", stet: String = ProgramRunning.program)
    throws -> ProgramRunning.Result
  {
    try running.program.shell(
      "cd work && exec git push --quiet \(arguments)", ["bash"],
      environment: [
        "STET": stet, "STET_DATA_DIR": running.data, "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": "/dev/null",
      ])
  }

  private func prepare() throws {
    try running.makeRepository()
    _ = try running.program.shell("git init --quiet --bare remote.git", ["bash"])
    try running.git("remote", "add", "origin", "../remote.git")
    try running.git("push", "--quiet", "origin", "HEAD~1:refs/heads/main")
    _ = try running.program.shell(
      "cp \"$0\" work/.git/hooks/pre-push && chmod +x work/.git/hooks/pre-push", [Self.hook])
  }

  @Test func stopsAtAnError() throws {
    try prepare()
    let stopped = try push()
    #expect(stopped.status != 0)
    #expect(stopped.error.contains("--no-verify"))
    #expect(stopped.output.contains("app/run.py") || stopped.error.contains("app/run.py"))
    #expect(try push("--no-verify origin main").status == 0)
  }

  @Test func letsPassWhatIsClean() throws {
    try prepare()
    try running.folder.write("def run(text):\n    return float(text)\n", to: "work/app/run.py")
    try running.git(
      "-c", "user.name=A", "-c", "user.email=a@example.org", "commit", "--quiet", "--amend",
      "--all", "-m", "second")
    let result = try push()
    #expect(result.status == 0, "\(result.error)")
  }

  @Test func aNewBranchAndADeletedOne() throws {
    try prepare()
    try running.git("push", "--quiet", "--no-verify", "origin", "main")
    #expect(try push("--no-verify origin HEAD:refs/heads/topic2").status == 0)
    let deleted = try push("origin :refs/heads/topic2")
    #expect(deleted.status == 0, "\(deleted.error)")
  }

  @Test func theFirstPushToAnEmptyRemoteIsReviewed() throws {
    try running.makeRepository()
    _ = try running.program.shell("git init --quiet --bare remote.git", ["bash"])
    try running.git("remote", "add", "origin", "../remote.git")
    _ = try running.program.shell(
      "cp \"$0\" work/.git/hooks/pre-push && chmod +x work/.git/hooks/pre-push", [Self.hook])
    let stopped = try push()
    #expect(stopped.status != 0)
    #expect(stopped.error.contains("--no-verify"), "\(stopped.error)")
  }

  @Test func withoutStetThePushGoesOn() throws {
    try prepare()
    let result = try push(stet: "/nowhere/stet")
    #expect(result.status == 0)
    #expect(result.error.contains("nothing was reviewed"))
  }
}
