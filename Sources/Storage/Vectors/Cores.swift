import Foundation

/// Processors that this process may use.
enum Cores {
  static let count = ProcessInfo.processInfo.activeProcessorCount
}
