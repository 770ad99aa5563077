import CZlib
import Domain

/// zlib's format (RFC 1950) at its fastest level: webhooks shrink to about a sixth, and that is what
/// the disk has to take.
enum Compression {
  /// Blocks for about 5 µs a kilobyte.
  static func deflate(_ bytes: [UInt8]) throws(StoreError) -> [UInt8] {
    var size = compressBound(uLong(bytes.count))
    var packed = [UInt8](repeating: 0, count: Int(size))
    let status = compress2(&packed, &size, bytes, uLong(bytes.count), 1)
    guard status == Z_OK else {
      throw StoreError(code: .failed, detail: "\(bytes.count) bytes could not be compressed.")
    }
    packed.removeLast(packed.count - Int(size))
    return packed
  }

  /// - Parameter count: bytes that must come out: not one more is made, whatever the input says.
  /// - Throws: `.corrupt` where it is not the compressed form of exactly so many bytes.
  static func inflate(_ packed: [UInt8], count: Int) throws(StoreError) -> [UInt8] {
    let damaged = StoreError(code: .corrupt, detail: "compressed bytes are damaged.")
    guard count >= 0, count <= largest else { throw damaged }
    // One byte more, so that too many are noticed, and none at all has an address to go to.
    var bytes = [UInt8](repeating: 0, count: count + 1)
    var made = uLong(count + 1)
    var taken = uLong(packed.count)
    guard uncompress2(&bytes, &made, packed, &taken) == Z_OK, Int(made) == count,
      Int(taken) == packed.count
    else { throw damaged }
    bytes.removeLast()
    return bytes
  }

  /// Larger bodies are never stored, so a larger count is damage.
  static let largest = 256 << 20
}
