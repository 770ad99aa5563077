import Foundation
import Storage

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// The secret key of a server that keeps everything on its own machine: a file in the data folder,
/// made at the first start.
struct SecretKeyFile {
  static let name = "secret.key"

  let path: String

  init(dataFolder: String) { path = "\(dataFolder)/\(Self.name)" }

  /// - Returns: what is in the file; `nil` where there is none.
  func keys() throws(CommandFailure) -> [SecretKey]? {
    guard let text = try read() else { return nil }
    return try parsed(text)
  }

  /// Thinks of a key and writes it. The folder is there, and nobody else serves from it.
  /// - Parameter noted: called with the key before it is written: a key that nothing knows of is
  ///   worse than one that is known and was never written, which is made anew.
  func make(noting noted: (SecretKey) async throws -> Void) async throws {
    var bytes: [UInt8] = []
    var generator = SystemRandomNumberGenerator()
    for _ in 0..<32 { bytes.append(UInt8.random(in: 0...255, using: &generator)) }
    guard let key = SecretKey(bytes: bytes) else { return }
    try await noted(key)
    let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw unwritable }
    defer { close(descriptor) }
    let line = Array((Data(bytes).base64EncodedString() + "\n").utf8)
    guard line.withUnsafeBytes({ Output.writeAll($0, to: descriptor) }) == 0,
      fsync(descriptor) == 0
    else {
      unlink(path)
      throw unwritable
    }
  }

  private func read() throws(CommandFailure) -> String? {
    do { return try SettingsFiles.text(path) } catch {
      switch error {
      case .missing: return nil
      case .refused(let why): throw .failed("The key file \(path) cannot be read: \(why).")
      }
    }
  }

  private func parsed(_ text: String) throws(CommandFailure) -> [SecretKey] {
    do throws(CommandFailure) {
      return try SecretKeys.keys(text.trimmingCharacters(in: .whitespacesAndNewlines))
    } catch {
      throw .failed(
        "The key file \(path) holds no key: \(error.sentence ?? "") Put back the one that was "
          + "there.")
    }
  }

  private var unwritable: CommandFailure {
    .failed(
      "The key file \(path) cannot be written (\(String(cString: strerror(errno)))); check the data "
        + "folder, or set STET_SECRET_KEY.")
  }
}
