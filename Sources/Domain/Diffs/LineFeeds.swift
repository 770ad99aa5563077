#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

extension UnsafePointer<UInt8> {
  /// Offset of the next line feed in `start..<end`, or `end`.
  @inline(__always)
  func indexOfLineFeed(from start: Int, to end: Int) -> Int {
    guard start < end, let found = memchr(self + start, 10, end - start) else { return end }
    return UnsafeRawPointer(found) - UnsafeRawPointer(self)
  }
}

extension [UInt8] {
  /// Offset of the next line feed in `start..<end`, or `end`.
  func indexOfLineFeed(from start: Int, to end: Int) -> Int {
    withUnsafeBufferPointer { buffer in
      guard let base = buffer.baseAddress, end <= buffer.count else { return end }
      return base.indexOfLineFeed(from: start, to: end)
    }
  }
}
