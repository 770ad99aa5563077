import Foundation
import Synchronization

/// Counts the jobs that began, and how long each had waited, in a file that is mapped: the format is
/// that of `Benchmarks/queues/tally.py`.
final class Tally: Sendable {
  private static let slots = 1 << 20
  private let numbers: Mutex<Numbers>

  /// The memory is touched under the lock only.
  private struct Numbers: @unchecked Sendable {
    var at: UnsafeMutablePointer<Int64>
  }

  /// - Parameter folder: `nil`: the numbers stay in memory.
  init(folder: String?) throws {
    let size = 8 * (Self.slots + 1)
    var file: Int32 = -1
    if let folder {
      file = open("\(folder)/tally-\(getpid())", O_RDWR | O_CREAT | O_TRUNC, 0o644)
      guard file >= 0, ftruncate(file, off_t(size)) == 0 else {
        throw Misuse("the counts in \(folder) cannot be written.")
      }
    }
    // All of it at once, or it would look like memory that grows with the jobs.
    let flags = folder == nil ? MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE : MAP_SHARED
    guard let memory = mmap(nil, size, PROT_READ | PROT_WRITE, Int32(flags), file, 0),
      memory != MAP_FAILED
    else { throw Misuse("the counts cannot be mapped.") }
    numbers = Mutex(Numbers(at: memory.assumingMemoryBound(to: Int64.self)))
  }

  func begin(_ at: Int64) {
    let waited = monotonicNanoseconds() - at
    numbers.withLock { numbers in
      let count = Int(numbers.at[0])
      numbers.at[1 + count % Self.slots] = waited
      numbers.at[0] += 1
    }
  }

  var count: Int { numbers.withLock { Int($0.at[0]) } }
}
