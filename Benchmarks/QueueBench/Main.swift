import Foundation
import Storage

/// Stet's queue, without what it is for: jobs that do nothing, through the real stores and workers.
/// Every command prints one line of JSON. `Benchmarks/queues.py` runs it beside other queues.
///
///     QueueBench enqueue  --database URL --count N --batch B --seconds S
///     QueueBench produce  --database URL --rate R --seconds S
///     QueueBench work     --database URL --concurrency C [--workers W]
///     QueueBench latency  --database URL --rate R --seconds S --concurrency C [--workers W]
///     QueueBench cycle    --database URL --count N --batch B --concurrency C [--workers W]
///     QueueBench claims   --database URL --finished N [--count N] [--batch B]
///     QueueBench memory   --database URL --count N
///     QueueBench migrate  --database URL
///
/// URL is `postgres://…`, or a path for SQLite. `work` needs the folder BENCH_TALLY: it says there
/// that it is ready, waits for the file `gate`, and counts; SIGTERM ends it.
@main
enum QueueBench {
  static func main() async {
    do {
      var words = Array(CommandLine.arguments.dropFirst())
      guard !words.isEmpty else { throw Misuse("no command; see Benchmarks/QueueBench/Main.swift") }
      let command = words.removeFirst()
      let options = try Options(words)
      let engine = try Engine(options)
      let line = try await engine.signalling {
        switch command {
        case "migrate": return Line().with("schema", try await engine.database.schemaVersion())
        case "enqueue": return try await Enqueueing(engine).run(options)
        case "produce": return try await Enqueueing(engine).produce(options)
        case "work": return try await Working(engine, options).untilStopped()
        case "latency":
          return try await Working(engine, options).whileProducing {
            try await Enqueueing(engine).produce(options)
          }
        case "cycle": return try await Cycle(engine, options).run()
        case "claims": return try await ClaimCost(engine, options).run()
        case "memory": return try await MemoryGrowth(engine, options).run()
        default: throw Misuse("there is no command \(command).")
        }
      }
      print(line.text)
      await engine.database.close()
    } catch {
      FileHandle.standardError.write(Data("QueueBench: \(error)\n".utf8))
      exit(1)
    }
  }
}
