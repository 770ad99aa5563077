import Domain
import Foundation
import Testing

@testable import Storage

/// Source of the values: the Fernet specification's `generate.json`.
@Suite struct FernetTests {
  private static let key = "cw_0x689RpI-jtRR7oE8h" + "_eQsKImvJapLeSbXpwF4e4="
  private static let token =
    "gAAAAAAdwJ6wAAECAwQFBgcICQoLDA0ODy021cpGVWKZ" + "_eEwCGM4BLLF_5CV9dOPmrhuVUPgJobwOz7JcbmrR64"
    + "jVmpU4IwqDA=="

  @Test func theSpecificationsToken() throws {
    let fernet = try #require(Fernet(key: Self.key))
    let opened = try fernet.open(Self.token)
    #expect(String(decoding: opened.text, as: UTF8.self) == "hello")
    #expect(opened.sealedAt == Date(timeIntervalSince1970: 499_162_800))
    // As files hold it.
    #expect(try fernet.open(Self.token + "\n").text == opened.text)
    #expect("\(fernet)" == "a Fernet key")
    var dumped = ""
    dump(fernet, to: &dumped)
    #expect(!dumped.contains("SymmetricKey"))
  }

  @Test(arguments: ["", "short", "cw_0x689RpI+jtRR7oE8h/eQsKImvJapLeSbXpwF4e4=", "====", "a b"])
  func noKey(_ text: String) { #expect(Fernet(key: text) == nil) }

  /// Every byte of it is vouched for.
  @Test func whatWasChangedIsRefused() throws {
    let fernet = try #require(Fernet(key: Self.key))
    let characters = Array(Self.token)
    for place in stride(from: 0, to: characters.count - 2, by: 3) {
      var changed = characters
      changed[place] = changed[place] == "A" ? "B" : "A"
      let error = #expect(throws: StoreError.self) { try fernet.open(String(changed)) }
      #expect(error?.code == .corrupt)
    }
    for text in ["", "gAAAA", String(Self.token.dropLast(24)), String(repeating: "A", count: 200)] {
      #expect(throws: StoreError.self) { try fernet.open(text) }
    }
    let other = try #require(Fernet(key: String(repeating: "A", count: 43)))
    #expect(throws: StoreError.self) { try other.open(Self.token) }
  }
}
