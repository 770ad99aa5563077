import Testing

/// Runs every Swift Testing suite. SwiftPM writes such a file itself from the compiler's index; with
/// this one here it needs no index, so building the tests and the program share one `.build`.
@main
enum Main {
  static func main() async { await Testing.__swiftPMEntryPoint() as Never }
}
