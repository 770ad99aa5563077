import Domain
import Testing

@testable import Storage

@Suite struct CompressionTests {
  /// Bodies of many sizes and kinds, the same each time.
  private func bodies() -> [[UInt8]] {
    var generator = SplitMix(state: 7)
    var bodies: [[UInt8]] = [[], [0], Array("{}".utf8)]
    for size in [1, 2, 100, 4_095, 65_536, 300_000] {
      bodies.append((0..<size).map { _ in UInt8.random(in: 0...255, using: &generator) })
      bodies.append(Array(repeating: 65, count: size))
      let words = ["pull_request", ":", "{", "\"", "opened", "\n"]
      var text = ""
      while text.utf8.count < size { text += words.randomElement(using: &generator) ?? "" }
      bodies.append(Array(text.utf8))
    }
    return bodies
  }

  @Test func whatGoesInComesOut() throws {
    for body in bodies() {
      let packed = try Compression.deflate(body)
      #expect(packed.count <= body.count + body.count / 500 + 64)
      #expect(try Compression.inflate(packed, count: body.count) == body)
    }
  }

  @Test func aWrongCountIsDamage() throws {
    for body in bodies() {
      let packed = try Compression.deflate(body)
      for count in [body.count - 1, body.count + 1, 0, -1, .max] where count != body.count {
        #expect(throws: StoreError.self) { try Compression.inflate(packed, count: count) }
      }
    }
  }

  /// A bomb makes no more bytes than were asked for.
  @Test func aBombIsRefused() throws {
    let bomb = try Compression.deflate(Array(repeating: 0, count: 50_000_000))
    #expect(throws: StoreError.self) { try Compression.inflate(bomb, count: 1_000) }
  }

  @Test func damagedBytesNeverComeOutAsSomethingElse() throws {
    var generator = SplitMix(state: 11)
    for body in bodies() where body.count < 70_000 && !body.isEmpty {
      let packed = try Compression.deflate(body)
      for _ in 0..<20 {
        var broken = packed
        broken[Int.random(in: broken.indices, using: &generator)] ^= UInt8.random(
          in: 1...255, using: &generator)
        // The header has bits that mean nothing to the content.
        let result = try? Compression.inflate(broken, count: body.count)
        #expect(result == nil || result == body)
      }
      #expect(throws: StoreError.self) {
        try Compression.inflate(Array(packed.dropLast()), count: body.count)
      }
      #expect(throws: StoreError.self) {
        try Compression.inflate(packed + [0], count: body.count)
      }
    }
  }
}

/// Random numbers that are the same each time.
private struct SplitMix: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }
}
