import Domain
import Foundation
import TestKit
import Testing

/// `stet review` as a user runs it: the built program, in a folder of its own, with no setting that
/// a test did not give.
struct ReviewRunning {
  let program: ProgramRunning
  var folder: TemporaryFolder { program.folder }
  var data: String { folder.path + "/data" }

  init() throws { program = try ProgramRunning() }

  func review(
    _ arguments: [String], environment: [String: String] = [:], input: String = "",
    output: String? = nil
  ) async throws -> ReviewOutcome {
    try await start(arguments, environment: environment, input: input, output: output).outcome()
  }

  /// - Parameter output: where standard output goes; a file of this folder by default.
  func start(
    _ arguments: [String], environment: [String: String] = [:], input: String = "",
    output: String? = nil
  ) throws -> StartedReview {
    let path = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin"
    let own = ["HOME": folder.path + "/home", "PATH": path, "STET_DATA_DIR": data]
    let process = Process()
    process.executableURL = URL(filePath: ProgramRunning.program)
    process.arguments = ["review"] + arguments
    process.environment = own.merging(environment) { $1 }
    process.currentDirectoryURL = URL(filePath: folder.path)
    // Files rather than pipes: they take any amount while nobody reads.
    let out = try output ?? folder.write("", to: "stdout-\(UUID().uuidString)")
    let err = try folder.write("", to: "stderr-\(UUID().uuidString)")
    process.standardOutput = FileHandle(forWritingAtPath: out)
    process.standardError = FileHandle(forWritingAtPath: err)
    process.standardInput = FileHandle(forReadingAtPath: try folder.write(input, to: "stdin"))
    return try StartedReview(process, output: output == nil ? out : nil, error: err)
  }

  /// The settings by which a fake server is asked as if it were a vendor's.
  func settings(of server: FakeModelServer, at socket: FaultServer) -> [String: String] {
    [
      "LLM_PROVIDER": "openai", "OPENAI_BASE_URL": socket.url + "/v1",
      "OPENAI_API_KEY": server.key, "LLM_MODEL": server.model,
    ]
  }

  /// Reviews `SampleChange.diff` with a model that always says this.
  func review(
    byModel reply: FakeModelServer.Reply, arguments: [String] = []
  ) async throws -> (outcome: ReviewOutcome, asked: Int) {
    let server = FakeModelServer(.openAI)
    server.script([], always: reply)
    let socket = try await server.listen()
    let file = try folder.write(SampleChange.diff, to: "change.diff")
    let outcome = try await review(
      ["--diff", file, "--json"] + arguments, environment: settings(of: server, at: socket))
    await socket.stop()
    return (outcome, server.asked.count)
  }

  /// A repository in the folder `work` whose last commit is `SampleChange`.
  func makeRepository() throws {
    let old = SampleChange.old
    try folder.write(old.run, to: "work/app/run.py")
    try folder.write(old.sum, to: "work/app/sum.py")
    try git("init", "--quiet", "--initial-branch=main")
    try commit("first")
    try folder.write(SampleChange.new.run, to: "work/app/run.py")
    try folder.write(SampleChange.new.sum, to: "work/app/sum.py")
    try commit("second")
  }

  func commit(_ message: String) throws {
    try git("add", "--all")
    try git(
      "-c", "user.name=A", "-c", "user.email=a@example.org", "commit", "--quiet", "-m", message)
  }

  @discardableResult
  func git(_ arguments: String...) throws -> String {
    let result = try program.shell(
      "cd work && exec git \"$@\"", ["bash"] + arguments,
      environment: ["GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": "/dev/null"])
    try #require(result.status == 0, "\(result.error)")
    return result.output
  }
}

/// A review that is under way.
final class StartedReview {
  let process: Process
  private let ended: AsyncStream<Void>
  private let output: String?
  private let error: String

  init(_ process: Process, output: String?, error: String) throws {
    self.process = process
    self.output = output
    self.error = error
    let (ended, end) = AsyncStream<Void>.makeStream()
    self.ended = ended
    process.terminationHandler = { _ in end.finish() }
    try process.run()
    // The program has its own. A `Process` outlives its end, and what it holds every later child
    // of the tests would inherit: with a thousand of them no PostgreSQL starts.
    for stream in [process.standardInput, process.standardOutput, process.standardError] {
      if let file = stream as? FileHandle, file !== FileHandle.nullDevice { try file.close() }
    }
  }

