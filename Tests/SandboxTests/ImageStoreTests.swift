import Domain
import Foundation
import TestKit
import Testing

@testable import Sandbox

private let environment = ProcessInfo.processInfo.environment

/// A folder of images, and beside it one that stands for `/usr`, all gone when the test ends.
private final class ImageFolder: Sendable {
  let root: String
  var images: String { root + "/images" }
  var programs: String { root + "/usr/bin" }

  init() throws {
    let folder = FileManager.default.temporaryDirectory
      .appending(path: "stet-images-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(
      atPath: folder + "/usr/bin", withIntermediateDirectories: true)
    root = Isolation.realPath(folder) ?? folder
  }
  deinit { try? FileManager.default.removeItem(atPath: root) }

  func write(_ text: String, to path: String, mode: Int = 0o644) throws {
    let file = URL(filePath: "\(root)/\(path)")
    try FileManager.default.createDirectory(
      at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
    try Data(text.utf8).write(to: file)
    try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: file.path)
  }

  func store(_ definitions: ImageDefinition...) -> ImageStore {
    ImageStore(
      folder: images,
      definitions: Dictionary(uniqueKeysWithValues: definitions.map { ($0.image, $0) }),
      pythonFolders: [programs])
  }

  func names() -> [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: images)) ?? [])
      .filter { !$0.hasSuffix(".lock") }.sorted()
  }
}

@Suite struct ImageStoreTests {
  @Test(arguments: SandboxImage.allCases)
  func everyImageIsPinnedWhole(_ image: SandboxImage) {
    let definition = ImageDefinition.of(image)
    for minor in 10...14 {
      let packages = definition.packages(for: PythonVersion(3, minor))
      #expect(Set(packages.map(\.name)).count == packages.count, "twice one package")
      #expect(packages.isEmpty == (image == .python))
    }
    for package in definition.packages {
      #expect(package.version.first?.isNumber == true)
      #expect(!package.sha256.isEmpty)
      #expect(package.sha256.allSatisfy { $0.count == 64 && $0.allSatisfy(\.isHexDigit) })
    }
  }

  @Test(
    .enabled(if: SystemPython.find(for: .of(.python)) != nil, "there is no Python in /usr/bin"))
  func theStandardLibraryNeedsNoPreparing() throws {
    let folder = try ImageFolder()
    let ready = try #require(ImageStore(folder: folder.images).ready(.python))
    #expect(ready.site == nil && ready.packages.isEmpty)
    #expect(ready.python.hasPrefix("/usr/"))
    #expect(PythonVersion(ready.version) != nil)
    #expect(!FileManager.default.fileExists(atPath: folder.images), "looking made a folder")
  }

  @Test(arguments: [
    (0o755, "python3.12", PythonVersion(3, 12) as PythonVersion?), (0o700, "python3.12", nil),
    (0o644, "python3.12", nil), (0o755, "python", nil), (0o755, "python3.8", nil),
  ]) func aPythonMustBeForEveryoneAndNewEnough(
    _ mode: Int, _ name: String, _ version: PythonVersion?
  ) throws {
    let folder = try ImageFolder()
    try folder.write("#!/bin/sh\n", to: "usr/bin/\(name)", mode: mode)
    try FileManager.default.createSymbolicLink(
      atPath: folder.programs + "/python3", withDestinationPath: name)
    let found = SystemPython.find(for: .of(.python), in: [folder.programs])
    #expect(found?.version == version)
    #expect(found == nil || found?.path == folder.programs + "/python3")
  }

  @Test func aPythonOfAHomeIsNeverTaken() throws {
    let folder = try ImageFolder()
    try folder.write("#!/bin/sh\n", to: "home/bin/python3.12", mode: 0o755)
    try FileManager.default.createSymbolicLink(
      atPath: folder.programs + "/python3",
      withDestinationPath: folder.root + "/home/" + "bin/python3.12")
    #expect(SystemPython.find(for: .of(.python), in: [folder.programs]) == nil)
  }

  @Test func aPythonInAClosedFolderIsNeverTaken() throws {
    let folder = try ImageFolder()
    try folder.write("#!/bin/sh\n", to: "usr/bin/python3.12", mode: 0o755)
    #expect(SystemPython.find(for: .of(.python), in: [folder.programs]) != nil)
    try FileManager.default.setAttributes(
      [.posixPermissions: 0o700], ofItemAtPath: folder.programs)
    #expect(SystemPython.find(for: .of(.python), in: [folder.programs]) == nil)
  }

