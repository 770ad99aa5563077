public import Domain
import Foundation

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

extension ImageStore {
  /// Prepares an image, unless it is ready. Two at once take turns. When this ends early for
  /// whatever reason the image is absent still, and the next attempt need not fetch anew what was
  /// fetched.
  ///
  /// pip fetches the pinned wheels, checks their hashes, and runs no code of theirs; what they hold
  /// runs for the first time inside the sandbox.
  /// - Parameter environment: for pip's own settings: its index, proxies and certificates.
  /// - Throws: any code of `ImageError`.
  @discardableResult
  public func prepare(
    _ image: SandboxImage, environment: [String: String],
    progress: @escaping @Sendable (ImageProgress) -> Void = { _ in }
  ) async throws(ImageError) -> PreparedImage {
    if let ready = ready(image) { return ready }
    let definition = definition(of: image)
    guard let python = SystemPython.find(for: definition, in: pythonFolders) else {
      throw noPython(definition)
    }
    try Self.makeFolder(folder)
    let lock = try await ImageLock("\(folder)/.\(image.rawValue).lock") { progress(.waiting) }
    defer { withExtendedLifetime(lock) {} }
    if let ready = ready(image) { return ready }

    removeLeftovers(of: image)
    try checkSpace(for: definition)
    let installation = ImageInstallation(
      definition: definition, python: python, folder: folder,
      made: "\(folder)/.\(image.rawValue).new-\(UUID().uuidString)", environment: environment)
    do {
      try await installation.install(progress)
      try replace(image, by: installation.made)
    } catch {
      try? FileManager.default.removeItem(atPath: installation.made)
      throw error
    }
    try? FileManager.default.removeItem(atPath: installation.downloads)
    guard let ready = ready(image) else {
      throw ImageError(
        code: .failed,
        detail: "The image \(image.rawValue) was installed into \(path(of: image)), but is not "
          + "what was asked for. Was the Python of the system changed meanwhile? Run the command "
          + "again.")
    }
    return ready
  }

  private func noPython(_ definition: ImageDefinition) -> ImageError {
    ImageError(
      code: .noPython,
      detail: "The image \(definition.image.rawValue) needs Python \(definition.pythons) in "
        + "\(pythonFolders.joined(separator: " or ")), where every user may run it, and there is "
        + "none. Install it, on Debian or Ubuntu with `apt install python3`.")
  }

  /// The new image stands whole or not at all: a rename is one step.
  private func replace(_ image: SandboxImage, by made: String) throws(ImageError) {
    _ = try removeLocked(image)
    guard rename(made, path(of: image)) == 0 else {
      throw ImageError(
        code: .storage,
        detail: "The image cannot be moved to \(path(of: image)): "
          + "\(String(cString: strerror(errno))).")
    }
  }

  /// What a killed attempt left. The lock is held, so nobody works in them.
  private func removeLeftovers(of image: SandboxImage) {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    for name in names
    where name.hasPrefix(".\(image.rawValue).new-") || name.hasPrefix(".\(image.rawValue).old-") {
      try? FileManager.default.removeItem(atPath: "\(folder)/\(name)")
    }
  }

  private func checkSpace(for definition: ImageDefinition) throws(ImageError) {
    var facts = statvfs()
    guard statvfs(folder, &facts) == 0 else { return }
    let free = Int(facts.f_bavail) * Int(facts.f_frsize)
    guard free < definition.space.value else { return }
    throw ImageError(
      code: .diskFull,
      detail: "The image \(definition.image.rawValue) needs \(definition.space.value >> 20) MB in "
        + "\(folder) while it is prepared, and \(free >> 20) MB are free. Free some space, or set "
        + "STET_DATA_DIR to another disk.")
  }

  static func makeFolder(_ path: String) throws(ImageError) {
    do {
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    } catch {
      throw ImageError(
        code: .storage,
        detail: "The folder \(path) cannot be made: \(reason(error)). Set STET_DATA_DIR to a "
          + "folder that you may write to.")
    }
  }
}

/// Held while it lives; the kernel lets go of it however its process ends.
final class ImageLock: Sendable {
  private let descriptor: Int32

  /// - Parameter waiting: called once, where another holds it.
  /// - Throws: `storage`, `cancelled`.
  init(_ path: String, waiting: () -> Void) async throws(ImageError) {
    descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else {
      throw ImageError(
        code: .storage,
        detail: "\(path) cannot be opened: \(String(cString: strerror(errno))). Set STET_DATA_DIR "
          + "to a folder that you may write to.")
    }
    var told = false
    while flock(descriptor, LOCK_EX | LOCK_NB) != 0 {
      guard errno == EWOULDBLOCK || errno == EINTR else {
        throw ImageError(
          code: .storage, detail: "\(path) cannot be locked: \(String(cString: strerror(errno))).")
      }
      if !told { waiting() }
      told = true
      do {
        try await Task.sleep(for: .milliseconds(100))
      } catch {
        throw ImageError(code: .cancelled, detail: "Stopped while another prepared the image.")
      }
    }
  }

  deinit { if descriptor >= 0 { close(descriptor) } }
}
