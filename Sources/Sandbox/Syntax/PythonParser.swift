import Domain

/// Compiles Python texts, each in a fork of one isolated interpreter, and runs none of them.
///
/// Compiling says more than building the tree alone: a `return` outside a function is found too.
struct PythonParser: SyntaxParser {
  let interpreter: String
  private let isolation: Isolation
  private let runner = CommandRunner()

  init?(_ isolation: Isolation) {
    // Not from the PATH: its first Python may be a shim, or the checkout's own environment.
    let known = ["/usr/bin/python3", "/usr/local/bin/python3"]
    guard let found = known.first(where: { Isolation.find($0.lastName, path: $0.folder) != nil })
    else { return nil }
    interpreter = found
    self.isolation = isolation
  }

  func parse(_ texts: [[UInt8]]) async -> [SyntaxVerdict]? {
    var input: [UInt8] = []
    for text in texts {
      input += Array("\(text.count)\n".utf8)
      input += text
    }
    let command = isolation.command(
      [interpreter, "-I", "-S", "-W", "ignore", "-c", Self.program], input: input,
      timeout: .seconds(8 + 6 * texts.count))
    guard let command, let result = try? await runner.run(command), result.succeeded else {
      return nil
    }
    return result.output.split(separator: UInt8(ascii: "\n"))
      .map { Self.verdict(String(decoding: $0, as: UTF8.self)) }
  }

  /// `P`, `U`, or `B LINE MESSAGE` with line 0 where there is none.
  private static func verdict(_ line: String) -> SyntaxVerdict {
    let words = line.split(separator: " ", maxSplits: 2)
    switch words.first {
    case "P": return .parses
    case "B" where words.count == 3:
      let number = Int(words[1]) ?? 0
      return .broken(line: number > 0 ? number : nil, message: String(words[2]))
    default: return .unknown
    }
  }

  /// Our own program; the texts reach it as data on standard input. A fork for each text means that
  /// one which exhausts the parser's memory, stack or time has no effect on the next.
  private static let program = #"""
    import os, resource, sys

    def limit(what, most):
        resource.setrlimit(what, (most, most))

    limit(resource.RLIMIT_AS, 1 << 30)
    limit(resource.RLIMIT_FSIZE, 0)
    limit(resource.RLIMIT_CORE, 0)
    limit(resource.RLIMIT_NOFILE, 32)

    def judge(text):
        try:
            compile(text, "text", "exec", 0, True)
            return "P"
        except SyntaxError as error:
            message = "".join(c if c.isprintable() else " " for c in str(error.msg))
            return "B %d %s" % (error.lineno or 0, message[:200] or "invalid syntax")
        except ValueError as error:
            return "B 0 %s" % str(error)[:200]
        except (MemoryError, RecursionError, OverflowError):
            return "U"

    def apart(text):
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            limit(resource.RLIMIT_CPU, 5)
            os.write(writing, judge(text).encode("utf-8", "replace"))
            os._exit(0)
        os.close(writing)
        answer = os.read(reading, 4096)
        os.close(reading)
        os.waitpid(child, 0)
        return answer or b"U"

    source = sys.stdin.buffer
    while True:
        size = source.readline()
        if not size:
            break
        sys.stdout.buffer.write(apart(source.read(int(size))) + b"\n")
        sys.stdout.buffer.flush()
    """#
}

extension String {
  fileprivate var folder: String { String(self[..<(lastIndex(of: "/") ?? startIndex)]) }
  fileprivate var lastName: String {
    String(self[(lastIndex(of: "/").map { index(after: $0) } ?? startIndex)...])
  }
}
