import Foundation
import Testing

/// Runs every Swift Testing suite. SwiftPM writes such a file itself from the compiler's index; with
/// this one here it needs no index, so building the tests and the program share one `.build`.
@main
enum Main {
  static func main() async {
    // SwiftPM asks every test program for its XCTest cases first. There are none.
    if CommandLine.arguments.contains("--dump-tests-json") {
      print(#"{"name":"All tests","tests":[]}"#)
      exit(EXIT_SUCCESS)
    }
    await Testing.__swiftPMEntryPoint() as Never
  }
}
