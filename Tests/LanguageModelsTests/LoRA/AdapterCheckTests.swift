import Domain
import Foundation
import TestKit
import Testing

@testable import LanguageModels

/// What is taken for an adapter, and what is not, whoever says that it is one.
@Suite struct AdapterCheckTests {
  let folder: TemporaryFolder
  let files: AdapterFiles
  let base: BaseModelFiles

  init() throws {
    folder = try TemporaryFolder()
    files = AdapterFiles(dataFolder: folder.path)
    let gguf = folder.path + "/base.gguf"
    try Data(AdapterSample(1).base()).write(to: URL(fileURLWithPath: gguf))
    base = BaseModelFiles(name: "tiny", gguf: gguf, folder: nil, sha256: "aa")
  }

  private func kept(_ sample: AdapterSample) async throws -> StoredAdapter {
    let fresh = try files.freshFolder()
    try sample.write(fresh)
    return try await files.keep(fresh, base: base)
  }

  @Test func theSameWeightsHaveTheSameNameAndOthersAnother() async throws {
    let first = try await kept(AdapterSample(1))
    let again = try await kept(AdapterSample(1))
    let other = try await kept(AdapterSample(2))
    var scaled = AdapterSample(1)
    scaled.alpha = 8
    let louder = try await kept(scaled)
    #expect(first == again)
    #expect(Set([first.name, other.name, louder.name]).count == 3)
    #expect(files.names.count == 3)
    #expect(files.stored(first.name) == first)
    #expect(first.gguf == first.folder + "/adapter.gguf")
    #expect(await AdapterFiles.isSound(first))
    files.remove(first.name)
    #expect(files.stored(first.name) == nil)
  }

  private func fault(_ sample: AdapterSample) async throws -> AdapterFault {
    let fresh = try files.freshFolder()
    try sample.write(fresh)
    return try await #require(throws: AdapterFault.self) {
      try await files.keep(fresh, base: base)
    }
  }

  @Test func anAdapterOfAnotherBaseIsRefused() async throws {
    var wide = AdapterSample(1)
    wide.width = 16
    #expect(try await fault(wide).kind == .otherBase)
    var strange = AdapterSample(1)
    strange.architecture = "qwen2"
    #expect(try await fault(strange).kind == .otherBase)
    var elsewhere = AdapterSample(1)
    elsewhere.baseHash = "bb"
    #expect(try await fault(elsewhere).kind == .otherBase)
    elsewhere.baseHash = "aa"
    _ = try await kept(elsewhere)
  }

  @Test func whatChangesNothingOrDivergedIsRefused() async throws {
    var still = AdapterSample(1)
    still.constant = 0
    #expect(try await fault(still).kind == .withoutEffect)
    still.constant = -0.0
    #expect(try await fault(still).kind == .withoutEffect)
    for number in [Float.nan, .infinity, -.infinity] {
      var wild = AdapterSample(1)
      wild.constant = number
      let fault = try await fault(wild)
      #expect(fault.kind == .corrupt)
      #expect(fault.detail.contains("finite"))
    }
  }

  @Test(arguments: [
    ["r": "3"], ["r": "0"], ["peft_type": "\"IA3\""], ["lora_alpha": "-1"],
    ["use_dora": "true"], ["use_rslora": "true"], ["bias": "\"all\""],
    ["modules_to_save": "[\"lm_head\"]"], ["lora_alpha": "5"],
  ])
  func aConfigurationThatDoesNotFitIsRefused(_ settings: [String: String]) async throws {
    var sample = AdapterSample(1)
    sample.settings = settings
    #expect(try await fault(sample).kind == .corrupt)
  }

  /// Every place at which a file may end, and every byte of the headers that may be another.
  @Test(arguments: ["adapter_model.safetensors", "adapter.gguf", "adapter_config.json"])
  func aDamagedFileIsRefusedOrGivesAnotherName(_ file: String) async throws {
    let sound = try await kept(AdapterSample(1))
    let whole = try Data(contentsOf: URL(fileURLWithPath: sound.folder + "/" + file))
    let fresh = try files.freshFolder()
    for end in stride(from: 0, to: whole.count, by: max(1, whole.count / 97)) {
      try AdapterSample(1).write(fresh)
      try whole.prefix(end).write(to: URL(fileURLWithPath: fresh + "/" + file))
      await #expect(throws: AdapterFault.self, "cut at \(end)") {
        try await AdapterCheck.checked(fresh, base: base)
      }
    }
    for place in stride(from: 0, to: min(whole.count, 900), by: 7) {
      try AdapterSample(1).write(fresh)
      var bytes = whole
      bytes[place] ^= 0x5a
      try bytes.write(to: URL(fileURLWithPath: fresh + "/" + file))
      // Never the same name for other bytes.
      if let name = try? await AdapterCheck.checked(fresh, base: base) {
        #expect(name != sound.name, "changed at \(place)")
      }
    }
  }

  @Test func llamaCppsFormMustBeThere() async throws {
    var bare = AdapterSample(1)
    bare.hasGGUF = false
    #expect(try await fault(bare).kind == .corrupt)
    // Where the base is on another server, it need not.
    let fresh = try files.freshFolder()
    try bare.write(fresh)
    let elsewhere = BaseModelFiles(name: "large", gguf: nil, folder: nil, sha256: nil)
    #expect(try await files.keep(fresh, base: elsewhere).gguf == nil)
  }

  @Test func aChangedFileIsNoticedBeforeItIsServed() async throws {
    let adapter = try await kept(AdapterSample(1))
    let path = adapter.folder + "/adapter_model.safetensors"
    var bytes = try Data(contentsOf: URL(fileURLWithPath: path))
    bytes[bytes.count - 1] ^= 1
    try bytes.write(to: URL(fileURLWithPath: path))
    #expect(await !AdapterFiles.isSound(adapter))
  }
}
