import Domain
import Foundation
import Synchronization
import Testing
import WebClient

@testable import LanguageModels

@Suite("Local models are fetched whole or not at all")
final class ModelStoreTests: Sendable {
  /// Bytes that repeat nowhere, so that a piece in the wrong place is seen.
  static let content: [UInt8] = {
    var state: UInt64 = 0x9e37_79b9_7f4a_7c15
    return (0..<900_000).map { _ in
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return UInt8(truncatingIfNeeded: state >> 33)
    }
  }()
  /// Taken with `sha256sum` of exactly these bytes.
  static let hash = "ce782b5ef4294379163949a8170290dc4e2ba34adb73fad8df503e328db4663a"

  let folder: TemporaryFolder
  let seen = Mutex<[PullProgress]>([])

  init() throws { folder = try TemporaryFolder() }

  func store(
    _ sources: [CatalogueEntry.Source], size: Int = content.count, hash: String = hash,
    pace: DownloadPace = DownloadPace(
      stall: .seconds(60), fruitlessAttempts: 3, backOff: .milliseconds(1)),
    environment: [String: String] = [:]
  ) -> ModelStore {
    let entry = CatalogueEntry(
      name: "tiny", sources: sources, size: ByteCount(size), sha256: hash, licence: "MIT",
      profile: ModelProfile(
        contextWindow: 512, maxOutput: 64, promptStyle: .beforeAfter, concurrency: 1))
    return ModelStore(
      dataFolder: folder.path + "/data",
      catalogue: ModelCatalogue(entries: [entry], defaultName: "tiny"), environment: environment,
      web: .forTests, pace: pace)
  }

  func pull(_ store: ModelStore) async throws -> String {
    try await store.pull("tiny") { [self] step in seen.withLock { $0.append(step) } }
  }

  func bytes(_ path: String) throws -> [UInt8] {
    Array(try Data(contentsOf: URL(fileURLWithPath: path)))
  }

