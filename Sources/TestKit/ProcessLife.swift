import Foundation

/// Processes of this machine, by their numbers.
public enum ProcessLife {
  /// True once the process is gone, or a zombie that nobody has buried; waits at most five seconds
  /// for the kernel.
  public static func endsSoon(_ process: Int32) async -> Bool {
    for _ in 0..<500 {
      guard kill(process, 0) == 0 else { return true }
      let status = try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8)
      if status?.contains(") Z ") == true { return true }
      try? await Task.sleep(for: .milliseconds(10))
    }
    return false
  }
}
