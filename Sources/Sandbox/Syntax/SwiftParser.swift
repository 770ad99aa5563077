import Domain

/// Parses Swift with the compiler's front end, without looking at modules or types.
struct SwiftParser: SyntaxParser {
  let frontend: String
  private let toolchain: String
  private let isolation: Isolation
  private let runner = CommandRunner()

  /// - Returns: `nil` where `PATH` has no `swiftc` that belongs to a toolchain's folder.
  init?(_ isolation: Isolation, environment: [String: String]) {
    guard let compiler = Isolation.find("swiftc", path: environment["PATH"]),
      let real = Isolation.realPath(compiler)
    else { return nil }
    let parts = real.split(separator: "/")
    // TOOLCHAIN/usr/bin/swift-driver; a shallower folder would show too much of this machine.
    guard parts.count >= 3, parts[parts.count - 2] == "bin" else { return nil }
    toolchain = "/" + parts.dropLast(2).joined(separator: "/")
    frontend = toolchain + "/bin/swift-frontend"
    guard Isolation.find("swift-frontend", path: toolchain + "/bin") != nil,
      Isolation.realPath(toolchain + "/lib/swift") != nil
    else { return nil }
    self.isolation = isolation
  }

  func parse(_ texts: [[UInt8]]) async -> [SyntaxVerdict]? {
    var verdicts: [SyntaxVerdict] = []
    for text in texts { verdicts.append(await parse(text)) }
    return verdicts
  }

  private func parse(_ text: [UInt8]) async -> SyntaxVerdict {
    // 10 CPU seconds, 4 GiB of addresses, no file written, no core.
    let limits = "ulimit -t 10; ulimit -v 4194304; ulimit -f 0; ulimit -c 0; exec \"$@\""
    let command = isolation.command(
      ["/bin/sh", "-c", limits, "sh", frontend, "-frontend", "-parse", "-"],
      readOnly: [toolchain], processes: true, input: text, timeout: .seconds(20))
    guard let command, let result = try? await runner.run(command) else { return .unknown }
    if result.succeeded { return .parses }
    guard result.status == .exited(1) else { return .unknown }
    return Self.firstError(result.errorText) ?? .unknown
  }

  /// `<stdin>:LINE:COLUMN: error: MESSAGE`.
  static func firstError(_ diagnostics: String) -> SyntaxVerdict? {
    for line in diagnostics.split(separator: "\n") where line.hasPrefix("<stdin>:") {
      let parts = line.split(separator: ":", maxSplits: 4, omittingEmptySubsequences: false)
      guard parts.count == 5, parts[3] == " error" else { continue }
      return .broken(line: Int(parts[1]), message: String(parts[4].drop { $0 == " " }.prefix(200)))
    }
    return nil
  }
}
