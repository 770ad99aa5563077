public import Domain
import Foundation

/// The images that tests of sandboxed programs use. `make test` prepares them; without a network
/// they are absent, and the tests that need one say so.
public enum TestImages {
  /// `STET_TEST_IMAGES`, else where `make test` puts them.
  public static let folder: String = {
    if let named = ProcessInfo.processInfo.environment["STET_TEST_IMAGES"], named.hasPrefix("/") {
      return named
    }
    return URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().appending(path: ".build/test-data/images").path
  }()

  /// The reason that a test which does not run gives.
  public static let missing =
    "the sandbox image of the tests is not prepared: make test does it, or set STET_TEST_IMAGES"

  public static func isPrepared(_ image: SandboxImage = .test) -> Bool {
    image == .python
      || FileManager.default.fileExists(atPath: "\(folder)/\(image.rawValue)/image.json")
  }
}
