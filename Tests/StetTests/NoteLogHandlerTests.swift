import Logging
import Testing

@testable import stet

@Suite struct NoteLogHandlerTests {
  private func line(_ level: Logger.Level, _ metadata: Logger.Metadata?) -> String {
    NoteLogHandler().line(
      LogEvent(
        level: level, message: "the server stopped", metadata: metadata, source: "s", file: "f",
        function: "g", line: 1))
  }

  @Test func linesReadAsOurOwn() {
    #expect(line(.notice, nil) == "stet: the server stopped")
    #expect(
      line(.warning, ["model": "m", "how": "killed"])
        == "stet: warning: the server stopped (how killed, model m)")
  }
}
