import Crypto
import Domain
import SystemPackage

/// A file that is still coming in: bytes are appended and hashed as they arrive, and what is there
/// survives any end of the process, to be gone on with by the next pull.
///
/// Beside it stands a note of where its bytes came from, because only bytes of one origin may be
/// joined; see `Origin`.
final class PartFile {
  /// Where the bytes so far came from.
  struct Origin: Equatable {
    /// The source's own description.
    var source: String
    /// For a download: the server's name for this version of the file (a strong ETag, or the time
    /// of last change). For packages: how many are wholly in the file.
    var mark: String
    /// Bytes that are known to belong to `mark`; for a download everything in the file.
    var size: Int?
  }

  let path: String
  private let file: FileDescriptor
  private let limit: Int
  private var hasher = SHA256()
  private(set) var count = 0

  private var notePath: String { path + ".origin" }

  /// Opens what an earlier pull left, or an empty file. Its bytes do not count before `keep`.
  init(_ path: String, limit: Int) throws(LocalModelError) {
    self.path = path
    self.limit = limit
    do {
      file = try FileDescriptor.open(
        path, .readWrite, options: [.create, .closeOnExec], permissions: .ownerReadWrite)
    } catch {
      throw StoredFile.failure("open", path, errno: error)
    }
  }

  deinit { try? file.close() }

  var origin: Origin? {
    guard let bytes = StoredFile.read(notePath),
      let lines = Optional(
        String(decoding: bytes, as: UTF8.self).split(
          separator: "\n", omittingEmptySubsequences: false)), lines.count >= 3
    else { return nil }
    return Origin(source: String(lines[0]), mark: String(lines[1]), size: Int(lines[2]))
  }

  /// - Precondition: neither text holds a line break; header values and catalogue data do not.
  func note(_ origin: Origin) throws(LocalModelError) {
    let text = "\(origin.source)\n\(origin.mark)\n\(origin.size.map(String.init) ?? "")\n"
    try StoredFile.replace(notePath, with: Array(text.utf8))
  }

  /// Keeps the first `size` bytes of what is there (all of it for `nil`) and hashes them again.
  func keep(_ size: Int? = nil) async throws(LocalModelError) {
    do {
      let present = Int(try file.seek(offset: 0, from: .end))
      let kept = min(size ?? present, present, limit)
      try file.resize(to: Int64(kept))
      _ = try file.seek(offset: 0, from: .start)
      hasher = SHA256()
      count = 0
      var buffer = [UInt8](repeating: 0, count: 1 << 20)
      while count < kept {
        let read = try buffer.withUnsafeMutableBytes { try file.read(into: $0) }
        if read == 0 { break }
        buffer.withUnsafeBytes { hasher.update(bufferPointer: .init(rebasing: $0[..<read])) }
        count += read
        await Task.yield()
        try Task.checkCancellation()
      }
    } catch is CancellationError {
      throw LocalModelError(.cancelled, "Interrupted while reading \(path).")
    } catch {
      throw StoredFile.failure("read", path, errno: error)
    }
  }

  /// Throws everything away.
  func restart() throws(LocalModelError) {
    do {
      try file.resize(to: 0)
      _ = try file.seek(offset: 0, from: .start)
    } catch {
      throw StoredFile.failure("empty", path, errno: error)
    }
    StoredFile.remove(notePath)
    hasher = SHA256()
    count = 0
  }

  /// Whether the bytes were taken: `false`, with nothing written, when they are more than the model
  /// has.
  func append(_ bytes: UnsafeRawBufferPointer) throws(LocalModelError) -> Bool {
    guard count + bytes.count <= limit else { return false }
    do {
      _ = try file.writeAll(bytes)
    } catch {
      throw StoredFile.failure("write", path, errno: error)
    }
    hasher.update(bufferPointer: bytes)
    count += bytes.count
    return true
  }

  /// SHA-256 of the bytes so far.
  var sha256: String { Hexadecimal.of(hasher.finalize()) }

  /// Takes the file and its note away.
  func discard() {
    StoredFile.remove(path)
    StoredFile.remove(notePath)
  }

  /// Gives the file its final name, once it is safely on the disk.
  func publish(as final: String) async throws(LocalModelError) {
    await StoredFile.synchronize(path)
    try StoredFile.rename(path, to: final)
    StoredFile.remove(notePath)
    await StoredFile.synchronize(final)
  }
}