  /// Waits without holding a thread, since the servers of a test need one.
  func outcome() async throws -> ReviewOutcome {
    for await _ in ended {}
    return ReviewOutcome(
      status: process.terminationStatus, wasKilled: process.terminationReason == .uncaughtSignal,
      output: try output.map { try String(contentsOfFile: $0, encoding: .utf8) } ?? "",
      error: try String(contentsOfFile: error, encoding: .utf8))
  }
}

struct ReviewOutcome {
  /// The exit status, or the signal where one ended the program.
  var status: Int32
  var wasKilled: Bool
  var output: String
  var error: String

  func json() throws -> JSONValue {
    try JSONDecoder().decode(JSONValue.self, from: Data(output.utf8))
  }

  func findings() throws -> [JSONValue] {
    try #require(try json()["findings"]?.array, "\(error)")
  }

  func sources() throws -> [String] { try findings().compactMap { $0["source"]?.string } }

  func dropped() throws -> [String] {
    try #require(try json()["dropped"]?.array).compactMap { $0["reason"]?.string }
  }

  func skipped() throws -> [String] {
    try #require(try json()["coverage"]?["skipped"]?.array).compactMap { $0["reason"]?.string }
  }

  /// Every hunk of the change was reviewed or stands in the ledger, itself or by its file.
  /// - Parameter hunks: how many the change has in each file.
  func expectCompleteLedger(
    _ hunks: [String: Int] = SampleChange.hunks, _ place: SourceLocation = #_sourceLocation
  ) throws {
    let coverage = try #require(try json()["coverage"])
    let total = hunks.values.reduce(0, +)
    #expect(coverage["files"]?.integer == hunks.count, sourceLocation: place)
    #expect(coverage["hunks"]?.integer == total, sourceLocation: place)
    var missed = 0
    for part in try #require(coverage["skipped"]?.array) {
      #expect(part["reason"]?.string?.isEmpty == false, sourceLocation: place)
      let path = part["path"]?.string ?? ""
      #expect(hunks[path] != nil, "\(path) is not in the change", sourceLocation: place)
      missed += part["hunk"]?.integer == nil ? hunks[path] ?? 0 : 1
    }
    #expect(
      (coverage["hunks_reviewed"]?.integer ?? -1) + missed == total, sourceLocation: place)
  }
}

/// A change of two files in which the built-in rules find an error and a warning.
enum SampleChange {
  static let old = (
    run: "def run(text):\n    return int(text)\n",
    sum: "def sum(items):\n    total = 0\n    for item in items:\n        total += item\n"
  )
  static let new = (
    run: "def run(text):\n    breakpoint()\n    return eval(text)\n",
    sum: "def sum(items):\n    total = 0\n    for item in items:\n        total = item\n"
  )
  static let hunks = ["app/run.py": 1, "app/sum.py": 1]

  static let diff = """
    diff --git a/app/run.py b/app/run.py
    index 1111111..2222222 100644
    --- a/app/run.py
    +++ b/app/run.py
    @@ -1,2 +1,3 @@
     def run(text):
    -    return int(text)
    +    breakpoint()
    +    return eval(text)
    diff --git a/app/sum.py b/app/sum.py
    index 1111111..2222222 100644
    --- a/app/sum.py
    +++ b/app/sum.py
    @@ -1,4 +1,4 @@
     def sum(items):
         total = 0
         for item in items:
    -        total += item
    +        total = item

    """

  /// What only the rules need to see, with nothing above a warning.
  static let warning = diff.replacingOccurrences(of: "breakpoint()", with: "text = text.strip()")
  static let clean = warning.replacingOccurrences(of: "eval(text)", with: "float(text)")
}

/// What a model may say of a `SampleChange`.
enum Said {
  static func findings(_ findings: String...) -> String {
    "{\"findings\":[\(findings.joined(separator: ","))]}"
  }

  /// - Parameters:
  ///   - line: the id of a line as the prompt prints it, in JSON.
  ///   - replacement: in JSON.
  static func finding(
    path: String = "app/sum.py", line: String, quote: String, message: String = "The sum is lost.",
    replacement: String = "null"
  ) -> String {
    """
    {"path":"\(path)","line":"\(line)","end_line":null,"quote":"\(quote)","severity":"error",\
    "category":"bug","message":"\(message)","confidence":0.99,"replacement":\(replacement)}
    """
  }
}
