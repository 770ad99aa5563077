#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

@main
enum Main {
  static func main() async {
    let arguments = Array(CommandLine.arguments.dropFirst())
    // Asked for by scripts and prompts at every turn, so it does not wait for a parser.
    let ending: Program.Ending =
      arguments == ["--version"]
      ? Program.finish { try Output.results.line(Version.number) }
      : await Program.run(arguments)
    switch ending {
    case .exit(let status): exit(status.rawValue)
    case .signal(let number): Interruption.end(by: number)
    }
  }
}
