import Domain

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// What a command writes to the disk of this machine, looked at from time to time from outside.
///
/// `du` measures what its folder holds. It sees neither files that were removed and are open still,
/// nor, where an ordinary user runs this, what lies in folders that the command has closed to it.
/// So what the whole disk has left is looked at too: more roughly, for others write there as well.
struct DiskWatch: Sendable {
  private let folder: String
  private let limits: CheckoutLimits
  private let before: Usage
  private let free: Int?
  /// Tests of a repository may close a folder for an instant.
  private var wasClosed = false

  struct Usage: Sendable, Equatable {
    /// On the disk.
    var bytes = 0
    /// With folders.
    var files = 0
    /// Whether there is what could not be looked into.
    var isClosed = false
  }

  init(_ folder: String, limits: CheckoutLimits) async {
    self.folder = folder
    self.limits = limits
    before = await Self.usage(of: folder)
    free = Self.free(at: folder)
  }

  /// - Returns: in a sentence, why the command has to be ended.
  mutating func look() async -> String? {
    let usage = await Self.usage(of: folder)
    let grown = usage.bytes - before.bytes
    if grown > limits.growth.value || usage.files - before.files > limits.growthFiles {
      return "the command wrote more than the disk limit allows."
    }
    if usage.isClosed, wasClosed {
      return "the command keeps a folder closed, so that what is in it cannot be measured."
    }
    wasClosed = usage.isClosed
    guard let free, let now = Self.free(at: folder) else { return nil }
    let hidden = free - now - max(0, grown)
    if hidden > 2 * limits.growth.value {
      return "the disk lost \(hidden >> 20) MiB while the command ran, beside what its files show."
    }
    // Where there was less from the start, half of that is left to others.
    if now < min(limits.reserve.value, free / 2) {
      return "the disk has only \(now >> 20) MiB left."
    }
    return nil
  }

  /// Of one that cannot be measured, such as one that was made too deep, more than any limit.
  static func usage(of folder: String) async -> Usage {
    var usage = Usage()
    guard let kibibytes = await total(["-skx"], of: folder, &usage.isClosed),
      kibibytes < most >> 10
    else { return Usage(bytes: most, files: most) }
    usage.bytes = kibibytes << 10
    #if os(Linux)
      usage.files = await total(["-sx", "--inodes"], of: folder, &usage.isClosed) ?? most
    #endif
    return usage
  }

  private static let most = Int.max / 2

  private static func total(
    _ options: [String], of folder: String, _ isClosed: inout Bool
  ) async -> Int? {
    let command = Command(
      "du", options + ["--", folder], environment: ["PATH": "/usr/bin:/bin", "LC_ALL": "C"],
      workingFolder: "/", timeout: .seconds(20), outputLimit: ByteCount(64 << 10))
    guard let result = try? await CommandRunner().run(command),
      let words = String(decoding: result.output, as: UTF8.self).split(separator: "\t").first,
      let total = Int(words)
    else { return Task.isCancelled ? 0 : nil }
    // Its status tells too little: it is the same for a file that was removed meanwhile.
    if result.errorText.contains("Permission denied")
      || result.error.count >= command.errorLimit.value
    {
      isClosed = true
    }
    return total
  }

  /// Bytes that an ordinary user may still write; `nil` where the file system does not tell.
  private static func free(at folder: String) -> Int? {
    var facts = statvfs()
    guard statvfs(folder, &facts) == 0, facts.f_blocks > 0 else { return nil }
    let (bytes, isOver) = Int(clamping: facts.f_bavail)
      .multipliedReportingOverflow(by: Int(clamping: facts.f_frsize))
    return isOver ? nil : bytes
  }
}
