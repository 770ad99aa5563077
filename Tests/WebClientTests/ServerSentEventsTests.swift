import Testing
import WebClient

@Suite("Server-sent events")
struct ServerSentEventsTests {
  /// Everything that can be cut at a bad place: a mark, all three line ends, comments, characters
  /// of two, three and four bytes, fields without a colon, an event without data.
  static let stream = Array(
    ("\u{FEFF}data: first\n\n" + ": a comment\r\n\r\n" + "event: delta\r\ndata: zwei — Grüße\r\n"
      + "data:  🦊 three\r\nid: 7\r\n\r\n" + "data\rretry: 250\r\r" + "event: lost\n\n"
      + "data:{\"a\":1}\nid\nunknown: x\n\n" + "data: last").utf8)

  static let events = [
    ServerSentEvent(data: "first"),
    ServerSentEvent(event: "delta", data: "zwei — Grüße\n 🦊 three", id: "7"),
    ServerSentEvent(data: "", id: "7", retry: .milliseconds(250)),
    ServerSentEvent(data: "{\"a\":1}", id: ""),
    ServerSentEvent(data: "last", id: ""),
  ]

  private func parse(_ chunks: [ArraySlice<UInt8>]) throws -> [ServerSentEvent] {
    var parser = ServerSentEvents()
    var events: [ServerSentEvent] = []
    for chunk in chunks { events += try parser.feed(chunk) }
    return events + parser.finish()
  }

  @Test("are the same in one piece, in single bytes and cut in two anywhere")
  func cuts() throws {
    let stream = Self.stream
    #expect(try parse([stream[...]]) == Self.events)
    #expect(try parse(stream.indices.map { stream[$0...$0] }) == Self.events)
    for cut in 0...stream.count {
      #expect(try parse([stream[..<cut], stream[cut...]]) == Self.events, "cut at \(cut)")
    }
  }

  @Test("are the same in any chunking", arguments: 0..<300)
  func anyChunking(seed: UInt64) throws {
    var random = SplitMix(state: seed)
    var chunks: [ArraySlice<UInt8>] = []
    var rest = Self.stream[...]
    while !rest.isEmpty {
      let size = min(rest.count, Int.random(in: 0...9, using: &random))
      chunks.append(rest.prefix(size))
      rest = rest.dropFirst(size)
    }
    #expect(try parse(chunks) == Self.events)
  }

  @Test("never trap on noise, and noise too is the same in any chunking", arguments: 0..<300)
  func noise(seed: UInt64) throws {
    var random = SplitMix(state: seed &+ 0xABCD)
    let alphabet = Array("data:event id\r\n\n\r: retry0".utf8) + [0, 0xEF, 0xBB, 0xBF, 0xFF, 0xC3]
    let bytes = (0..<400).map { _ in alphabet.randomElement(using: &random) ?? 0 }
    let whole = try parse([bytes[...]])
    let cut = Int.random(in: 0...bytes.count, using: &random)
    #expect(try parse([bytes[..<cut], bytes[cut...]]) == whole)
    #expect(try parse(bytes.indices.map { bytes[$0...$0] }) == whole)
  }

  @Test(
    "have a bounded size",
    arguments: [
      "data: " + String(repeating: "x", count: 2000), ":" + String(repeating: "-", count: 2000),
    ])
  func bounded(line: String) {
    var parser = ServerSentEvents(maxEventBytes: 1000)
    let error = #expect(throws: WebError.self) { try parser.feed(line.utf8) }
    #expect(error?.code == .tooLarge)
  }

  @Test("of many small lines are bounded as a whole")
  func manyLines() {
    var parser = ServerSentEvents(maxEventBytes: 1000)
    #expect(throws: WebError.self) {
      for _ in 0..<1000 { _ = try parser.feed("data: 12345678\n".utf8) }
    }
  }
}

/// A seeded generator, so that a failure can be repeated.
struct SplitMix: RandomNumberGenerator {
  var state: UInt64
  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}
