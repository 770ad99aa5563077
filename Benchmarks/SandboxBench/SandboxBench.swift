import Domain
import Foundation
import Logging
import Sandbox

/// Times the sandbox from request to result; `Benchmarks/sandbox.py` sets it beside its peers.
///
/// Reads orders from standard input, one a line, and answers each with a line of JSON:
/// `sequential BACKEND COUNT`, `paced BACKEND COUNT` (a moment between two) and
/// `concurrent BACKEND COUNT` with the milliseconds of each run of `pass`, `memory` with the bytes of the warm interpreter, `report` with what keeps runs apart,
/// `sleep BACKEND SECONDS` for a test that kills this program meanwhile.
@main
struct SandboxBench {
  static func main() async {
    var sandboxes: [String: IsolatedSandbox] = [:]
    while let line = readLine() {
      let words = line.split(separator: " ").map(String.init)
      guard let order = words.first else { continue }
      let backend = words.count > 1 ? words[1] : "zygote"
      let sandbox = sandboxes[backend] ?? make(backend)
      sandboxes[backend] = sandbox
      let count = words.count > 2 ? Int(words[2]) ?? 1 : 1
      do {
        switch order {
        case "sequential": answer(try await sequential(sandbox, count))
        case "paced":
          answer(try await sequential(sandbox, count, pause: .milliseconds(40)))
        case "concurrent": answer(try await concurrent(sandbox, count))
        case "memory":
          _ = try await sandbox.run(SandboxTask(.python("pass")))
          answer(await sandbox.residentMemory(of: .python)?.value ?? 0)
        case "sleep":
          let task = SandboxTask(
            .python("import os, time\nif os.fork() == 0: os.setsid()\ntime.sleep(\(count))"),
            limits: SandboxLimits(time: .seconds(count + 10)))
          answer(try await sandbox.run(task).seconds)
        case "report": answer(await sandbox.report())
        default: answer(["error": "\(order) is no order"])
        }
      } catch {
        answer(["error": "\(error)"])
      }
    }
    for sandbox in sandboxes.values { await sandbox.shutDown() }
  }

  private static func make(_ backend: String) -> IsolatedSandbox {
    IsolatedSandbox(
      images: ImageStore(folder: "/nowhere"),
      environment: ["PATH": "/usr/bin:/bin"], mode: SandboxMode(rawValue: backend) ?? .automatic,
      // So that fifty at once are fifty at once.
      bounds: .init(runs: 50), logger: Logger(label: "bench"))
  }

  private static func answer(_ value: some Encodable) {
    let text = (try? JSONEncoder().encode(value)).map { String(decoding: $0, as: UTF8.self) }
    print(text ?? "null")
    fflush(nil)
  }

  private static func timed(_ sandbox: IsolatedSandbox) async throws -> Double {
    let start = ContinuousClock.now
    let result = try await sandbox.run(SandboxTask(.python("pass")))
    let taken = ContinuousClock.now - start
    guard result.succeeded else { throw Failure(description: "\(result.end): \(result.errorText)") }
    return taken / .milliseconds(1)
  }

  private static func sequential(
    _ sandbox: IsolatedSandbox, _ count: Int, pause: Duration = .zero
  ) async throws -> [Double] {
    var taken: [Double] = []
    for _ in 0..<count {
      taken.append(try await timed(sandbox))
      if pause > .zero { try await Task.sleep(for: pause) }
    }
    return taken
  }

  private static func concurrent(_ sandbox: IsolatedSandbox, _ count: Int) async throws -> [Double]
  {
    try await withThrowingTaskGroup(of: Double.self) { group in
      for _ in 0..<count { group.addTask { try await timed(sandbox) } }
      return try await group.reduce(into: []) { $0.append($1) }
    }
  }

  private struct Failure: Error, CustomStringConvertible {
    var description: String
  }
}