  @Test func withoutAPythonItSaysWhatToInstall() async throws {
    let folder = try ImageFolder()
    let store = folder.store(.of(.test))
    #expect(store.listing(of: .test).state == .unavailable)
    let error = await #expect(throws: ImageError.self) {
      try await store.prepare(.test, environment: environment)
    }
    #expect(error?.code == .noPython)
    #expect(error?.detail.contains("apt install python3") == true)
  }

  private static let definition = ImageDefinition(
    image: .data, oldestPython: PythonVersion(3, 10), newestPython: PythonVersion(3, 14),
    packages: [PinnedPackage("six", "1.17.0", .any, [String(repeating: "0", count: 64)])],
    preload: ["six"], space: 0)

  private static func note(
    name: String = "data", python: String, version: String = "3.12.1", six: String = "1.17.0"
  ) -> String {
    """
    {"name": "\(name)", "python": "\(python)", "version": "\(version)",
     "packages": {"six": "\(six)"}, "preload": []}
    """
  }

  @Test func aPreparedImageIsReady() async throws {
    let folder = try ImageFolder()
    let store = folder.store(Self.definition)
    try folder.write("", to: "usr/bin/python3.12", mode: 0o755)
    #expect(store.listing(of: .data).state == .absent)
    let python = folder.programs + "/python3.12"
    try folder.write(Self.note(python: python), to: "images/data/image.json")
    let ready = try #require(store.ready(.data))
    #expect(
      ready
        == PreparedImage(
          image: .data, python: python, version: "3.12.1", site: folder.images + "/data/site",
          packages: ["six": "1.17.0"], preload: ["six"], preparation: ready.preparation))
    #expect(store.ready(.data) == ready)
    // Prepared again, the same in all else: what has the old one mounted is not to be used on.
    #expect(try await store.remove(.data))
    try folder.write(Self.note(python: python), to: "images/data/image.json")
    let again = try #require(store.ready(.data))
    #expect(again != ready)
    #expect(store.listing(of: .data).state == .ready)
    #expect(try await store.remove(.data))
    #expect(try await !store.remove(.data))
    #expect(folder.names().isEmpty)
  }

  @Test(arguments: [
    "", "{", "[]", note(name: "test", python: "P"), note(python: "P", six: "1.16.0"),
    note(python: "P", version: "3.11.9"), note(python: "P", version: "x"),
    note(python: "/root/python3.12"), note(python: "P/../../../bin/python3"),
  ]) func aNoteThatIsNotRightMeansOutdated(_ note: String) throws {
    let folder = try ImageFolder()
    try folder.write("", to: "usr/bin/python3.12", mode: 0o755)
    let text = note.replacingOccurrences(of: "\"P", with: "\"\(folder.programs)/python3.12")
    try folder.write(text, to: "images/data/image.json")
    let store = folder.store(Self.definition)
    #expect(store.ready(.data) == nil)
    #expect(store.listing(of: .data).state == .outdated)
  }
}

@Suite(.enabled(if: SystemPython.find(for: .of(.test)) != nil, "no Python 3.10 in /usr/bin"))
struct ImagePreparationTests {
  private static func small(_ hash: String, preload: [String] = []) -> ImageDefinition {
    ImageDefinition(
      image: .data, oldestPython: PythonVersion(3, 10), newestPython: nil,
      packages: [PinnedPackage("stet-no-such-package", "1.0", .any, [hash])], preload: preload,
      space: 1)
  }
  private static let zeros = String(repeating: "0", count: 64)

  private func store(_ folder: ImageFolder, _ definition: ImageDefinition) -> ImageStore {
    ImageStore(
      folder: folder.images, definitions: [definition.image: definition],
      pythonFolders: SystemPython.folders)
  }

  @Test func withoutANetworkItSaysSoAndLeavesNothing() async throws {
    let folder = try ImageFolder()
    var offline = environment
    offline["PIP_INDEX_URL"] = "http://127.0.0.1:9/simple"
    offline["PIP_FIND_LINKS"] = ""
    let store = store(folder, Self.small(Self.zeros))
    var told: ImageError?
    do throws(ImageError) {
      try await store.prepare(.data, environment: offline)
    } catch {
      told = error
    }
    #expect(told?.code == .network)
    #expect(folder.names().filter { $0.contains(".new-") || $0 == "data" }.isEmpty)
  }

