import Domain
import Foundation
import Testing

@testable import Storage

@Suite struct KeyRegisterTests {
  private func key(_ byte: UInt8, id: String? = nil) throws -> SecretKey {
    try #require(SecretKey(id: id, bytes: [UInt8](repeating: byte, count: 32)))
  }

  @Test func aKeyShowsItsIDOnly() throws {
    let key = try key(7)
    #expect(key.id.count == 8 && "\(key)" == key.id)
    #expect(SecretKey(bytes: [1, 2, 3]) == nil)
    var dumped = ""
    dump(key, to: &dumped)
    #expect(!dumped.contains("7, 7") && !dumped.contains("- 7"))
  }

  @Test func aDatabaseBelongsToItsKey() async throws {
    try await withFolder { folder in
      let register = SQLKeyRegister(SQLiteDatabase(path: folder + "/a.db"))
      let (old, new) = (try key(1), try key(2))
      try await register.check([old])
      try await register.check([old])
      let refused = await #expect(throws: StoreError.self) { try await register.check([new]) }
      #expect(refused?.code == .refused)
      #expect(refused?.detail.contains(old.id) == true)
      // Turned: the new one first, and later alone.
      try await register.check([new, old])
      try await register.check([new])
      await #expect(throws: StoreError.self) { try await register.check([old]) }
    }
  }

  /// The way out where a key is lost: nothing is encrypted with it yet.
  @Test func anotherKeyTakesItsPlace() async throws {
    try await withFolder { folder in
      let register = SQLKeyRegister(SQLiteDatabase(path: folder + "/a.db"))
      let (old, new) = (try key(1), try key(2))
      #expect(try await register.known().isEmpty)
      try await register.check([old])
      let refused = await #expect(throws: StoreError.self) {
        try await register.check([new], file: "/there/secret.key")
      }
      #expect(refused?.detail.contains("/there/secret.key") == true)
      #expect(refused?.detail.contains("--new-key") == true)
      #expect(refused?.detail.contains("STET_SECRET_KEY") == false)
      try await register.replaceAll(with: new)
      #expect(try await register.known() == [new.id])
      await #expect(throws: StoreError.self) { try await register.check([old]) }
      try await register.replaceAll(with: nil)
      try await register.check([old])
    }
  }

  @Test func oneIDIsOneKey() async throws {
    try await withFolder { folder in
      let register = SQLKeyRegister(SQLiteDatabase(path: folder + "/a.db"))
      try await register.check([key(1, id: "a")])
      await #expect(throws: StoreError.self) { try await register.check([key(2, id: "a")]) }
      try await register.check([key(1, id: "a")])
    }
  }
}
