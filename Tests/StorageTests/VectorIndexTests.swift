import Domain
import Foundation
import Testing

@testable import Storage

@Suite struct VectorIndexTests {
  private static let vault = Vault(
    keys: [SecretKey(bytes: [UInt8](repeating: 3, count: 32))].compactMap { $0 })

  private static func vectors(
    _ count: Int, _ dimension: Int, seed: UInt64 = 1
  ) -> [[Float]] {
    var state = seed &* 0x9e37_79b9_7f4a_7c15 | 1
    func next() -> Float {
      state ^= state << 13
      state ^= state >> 7
      state ^= state << 17
      return Float(Int64(bitPattern: state) >> 40) / Float(1 << 23)
    }
    return (0..<count).map { _ in
      let vector = (0..<dimension).map { _ in next() }
      let length = vector.reduce(0) { $0 + $1 * $1 }.squareRoot()
      return vector.map { $0 / length }
    }
  }

  /// Against a plain loop in double precision.
  @Test(arguments: [(1, 1), (3, 7), (100, 16), (257, 31), (5_000, 384), (4_001, 300)])
  func theNearestAreExact(_ count: Int, _ dimension: Int) {
    let vectors = Self.vectors(count, dimension)
    let keys = (0..<count).map { "k\(String($0 + 100_000))" }
    let block = VectorBlock(keys: keys, dimension: dimension) { vectors[$0] }
    for question in Self.vectors(3, dimension, seed: 9) {
      let scores = vectors.map { vector in
        zip(vector, question).reduce(0.0) { $0 + Double($1.0) * Double($1.1) }
      }
      let expected = scores.indices.sorted { (scores[$1], $0) < (scores[$0], $1) }.prefix(20)
      let found = block.nearest(to: question, count: 20)
      #expect(found.count == min(20, count))
      for (place, entry) in found.enumerated() {
        // Two that differ by less than a float tells may change places.
        let wanted = expected[expected.startIndex + place]
        #expect(
          entry.place == wanted || abs(scores[entry.place] - scores[wanted]) < 1e-5,
          "\(place): \(entry) instead of \(wanted)")
        #expect(abs(Double(entry.score) - scores[entry.place]) < 1e-5)
      }
    }
  }

  @Test func equalsComeInTheOrderOfTheirKeys() {
    let block = VectorBlock(keys: (0..<100).map { "k\($0 + 100)" }, dimension: 2) {
      $0 % 2 == 0 ? [1, 0] : [0, 1]
    }
    let found = block.nearest(to: [1, 0], count: 5)
    #expect(found.map(\.place) == [0, 2, 4, 6, 8])
    #expect(block.nearest(to: [1, 0, 0], count: 5).isEmpty)
    #expect(block.nearest(to: [1, 0], count: 0).isEmpty)
    // What is no number is never near.
    let odd = VectorBlock(keys: ["a", "b"], dimension: 1) { $0 == 0 ? [.nan] : [0.5] }
    #expect(odd.nearest(to: [1], count: 1).map(\.place) == [1])
  }

  @Test(arguments: Engine.available)
  func anIndexIsTheSameOnEveryDatabase(_ engine: Engine) async throws {
    try await engine.withDatabases { open in
      let index = SQLVectorIndex(open(), vault: Self.vault)
      #expect(try await index.nearest(to: [1, 0], count: 3, in: "s").isEmpty)
      try await index.store(["b": [0, 1], "a": [0.6, 0.8], "c": [1, 0]], in: "s")
      try await index.store(["a": [1, 0]], in: "other")
      func keys(_ count: Int = 3, _ scope: String = "s") async throws -> [String] {
        try await index.nearest(to: [1, 0], count: count, in: scope).map(\.key)
      }
      #expect(try await keys() == ["c", "a", "b"])
      #expect(try await keys(1) == ["c"])
      #expect(try await keys(3, "other") == ["a"])
      // Another process adds one, and replaces one: this one finds out.
      let other = SQLVectorIndex(open(), vault: Self.vault)
      try await other.store(["d": [1, 0], "b": [0.8, 0.6]], in: "s")
      #expect(try await keys(4) == ["c", "d", "b", "a"])
      for wrong in [["e": [Float(1)]], ["e": [1, 0, 0]]] {
        await #expect(throws: StoreError.self) { try await index.store(wrong, in: "s") }
      }
      await #expect(throws: StoreError.self) {
        try await index.nearest(to: [1, 0, 0], count: 1, in: "s")
      }
      try await other.remove(scope: "s")
      #expect(try await keys().isEmpty)
      // It came again, with other numbers in each.
      try await other.store(["z": [1, 0, 0]], in: "s")
      #expect(
        try await index.nearest(to: [1, 0, 0], count: 1, in: "s").map(\.key) == ["z"])
      #expect(try await keys(3, "other") == ["a"])
    }
  }
}
