import Foundation

struct Misuse: Error, CustomStringConvertible {
  var description: String
  init(_ description: String) { self.description = description }
}

/// `--name value`, each at most once.
struct Options {
  private var values: [String: String] = [:]

  init(_ words: [String]) throws {
    var rest = words[...]
    while let name = rest.popFirst() {
      guard name.hasPrefix("--"), let value = rest.popFirst() else {
        throw Misuse("\(name) is no option with a value.")
      }
      values[String(name.dropFirst(2))] = value
    }
  }

  func text(_ name: String) throws -> String {
    guard let value = values[name] else { throw Misuse("--\(name) is missing.") }
    return value
  }

  func number<T: LosslessStringConvertible>(_ name: String, or standard: T? = nil) throws -> T {
    guard let text = values[name] else {
      guard let standard else { throw Misuse("--\(name) is missing.") }
      return standard
    }
    guard let number = T(text) else { throw Misuse("--\(name) \(text) is no number.") }
    return number
  }
}

/// One line of JSON.
struct Line {
  private var parts: [String] = []

  func with(_ name: String, _ value: some Numeric) -> Line {
    var line = self
    line.parts.append("\"\(name)\": \(value)")
    return line
  }

  func with(_ name: String, _ value: Duration) -> Line { with(name, value.inSeconds) }

  var text: String { "{" + parts.joined(separator: ", ") + "}" }
}

extension Duration {
  var inSeconds: Double { Double(components.seconds) + Double(components.attoseconds) / 1e18 }
}

/// The clock that all processes of one machine share, in nanoseconds.
func monotonicNanoseconds() -> Int64 {
  var time = timespec()
  clock_gettime(CLOCK_MONOTONIC, &time)
  return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
}
