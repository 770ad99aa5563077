import Foundation

/// What `STET_TEST_SLOW` turns on: `1` the slow suites, `all` with everything in them.
public enum SlowTests {
  private static let value = ProcessInfo.processInfo.environment["STET_TEST_SLOW"] ?? ""

  public static let isOn = !value.isEmpty
  /// Also what other cases of the same suites show already.
  public static let isWhole = value == "all"
}
