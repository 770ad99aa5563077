import Foundation

/// The surroundings that the program was started in.
enum ProcessEnvironment {
  static var values: [String: String] { ProcessInfo.processInfo.environment }

  static var folder: String { FileManager.default.currentDirectoryPath }

  /// The user's home by the system's own records, for where `HOME` is not set.
  static var home: String { NSHomeDirectory() }
}
