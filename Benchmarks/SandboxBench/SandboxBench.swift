import Domain
import Sandbox

/// Times the sandbox from request to result; `Benchmarks/sandbox.py` sets it beside its peers.
@main
struct SandboxBench {
  static func main() async {
    print(SandboxImage.allCases.map(\.rawValue).joined(separator: " "))
  }
}
