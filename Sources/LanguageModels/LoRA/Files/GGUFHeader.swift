/// What a GGUF file says of itself: its simple values and its tensors' names and shapes.
/// Source: ggml's docs/gguf.md, versions 2 and 3.
struct GGUFHeader {
  struct Tensor: Equatable {
    /// As llama.cpp orders them: the fastest first.
    var shape: [Int]
    var type: UInt32
    var offset: Int
  }

  var texts: [String: String] = [:]
  var numbers: [String: Double] = [:]
  var tensors: [String: Tensor] = [:]
  /// Bytes after the header, padding included.
  var dataSize = 0

  init(_ path: String) throws(AdapterFault) {
    guard let file = MappedFile(path) else {
      throw AdapterFault(.corrupt, "\(path) is not there or cannot be read")
    }
    try file.withBytes { (bytes) throws(AdapterFault) in
      var reader = ByteReader(bytes)
      try read(&reader)
    }
  }

  private mutating func read(_ reader: inout ByteReader) throws(AdapterFault) {
    guard try reader.integer(UInt32.self) == 0x4655_4747 else {
      throw AdapterFault(.corrupt, "it is no GGUF file")
    }
    let version = try reader.integer(UInt32.self)
    guard version == 2 || version == 3 else {
      throw AdapterFault(.corrupt, "it is of GGUF's version \(version)")
    }
    let tensorCount = try reader.integer(UInt64.self)
    let valueCount = try reader.integer(UInt64.self)
    guard tensorCount < 1 << 20, valueCount < 1 << 20 else { throw .truncated }
    for _ in 0..<valueCount {
      let key = try reader.text()
      try value(of: key, try reader.integer(UInt32.self), &reader)
    }
    for _ in 0..<tensorCount {
      let name = try reader.text()
      let dimensions = try reader.integer(UInt32.self)
      guard dimensions <= 4 else { throw .truncated }
      var shape: [Int] = []
      for _ in 0..<dimensions {
        guard let size = Int(exactly: try reader.integer(UInt64.self)), size < 1 << 40 else {
          throw .truncated
        }
        shape.append(size)
      }
      let type = try reader.integer(UInt32.self)
      guard let offset = Int(exactly: try reader.integer(UInt64.self)) else { throw .truncated }
      tensors[name] = Tensor(shape: shape, type: type, offset: offset)
    }
    guard let alignment = Int(exactly: numbers["general.alignment"] ?? 32),
      (1...1 << 20).contains(alignment)
    else { throw .truncated }
    let padding = (alignment - reader.offset % alignment) % alignment
    dataSize = max(0, reader.rest - padding)
  }

  private mutating func value(
    of key: String, _ type: UInt32, _ reader: inout ByteReader
  ) throws(AdapterFault) {
    switch type {
    case 8: texts[key] = try reader.text()
    case 9:
      let kind = try reader.integer(UInt32.self)
      let count = try reader.integer(UInt64.self)
      guard let count = Int(exactly: count), count <= reader.rest else { throw .truncated }
      if kind == 8 {
        for _ in 0..<count { try reader.skip(try reader.length()) }
      } else {
        guard let size = Self.sizes[kind] else {
          throw AdapterFault(.corrupt, "\(key) is of an unknown type")
        }
        try reader.skip(count * size)
      }
    default: numbers[key] = try number(type, key, &reader)
    }
  }

  private static let sizes: [UInt32: Int] = [
    0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8,
  ]

  private func number(
    _ type: UInt32, _ key: String, _ reader: inout ByteReader
  ) throws(AdapterFault) -> Double {
    switch type {
    case 0, 7: Double(try reader.integer(UInt8.self))
    case 1: Double(try reader.integer(Int8.self))
    case 2: Double(try reader.integer(UInt16.self))
    case 3: Double(try reader.integer(Int16.self))
    case 4: Double(try reader.integer(UInt32.self))
    case 5: Double(try reader.integer(Int32.self))
    case 6: Double(Float(bitPattern: try reader.integer(UInt32.self)))
    case 10: Double(try reader.integer(UInt64.self))
    case 11: Double(try reader.integer(Int64.self))
    case 12: Double(bitPattern: try reader.integer(UInt64.self))
    default: throw AdapterFault(.corrupt, "\(key) is of an unknown type")
    }
  }
}