  @Test func whatAKilledAttemptLeftIsRemoved() async throws {
    let folder = try ImageFolder()
    try folder.write("x", to: "images/.data.new-1/site/x.py")
    try folder.write("x", to: "images/.data.old-1/site/x.py")
    try folder.write("x", to: "images/.test.new-1/site/x.py")
    var offline = environment
    offline["PIP_INDEX_URL"] = "http://127.0.0.1:9/simple"
    let store = store(folder, Self.small(Self.zeros))
    _ = try? await store.prepare(.data, environment: offline)
    #expect(folder.names().filter { $0.contains(".data.new") || $0.contains(".old") }.isEmpty)
    #expect(folder.names().contains(".test.new-1"), "another image's is its own affair")
  }

  @Test func aFullDiskIsSaidBeforeAnythingIsFetched() async throws {
    let folder = try ImageFolder()
    var definition = Self.small(Self.zeros)
    definition.space = ByteCount(1 << 60)
    let store = store(folder, definition)
    let error = await #expect(throws: ImageError.self) {
      try await store.prepare(.data, environment: environment)
    }
    #expect(error?.code == .diskFull)
  }

  @Test func aFolderThatCannotBeMadeIsNamed() async throws {
    let folder = try ImageFolder()
    try folder.write("a file", to: "images")
    let store = store(folder, Self.small(Self.zeros))
    let error = await #expect(throws: ImageError.self) {
      try await store.prepare(.data, environment: environment)
    }
    #expect(error?.code == .storage)
    #expect(error?.detail.contains(folder.images) == true)
  }

  @Test func oneWaitsForTheOther() async throws {
    let folder = try ImageFolder()
    try ImageStore.makeFolder(folder.images)
    let lock = try await ImageLock(folder.images + "/.data.lock", waiting: {})
    let store = store(folder, Self.small(Self.zeros))
    let (told, tell) = AsyncStream<ImageProgress>.makeStream()
    let task = Task { () -> ImageError? in
      do throws(ImageError) {
        try await store.prepare(.data, environment: environment) { tell.yield($0) }
        return nil
      } catch {
        return error
      }
    }
    for await progress in told {
      #expect(progress == .waiting)
      break
    }
    task.cancel()
    #expect(await task.value?.code == .cancelled)
    withExtendedLifetime(lock) {}
  }

  @Test(arguments: [
    ("/usr/bin/python3: No module named pip\n", ImageError.Code.noPip),
    ("ERROR: Could not install packages: [Errno 28] No space left on device\n", .diskFull),
    (
      "WARNING: Retrying (Retry(total=1)) after connection broken by 'NewConnectionError'\n"
        + "ERROR: Could not find a version that satisfies the requirement six==1.17.0\n", .network
    ),
    ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.\n", .packages),
    ("ERROR: No matching distribution found for numpy==2.4.6\n", .packages),
    ("ERROR: something else\n", .failed), ("", .failed),
  ]) func whatPipSaysIsTold(_ said: String, _ code: ImageError.Code) {
    let error = PipFailure(
      said: said, image: "data", python: "/usr/bin/python3", folder: "/images"
    ).error
    #expect(error.code == code)
    #expect(error.detail.hasSuffix(".") && !error.detail.contains("\n"))
  }

  @Test func aSecretOfAnAddressIsNeverTold() {
    let secret = "pa" + "ss" + String(repeating: "w0rD", count: 5)
    let error = PipFailure(
      said: "ERROR: cannot fetch https://user:\(secret)@index.example/simple\n", image: "data",
      python: "/usr/bin/python3", folder: "/images"
    ).error
    #expect(!error.detail.contains(secret))
  }
}

/// The real image, as `make test` prepared it.
@Suite(.enabled(if: TestImages.isPrepared(), Comment(rawValue: TestImages.missing)))
struct TestImageTests {
  @Test func itIsReadyAndReadableByEveryone() throws {
    let image = try #require(ImageStore(folder: TestImages.folder).ready(.test))
    let site = try #require(image.site)
    #expect(image.packages["pytest"] != nil && image.packages["ruff"] != nil)
    var closed: [String] = []
    let files = FileManager.default.enumerator(atPath: site)
    while let name = files?.nextObject() as? String {
      let mode = files?.fileAttributes?[.posixPermissions] as? Int ?? 0
      let needed = files?.fileAttributes?[.type] as? FileAttributeType == .typeDirectory ? 5 : 4
      if mode & needed != needed || mode & 0o022 != 0 { closed.append(name) }
    }
    #expect(closed.isEmpty)
    for tool in ["ruff", "pytest", "bandit", "mypy"] {
      #expect(FileManager.default.isExecutableFile(atPath: "\(site)/bin/\(tool)"))
    }
  }
}
