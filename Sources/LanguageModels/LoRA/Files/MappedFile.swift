import SystemPackage

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// A file's bytes without reading them all: weights are large, and what describes them stands at
/// their start. For files that nobody writes to any more.
final class MappedFile: Sendable {
  private nonisolated(unsafe) let start: UnsafeRawPointer?
  let count: Int

  /// - Returns: `nil` when the file cannot be read.
  init?(_ path: String) {
    guard
      let file = try? FileDescriptor.open(path, .readOnly, options: .closeOnExec)
    else { return nil }
    defer { try? file.close() }
    guard let size = try? file.seek(offset: 0, from: .end) else { return nil }
    count = Int(size)
    guard count > 0 else {
      start = nil
      return
    }
    guard let mapped = mmap(nil, count, PROT_READ, MAP_PRIVATE, file.rawValue, 0),
      mapped != MAP_FAILED
    else { return nil }
    start = UnsafeRawPointer(mapped)
  }

  deinit {
    if let start { munmap(UnsafeMutableRawPointer(mutating: start), count) }
  }

  /// The bytes, for the time of the call.
  func withBytes<Value, Failure: Error>(
    _ body: (UnsafeRawBufferPointer) throws(Failure) -> Value
  ) throws(Failure) -> Value {
    try body(UnsafeRawBufferPointer(start: start, count: start == nil ? 0 : count))
  }
}

/// Reads little-endian values one after another, and never beyond the end.
struct ByteReader {
  private let bytes: UnsafeRawBufferPointer
  private(set) var offset = 0

  init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

  var rest: Int { bytes.count - offset }

  mutating func integer<Value: FixedWidthInteger>(_ type: Value.Type) throws(AdapterFault) -> Value
  {
    let size = MemoryLayout<Value>.size
    guard rest >= size else { throw .truncated }
    let value = bytes.loadUnaligned(fromByteOffset: offset, as: Value.self)
    offset += size
    return Value(littleEndian: value)
  }

  /// A length that must fit in what is left.
  mutating func length() throws(AdapterFault) -> Int {
    let value = try integer(UInt64.self)
    guard value <= UInt64(rest) else { throw .truncated }
    return Int(value)
  }

  mutating func skip(_ count: Int) throws(AdapterFault) {
    guard count >= 0, rest >= count else { throw .truncated }
    offset += count
  }

  mutating func take(_ count: Int) throws(AdapterFault) -> UnsafeRawBufferPointer {
    guard count >= 0, rest >= count else { throw .truncated }
    defer { offset += count }
    return UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + count])
  }

  mutating func text() throws(AdapterFault) -> String {
    String(decoding: try take(try length()), as: UTF8.self)
  }
}

/// Why files are no adapter that may be used.
struct AdapterFault: Error, Equatable {
  enum Kind: Sendable, Equatable {
    /// They cannot be read, or are not what their format says.
    case corrupt
    /// A sound adapter, of another base model.
    case otherBase
    /// It changes nothing.
    case withoutEffect
  }

  var kind: Kind
  /// A sentence without its full stop's company: what is wrong, and where.
  var detail: String

  static let truncated = AdapterFault(.corrupt, "the file ends too early")

  init(_ kind: Kind, _ detail: String) {
    self.kind = kind
    self.detail = detail
  }
}
