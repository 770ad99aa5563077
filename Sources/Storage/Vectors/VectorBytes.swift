/// A vector as bytes: each number as four of IEEE 754, the lowest first.
enum VectorBytes {
  static func bytes(_ vector: [Float]) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(vector.count * 4)
    for number in vector {
      let bits = number.bitPattern
      bytes.append(UInt8(truncatingIfNeeded: bits))
      bytes.append(UInt8(truncatingIfNeeded: bits >> 8))
      bytes.append(UInt8(truncatingIfNeeded: bits >> 16))
      bytes.append(UInt8(truncatingIfNeeded: bits >> 24))
    }
    return bytes
  }

  /// `nil` where a number is missing, or is none.
  static func vector(_ bytes: [UInt8]) -> [Float]? {
    guard !bytes.isEmpty, bytes.count % 4 == 0 else { return nil }
    var vector: [Float] = []
    vector.reserveCapacity(bytes.count / 4)
    for start in stride(from: 0, to: bytes.count, by: 4) {
      let bits =
        UInt32(bytes[start]) | UInt32(bytes[start + 1]) << 8 | UInt32(bytes[start + 2]) << 16
        | UInt32(bytes[start + 3]) << 24
      let number = Float(bitPattern: bits)
      guard number.isFinite else { return nil }
      vector.append(number)
    }
    return vector
  }
}
