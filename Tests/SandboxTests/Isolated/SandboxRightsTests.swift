import Domain
import Foundation
import Synchronization
import Testing

@testable import Sandbox

private final class Highest: Sendable {
  private let seen = Mutex(0)
  var now: Int { seen.withLock { $0 } }
  func note(_ number: Int) { seen.withLock { $0 = max($0, number) } }
}

/// What a run may do as the user that it is, and whose its folder is.
@Suite struct SandboxRightsTests {
  @Test(arguments: SandboxUnderTest.apart)
  func aRunHasNoCapabilityAndCanGetNone(_ backend: SandboxUnderTest) async throws {
    // PR_CAPBSET_READ. Source: prctl(2).
    let result = try await backend.run(
      """
      import ctypes, struct
      libc = ctypes.CDLL(None)
      header = struct.pack("=Ii", 0x20080522, 0)
      data = ctypes.create_string_buffer(24)
      print(libc.capget(header, data), set(data.raw))
      print([number for number in range(64) if libc.prctl(23, number, 0, 0, 0) == 1])
      """)
    #expect(result.outputText == "0 {0}\n[]\n", "\(result.errorText)")
  }

  /// A repository may hold folders nested deeper than this process may have descriptors.
  @Test(.enabled(if: getuid() == 0, "only root hands folders over"))
  func aDeepFolderIsHandedOverWithFewDescriptors() async throws {
    let top = FileManager.default.temporaryDirectory.path + "/stet-deep-\(UUID().uuidString)"
    let depth = 1_500
    var deepest = top
    try #require(mkdir(deepest, 0o755) == 0)
    for _ in 0..<depth {
      deepest += "/d"
      try #require(mkdir(deepest, 0o755) == 0)
    }
    // So that it takes a while there.
    for number in 0..<4_000 {
      let file = open(deepest + "/\(number)", O_CREAT | O_WRONLY | O_CLOEXEC, 0o600)
      try #require(file >= 0)
      close(file)
    }
    let before = Self.descriptors()
    let most = Highest()
    let watch = Thread {
      while !Thread.current.isCancelled {
        let now = Self.descriptors()
        most.note(now)
        usleep(1_000)
      }
    }
    watch.start()
    defer { watch.cancel() }
    await #expect(throws: Never.self) {
      try await FolderOwner.hand(top, to: RunLauncher.unprivileged)
    }
    #expect(most.now < before + depth / 2)
    for path in [top, deepest, deepest + "/3999"] {
      var facts = stat()
      #expect(lstat(path, &facts) == 0)
      #expect(facts.st_uid == RunLauncher.unprivileged, "\(path.suffix(20))")
    }
    #expect(await CheckoutFolder.remove(top))
  }

  private static func descriptors() -> Int {
    (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd"))?.count ?? 0
  }
}
