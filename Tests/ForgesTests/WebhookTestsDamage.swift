import Domain
import Foundation
import Testing

@testable import Forges

/// Whatever is taken from, put into or broken in a payload: an event or a plain refusal.
@Suite(
  .enabled(
    if: !SharedWebhooks.names.isEmpty, "no shared data: set STET_SHARED_DATA to run these tests"))
struct WebhookDamageTests {
  private let reader = GitHubWebhooks(secret: SharedWebhooks.secret)

  @Test(arguments: SharedWebhooks.names)
  func membersComeAndGo(name: String) throws {
    var random = WebhookRandom(state: name.utf8.reduce(7) { $0 &* 31 &+ UInt64($1) })
    let whole = try SharedWebhooks.object(name)
    let event = SharedWebhooks.event(name)
    for _ in 0..<12 {
      let rate = Double.random(in: 0.001...0.2, using: &random)
      let changed = damaged(whole, rate: rate, using: &random)
      let body = [UInt8](
        try JSONSerialization.data(withJSONObject: changed, options: [.fragmentsAllowed]))
      let headers = webhookHeaders(event, signature: webhookSignature(body))
      let identity = try reader.verify(body: body) { headers[$0] }
      let result = try reader.event(named: event, body: body)
      #expect(result.action == identity.action)
      if case .pullRequest(_, let pull) = result.content {
        #expect(pull.head.utf8.count == 40 && pull.base.utf8.count == 40)
        #expect(pull.reference.number > 0)
      }
      // What a job is given goes through the store.
      let stored = try JSONDecoder().decode(
        ForgeEvent.self, from: JSONEncoder().encode(result))
      #expect(stored == result)
    }
  }

  private func damaged(
    _ object: [String: Any], rate: Double, using random: inout WebhookRandom
  ) -> [String: Any] {
    var result: [String: Any] = [:]
    for key in object.keys.sorted() {
      guard let value = object[key] else { continue }
      switch Double.random(in: 0..<1, using: &random) / rate {
      case ..<0.3: continue
      case ..<0.6: result[key] = NSNull()
      case ..<0.9: result[key] = stranger(using: &random)
      case ..<1: result[key + "_new"] = stranger(using: &random)
      default:
        if let inner = value as? [String: Any] {
          result[key] = damaged(inner, rate: rate, using: &random)
        } else if let list = value as? [[String: Any]] {
          result[key] = list.map { damaged($0, rate: rate, using: &random) }
        } else {
          result[key] = value
        }
      }
    }
    return result
  }

  private func stranger(using random: inout WebhookRandom) -> Any {
    let kinds: [Any] = [
      -1, 0, 1e300, 1.5, Int64.max, true, "", "\u{0}\u{1F}\"\\", "é😀", [Any](), [1, "a", NSNull()],
      [String: Any](), ["id": "x", "login": 5, "sha": [1], "full_name": "../.."],
    ]
    return kinds[Int.random(in: 0..<kinds.count, using: &random)]
  }

  /// Foundation's reader says which of the broken texts are still JSON.
  @Test(arguments: SharedWebhooks.names)
  func brokenTextIsRefusedAsFoundationDoes(name: String) throws {
    let body = try SharedWebhooks.body(name)
    let event = SharedWebhooks.event(name)
    var random = WebhookRandom(state: UInt64(body.count) &* 3)
    let bytes = Array(#"{}[]",:\ntfu0123456789eE+-. "#.utf8) + [0, 10, 31, 127]
    for _ in 0..<25 {
      var broken = body
      let place = Int.random(in: 0..<body.count, using: &random)
      let byte = bytes[Int.random(in: 0..<bytes.count, using: &random)]
      switch Int.random(in: 0..<3, using: &random) {
      case 0: broken[place] = byte
      case 1: broken.insert(byte, at: place)
      default: broken.remove(at: place)
      }
      let isJSON = (try? JSONSerialization.jsonObject(with: Data(broken))) != nil
      do throws(WebhookError) {
        _ = try reader.event(named: event, body: broken)
        #expect(isJSON, "taken: \(name) at \(place)")
      } catch {
        #expect(error.code == .malformed)
        // Foundation on Linux lets a comma stand before the end of a list; RFC 8259 does not.
        let fault = #expect(throws: RawJSONFault.self) { try RawJSON(checking: broken) }
        let end = fault.flatMap { broken.dropFirst($0.offset).first }
        let isLooseComma = end == UInt8(ascii: "]") || end == UInt8(ascii: "}")
        #expect(!isJSON || isLooseComma, "refused: \(name) at \(place): \(error.detail)")
      }
    }
    for _ in 0..<10 {
      let part = Array(body.prefix(Int.random(in: 0..<(body.count - 4), using: &random)))
      #expect(throws: WebhookError.self) { try reader.event(named: event, body: part) }
    }
  }
}

struct RawJSONTests {
  @Test(arguments: [
    "", " ", "{", "[", "\"", "\"\\", "\"\\u12\"", "\"\\x\"", "{\"a\"}", "{\"a\":1,}", "{,}", "[1,]",
    "[,1]", "01", "-", "1.", "1e", ".5", "+1", "tru", "nul", "1 2", "'a'", "\"\u{1}\"",
    "{\"a\" 1}", "{a:1}", "[1 2]", "\u{FEFF}{}", "NaN", "--1", "\"a\nb\"",
  ])
  func isNotJSON(text: String) {
    #expect(throws: RawJSONFault.self) { try RawJSON(checking: Array(text.utf8)) }
  }

  @Test(arguments: [
    "{}", "[]", " { } ", "0", "-0", "1.5e+3", "1E-2", "true", "null", "\"\"", "[[],{}]",
    "{\"a\":[1,{\"b\":null}],\"c\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00Ff\"}\r\n\t",
  ])
  func isJSON(text: String) throws { _ = try RawJSON(checking: Array(text.utf8)) }

  @Test func depthIsBounded() throws {
    func nested(_ depth: Int) -> [UInt8] {
      Array(repeating: UInt8(ascii: "["), count: depth)
        + Array(repeating: UInt8(ascii: "]"), count: depth)
    }
    _ = try RawJSON(checking: nested(128))
    #expect(throws: RawJSONFault.self) { try RawJSON(checking: nested(129)) }
    #expect(throws: RawJSONFault.self) {
      try RawJSON(checking: Array(repeating: UInt8(ascii: "["), count: 1_000_000))
    }
  }

  @Test func valuesAreFound() throws {
    let text = #"""
      {"skip" : {"a": "}]\"", "b": [1, [2]]} ,"n":12,"\u0061ction":"x\ny","s":"a\/b","f":1.5,
       "list":[1,"two",null,{"n":3},[4]],"no":null,"big":99999999999999999999,"a":1,"a":2,"t":true}
      """#
    let json = try RawJSON(checking: Array(text.utf8))
    #expect(json["n"]?.integer == 12)
    #expect(json["action"]?.string == "x\ny")
    #expect(json["s"]?.string == "a/b")
    #expect(json["f"]?.integer == nil && json["big"]?.integer == nil)
    #expect(json["no"] == nil && json["absent"] == nil && json["n"]?["x"] == nil)
    #expect(json["a"]?.integer == 1)
    #expect(json["t"]?.bool == true && json["n"]?.bool == nil)
    let list = try #require(json["list"]?.elements)
    #expect(list.count == 5)
    #expect(list[1].string == "two" && list[3]["n"]?.integer == 3)
    #expect(list[4].elements.first?.integer == 4)
    #expect(
      json["skip"]?["b"]?.elements.last.map { String(decoding: $0.bytes, as: UTF8.self) } == "[2]")
  }
}
