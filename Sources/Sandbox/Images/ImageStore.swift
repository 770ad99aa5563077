public import Domain
import Foundation

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// The prepared images in one folder: `NAME/site` with the packages, `NAME/image.json` with what
/// they are.
public struct ImageStore: Sendable {
  /// Absolute. It is made when the first image is prepared.
  public let folder: String
  let definitions: [SandboxImage: ImageDefinition]
  let pythonFolders: [String]

  public init(folder: String) {
    self.init(folder: folder, definitions: Self.known, pythonFolders: SystemPython.folders)
  }

  init(folder: String, definitions: [SandboxImage: ImageDefinition], pythonFolders: [String]) {
    self.folder = folder
    self.definitions = definitions
    self.pythonFolders = pythonFolders
  }

  static let known = Dictionary(
    uniqueKeysWithValues: SandboxImage.allCases.map { ($0, ImageDefinition.of($0)) })

  public func definition(of image: SandboxImage) -> ImageDefinition {
    definitions[image] ?? ImageDefinition.of(image)
  }

  func path(of image: SandboxImage) -> String { "\(folder)/\(image.rawValue)" }

  /// The image, if programs can be run in it now. Reads one small file and asks no program.
  ///
  /// The image `python` is ready wherever the system has a Python.
  public func ready(_ image: SandboxImage) -> PreparedImage? {
    let definition = definition(of: image)
    guard !definition.packages.isEmpty else {
      return SystemPython.find(for: definition, in: pythonFolders).map { python in
        PreparedImage(
          image: image, python: python.path, version: python.version.description, site: nil,
          packages: [:], preload: definition.preload)
      }
    }
    guard let note = note(of: image), let version = PythonVersion(note.version),
      definition.suits(version), note.packages == Self.versions(definition.packages(for: version)),
      // The wheels hold machine code for one minor version.
      SystemPython.looks(note.python, like: version, in: pythonFolders)
    else { return nil }
    return PreparedImage(
      image: image, python: note.python, version: note.version,
      site: path(of: image) + "/site", packages: note.packages, preload: definition.preload,
      preparation: preparation(of: image))
  }

  /// Every image and what became of it here.
  public func list() -> [ImageListing] { SandboxImage.allCases.map { listing(of: $0) } }

  public func listing(of image: SandboxImage) -> ImageListing {
    let definition = definition(of: image)
    let ready = ready(image)
    let stands = FileManager.default.fileExists(atPath: path(of: image))
    let python = SystemPython.find(for: definition, in: pythonFolders)
    let state: ImageListing.State =
      ready != nil ? .ready : python == nil ? .unavailable : stands ? .outdated : .absent
    return ImageListing(
      definition: definition, state: state, prepared: ready,
      python: ready.flatMap { PythonVersion($0.version) } ?? python?.version,
      size: stands ? ByteCount(Self.size(of: path(of: image))) : nil)
  }

  /// Removes the packages of an image. What runs in it at the moment may fail. Waits for another
  /// that prepares it.
  /// - Returns: whether there was anything.
  /// - Throws: `storage`, `cancelled`.
  public func remove(_ image: SandboxImage) async throws(ImageError) -> Bool {
    guard FileManager.default.fileExists(atPath: path(of: image)) else { return false }
    let lock = try await ImageLock("\(folder)/.\(image.rawValue).lock") {}
    defer { withExtendedLifetime(lock) {} }
    return try removeLocked(image)
  }

  /// For the holder of the lock.
  func removeLocked(_ image: SandboxImage) throws(ImageError) -> Bool {
    let path = path(of: image)
    guard FileManager.default.fileExists(atPath: path) else { return false }
    do {
      // Renamed first, so that nobody ever finds half of it.
      let gone = "\(folder)/.\(image.rawValue).old-\(UUID().uuidString)"
      try FileManager.default.moveItem(atPath: path, toPath: gone)
      try FileManager.default.removeItem(atPath: gone)
    } catch {
      throw ImageError(
        code: .storage,
        detail: "The image \(image.rawValue) in \(path) cannot be removed: "
          + "\(Self.reason(error)).")
    }
    return true
  }

  // MARK: The note

  struct Note: Codable, Equatable {
    var name: String
    var python: String
    var version: String
    var packages: [String: String]
    var preload: [String]
  }

  private func preparation(of image: SandboxImage) -> String {
    var facts = stat()
    guard stat(path(of: image) + "/image.json", &facts) == 0 else { return "" }
    #if canImport(Darwin)
      let changed = facts.st_mtimespec
    #else
      let changed = facts.st_mtim
    #endif
    return "\(facts.st_ino) \(changed.tv_sec).\(changed.tv_nsec)"
  }

  private func note(of image: SandboxImage) -> Note? {
    let file = path(of: image) + "/image.json"
    guard let data = FileManager.default.contents(atPath: file), data.count < 1 << 20,
      let note = try? JSONDecoder().decode(Note.self, from: data), note.name == image.rawValue
    else { return nil }
    return note
  }

  static func versions(_ packages: [PinnedPackage]) -> [String: String] {
    Dictionary(packages.map { ($0.name, $0.version) }, uniquingKeysWith: { first, _ in first })
  }

  private static func size(of folder: String) -> Int {
    let files = FileManager.default.enumerator(
      at: URL(filePath: folder), includingPropertiesForKeys: [.fileSizeKey])
    var total = 0
    while let file = files?.nextObject() as? URL {
      total += (try? file.resourceValues(forKeys: [.fileSizeKey]).fileSize) ?? 0
    }
    return total
  }

  /// The system's own words where it has any.
  static func reason(_ error: any Error) -> String {
    let below = (error as NSError).userInfo[NSUnderlyingErrorKey] as? NSError
    if let below, below.domain == NSPOSIXErrorDomain {
      return String(cString: strerror(Int32(below.code)))
    }
    let sentence = error.localizedDescription
    return sentence.hasSuffix(".") ? String(sentence.dropLast()) : sentence
  }
}

extension SystemPython {
  /// Whether the Python that an image was prepared for is still there, and the same.
  static func looks(_ path: String, like version: PythonVersion, in folders: [String]) -> Bool {
    folders.contains { folder in
      path.hasPrefix(folder + "/") && look(path, beneath: parent(folder))?.version == version
    }
  }
}