  @Test func aPullBringsTheFileAndTellsHowFarItIs() async throws {
    let host = try FileHost(Self.content)
    let store = store([.url(host.address + "/tiny.gguf")])
    #expect(store.list().map(\.state) == [.absent])
    let path = try await pull(store)
    #expect(try bytes(path) == Self.content)
    #expect(store.list().map(\.state) == [.ready])
    let steps = seen.withLock { $0 }
    #expect(steps.first == .trying(source: host.address + "/tiny.gguf"))
    #expect(
      steps.last
        == .transferred(ByteCount(Self.content.count), of: ByteCount(Self.content.count)))
    // Nothing but the file, its note and the lock is left.
    let names = try FileManager.default.contentsOfDirectory(atPath: folder.path + "/data/models")
    #expect(names.sorted() == ["tiny.gguf", "tiny.gguf.lock", "tiny.gguf.verified"])
  }

  @Test func aSecondPullFetchesNothing() async throws {
    let host = try FileHost(Self.content)
    let store = store([.url(host.address + "/a")])
    _ = try await pull(store)
    _ = try await pull(store)
    #expect(host.requests.count == 1)
  }

  @Test func aCutConnectionIsGoneOnWithFromWhereItBroke() async throws {
    let host = try FileHost(Self.content)
    host.plan(.cut(after: 300_000), .cut(after: 1), .cut(after: 0), .cut(after: 200_000))
    let path = try await pull(store([.url(host.address + "/a")]))
    #expect(try bytes(path) == Self.content)
    let ranges = host.requests.map { $0.headers["range"] ?? "none" }
    #expect(
      ranges == [
        "none", "bytes=300000-", "bytes=300001-", "bytes=300001-", "bytes=500001-",
      ])
    #expect(host.requests.dropFirst().allSatisfy { $0.headers["if-range"] == "\"v1\"" })
  }

  @Test func aLaterPullGoesOnFromAnEarlierOne() async throws {
    let host = try FileHost(Self.content)
    let store = store([.url(host.address + "/a")])
    host.plan(.cut(after: 400_000), .status(503), .status(503), .status(503))
    await #expect { try await pull(store) } throws: { error in
      (error as? LocalModelError)?.code == .downloadFailed
    }
    #expect(store.list().map(\.state) == [.partial(400_000)])
    await #expect { try await store.verify("tiny") } throws: { error in
      guard let error = error as? LocalModelError else { return false }
      return error.code == .missing && error.detail.contains("44 %")
        && error.detail.contains("stet model pull tiny")
    }
    let path = try await pull(store)
    #expect(try bytes(path) == Self.content)
    #expect(seen.withLock { $0 }.contains(.resuming(at: 400_000)))
    #expect(host.requests.last?.headers["range"] == "bytes=400000-")
  }

  @Test func aFileThatChangedInBetweenIsNotJoinedToTheOldPart() async throws {
    var old = Self.content
    for index in old.indices.prefix(300_000) { old[index] ^= 0xff }
    let host = try FileHost(old, tag: "\"old\"")
    host.plan(.cut(after: 300_000), .status(500), .status(500), .status(500))
    let store = store([.url(host.address + "/a")])
    await #expect(throws: LocalModelError.self) { try await pull(store) }
    host.change(to: Self.content, tag: "\"new\"")
    let path = try await pull(store)
    #expect(try bytes(path) == Self.content)
  }

  @Test func withoutAMarkOfTheVersionItStartsAnew() async throws {
    let host = try FileHost(Self.content, tag: nil)
    host.plan(.cut(after: 300_000))
    let path = try await pull(store([.url(host.address + "/a")]))
    #expect(try bytes(path) == Self.content)
    #expect(host.requests.map { $0.headers["range"] } == [nil, nil])
  }

  @Test(arguments: [
    FileHost.Conduct.ignoresRanges, .wrongRange, .noLength, .silent(after: 100_000), .status(500),
  ])
  func anOddAnswerToTheSecondRequestDoesNoHarm(_ conduct: FileHost.Conduct) async throws {
    let host = try FileHost(Self.content)
    host.plan(.cut(after: 250_000), conduct)
    let pace = DownloadPace(
      stall: .milliseconds(500), fruitlessAttempts: 50, backOff: .milliseconds(1))
    let path = try await pull(store([.url(host.address + "/a")], pace: pace))
    #expect(try bytes(path) == Self.content)
  }

  @Test func redirectsAreFollowedWithTheRange() async throws {
    let host = try FileHost(Self.content)
    host.plan(
      .redirect("/elsewhere"), .cut(after: 100_000), .redirect(host.address + "/elsewhere"))
    let path = try await pull(store([.url(host.address + "/a")]))
    #expect(try bytes(path) == Self.content)
    #expect(host.requests.map(\.path) == ["/a", "/elsewhere", "/a", "/elsewhere"])
    #expect(host.requests.last?.headers["range"] == "bytes=100000-")
  }

  @Test func theNextSourceIsTriedWhenOneFails() async throws {
    let good = try FileHost(Self.content)
    let gone = try FileHost(Self.content)
    gone.plan(.status(404))
    let path = try await pull(
      store([.url("http://127.0.0.1:1/x"), .url(gone.address + "/b"), .url(good.address + "/a")]))
    #expect(try bytes(path) == Self.content)
    let failures = seen.withLock { $0 }.compactMap { step in
      if case .sourceFailed(_, let reason) = step { reason } else { nil }
    }
    #expect(failures.count == 2)
    #expect(failures.last?.contains("404") == true)
    #expect(gone.requests.count == 1)
  }

  @Test func wrongBytesAreNeverKept() async throws {
    var wrong = Self.content
    wrong[450_000] ^= 1
    let host = try FileHost(wrong)
    let store = store([.url(host.address + "/a")])
    await #expect { try await pull(store) } throws: { error in
      guard let error = error as? LocalModelError else { return false }
      return error.code == .downloadFailed && error.detail.contains("SHA-256")
    }
    #expect(store.list().map(\.state) == [.absent])
  }

  @Test(arguments: [content.count - 1, content.count + 1])
  func aWrongLengthIsRefusedBeforeTheBodyIsFetched(_ size: Int) async throws {
    let host = try FileHost(Self.content)
    let store = store([.url(host.address + "/a")], size: size)
    await #expect { try await pull(store) } throws: { error in
      (error as? LocalModelError)?.detail.contains("bytes where \(size) are right") == true
    }
    #expect(host.requests.count == 1)
    #expect(store.list().map(\.state) == [.absent])
  }

  @Test func moreBytesThanAnnouncedAreRefused() async throws {
    let host = try FileHost(Self.content + [1, 2, 3])
    host.plan(.noLength)
    let store = store([.url(host.address + "/a")])
    await #expect { try await pull(store) } throws: { error in
      (error as? LocalModelError)?.code == .downloadFailed
    }
    #expect(store.list().map(\.state) == [.absent])
  }

  @Test func cancellingLeavesAStateToGoOnFrom() async throws {
    let host = try FileHost(Self.content)
    host.plan(.silent(after: 500_000))
    let patient = DownloadPace(stall: .seconds(60), fruitlessAttempts: 3, backOff: .seconds(60))
    let store = store([.url(host.address + "/a")], pace: patient)
    let (arrived, arrival) = AsyncStream<Void>.makeStream()
    let task = Task {
      try await store.pull("tiny") { step in
        if case .transferred(let done, _) = step, done >= 256_000 { arrival.finish() }
      }
    }
    for await _ in arrived {}
    task.cancel()
    await #expect { _ = try await task.value } throws: { error in
      (error as? LocalModelError)?.code == .cancelled
    }
    guard case .partial(let kept)? = store.list().first?.state else {
      Issue.record("nothing was kept")
      return
    }
    #expect(kept.value >= 256_000)
    #expect(try bytes(try await pull(store)) == Self.content)
    #expect(host.requests.last?.headers["range"] == "bytes=\(kept.value)-")
  }

  @Test func twoPullsAtOnceFetchOnce() async throws {
    let host = try FileHost(Self.content)
    let store = store([.url(host.address + "/a")])
    async let one = pull(store)
    async let two = pull(store)
    #expect(try await one == two)
    #expect(host.requests.count == 1)
  }

  // MARK: A file that is there

  @Test func aChangedFileIsFoundAtTheNextUse() async throws {
    let host = try FileHost(Self.content)
    let store = store([.url(host.address + "/a")])
    let path = try await pull(store)
    #expect(try await store.readyFile("tiny") == path)

    let handle = try FileHandle(forUpdating: URL(fileURLWithPath: path))
    try handle.seek(toOffset: 1000)
    try handle.write(contentsOf: Data([Self.content[1000] ^ 1]))
    try handle.close()
    for _ in 0..<2 {
      await #expect { try await store.readyFile("tiny") } throws: { error in
        guard let error = error as? LocalModelError else { return false }
        return error.code == .damaged && error.detail.contains(path)
          && error.detail.contains("stet model pull tiny")
      }
      #expect(store.list().map(\.state) == [.damaged])
    }
    #expect(try bytes(try await pull(store)) == Self.content)
    #expect(store.list().map(\.state) == [.ready])
  }

  @Test func aTruncatedFileIsSeenWithoutReadingIt() async throws {
    let host = try FileHost(Self.content)
    let store = store([.url(host.address + "/a")])
    let path = try await pull(store)
    truncate(path, 12_345)
    #expect(store.list().map(\.state) == [.damaged])
    await #expect { try await store.readyFile("tiny") } throws: { error in
      (error as? LocalModelError)?.detail.contains("12345 bytes") == true
    }
  }

  @Test func aFileThatSomebodyPlacedThereIsTakenOnceItsHashIsRight() async throws {
    let store = store([])
    let models = folder.path + "/data/models"
    try FileManager.default.createDirectory(atPath: models, withIntermediateDirectories: true)
    try Data(Self.content).write(to: URL(fileURLWithPath: models + "/tiny.gguf"))
    #expect(try await store.readyFile("tiny") == models + "/tiny.gguf")
    #expect(FileManager.default.fileExists(atPath: models + "/tiny.gguf.verified"))
  }

  @Test func anUnknownNameIsToldWithThoseThatAreKnown() async throws {
    await #expect { try await store([]).pull("gpt-9") } throws: { error in
      guard let error = error as? LocalModelError else { return false }
      return error.code == .unknownModel && error.detail.contains("tiny")
    }
  }

  @Test func tooLittleRoomIsToldBeforeAByteIsFetched() async throws {
    let host = try FileHost(Self.content)
    let store = store([.url(host.address + "/a")], size: 1 << 60)
    await #expect { try await pull(store) } throws: { error in
      guard let error = error as? LocalModelError else { return false }
      return error.code == .diskFull && error.detail.contains("STET_DATA_DIR")
    }
    #expect(host.requests.isEmpty)
  }

  @Test func theHashIsSHA256() async throws {
    let path = try folder.write("abc", "abc")
    // FIPS 180-2, appendix B.1.
    #expect(
      try await StoredFile.sha256(of: path)
        == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
  }

  @Test func theCatalogueIsSound() throws {
    let catalogue = ModelCatalogue.standard
    #expect(Set(catalogue.entries.map(\.name)).count == catalogue.entries.count)
    #expect(try catalogue.entry(named: catalogue.defaultName).name == "qwen2.5-coder-0.5b")
    for entry in catalogue.entries {
      #expect(entry.sha256.count == 64)
      #expect(entry.sha256.allSatisfy { "0123456789abcdef".contains($0) })
      #expect(!entry.sources.isEmpty)
      #expect(entry.profile.maxOutput < entry.profile.contextWindow)
    }
  }
}
