import Domain
import Foundation
import Testing

@testable import Storage

@Suite struct VaultTests {
  private func key(_ byte: UInt8) throws -> SecretKey {
    try #require(SecretKey(id: "k\(byte)", bytes: [UInt8](repeating: byte, count: 32)))
  }

  @Test func whatIsSealedOpensForItsPurposeAlone() throws {
    let vault = Vault(keys: [try key(1)])
    let plain = Array("what somebody wrote".utf8)
    let sealed = try vault.seal(plain, for: "example 1")
    #expect(try vault.open(sealed, for: "example 1") == plain)
    #expect(vault.keyID(of: sealed) == "k1" && vault.isCurrent(sealed))
    #expect(!String(decoding: sealed, as: UTF8.self).contains("somebody"))
    // The same text twice is two texts to whoever reads the database.
    #expect(try vault.seal(plain, for: "example 1") != sealed)
    let error = #expect(throws: StoreError.self) { try vault.open(sealed, for: "example 2") }
    #expect(error?.code == .corrupt)
    #expect(try vault.open(vault.seal([], for: ""), for: "") == [])
  }

  @Test func everyChangedByteIsFound() throws {
    let vault = Vault(keys: [try key(1), try key(2)])
    let sealed = try vault.seal([1, 2, 3], for: "p")
    for place in sealed.indices {
      var damaged = sealed
      damaged[place] ^= 1
      #expect(throws: StoreError.self, "byte \(place)") { try vault.open(damaged, for: "p") }
    }
    for count in 0..<sealed.count {
      #expect(throws: StoreError.self, "\(count) bytes") {
        try vault.open(Array(sealed.prefix(count)), for: "p")
      }
    }
    #expect(vault.keyID(of: []) == nil && vault.keyID(of: [9, 9, 9]) == nil)
  }

  @Test func aTurnedKeyOpensWhatTheOldOneSealed() throws {
    let (old, new) = (try key(1), try key(2))
    let sealed = try Vault(keys: [old]).seal([7], for: "p")
    let turned = Vault(keys: [new, old])
    #expect(try turned.open(sealed, for: "p") == [7])
    #expect(!turned.isCurrent(sealed))
    #expect(turned.isCurrent(try turned.seal([7], for: "p")))
    let error = #expect(throws: StoreError.self) {
      try Vault(keys: [new]).open(sealed, for: "p")
    }
    #expect(error?.code == .refused && error?.detail.contains("k1") == true)
    // Another key of the same id is told from damage as far as it can be.
    let other = try #require(SecretKey(id: "k1", bytes: [UInt8](repeating: 9, count: 32)))
    let corrupt = #expect(throws: StoreError.self) {
      try Vault(keys: [other]).open(sealed, for: "p")
    }
    #expect(corrupt?.code == .corrupt)
  }

  @Test func withoutAKeyNothingIsSealed() {
    let error = #expect(throws: StoreError.self) { try Vault(keys: []).seal([1], for: "p") }
    #expect(error?.code == .refused && error?.detail.contains("STET_SECRET_KEY") == true)
  }
}
