import Domain

/// The header of a safetensors file: what tensors it holds and where.
/// Source: the safetensors format, "Format".
struct SafeTensors {
  struct Tensor: Equatable {
    enum Kind: String {
      case float32 = "F32"
      case float16 = "F16"
      case bfloat16 = "BF16"

      var size: Int { self == .float32 ? 4 : 2 }
    }

    var kind: Kind
    var shape: [Int]
    /// Bytes of the file.
    var range: Range<Int>
  }

  private static let longestHeader = 16 << 20

  var tensors: [String: Tensor] = [:]
  var metadata: [String: String] = [:]
  private let file: MappedFile

  init(_ path: String) throws(AdapterFault) {
    guard let file = MappedFile(path) else {
      throw AdapterFault(.corrupt, "\(path) is not there or cannot be read")
    }
    self.file = file
    let (header, start) = try file.withBytes { (bytes) throws(AdapterFault) in
      var reader = ByteReader(bytes)
      let length = try reader.length()
      guard length <= Self.longestHeader else { throw .truncated }
      return (Array(try reader.take(length)), reader.offset)
    }
    guard case .object(let members)? = try? JSONParser.value(of: header) else {
      throw AdapterFault(.corrupt, "its header is no JSON")
    }
    var end = start
    for (name, value) in members {
      if name == "__metadata__" {
        if case .object(let words) = value { metadata = words.compactMapValues(\.string) }
        continue
      }
      let tensor = try Self.tensor(name, value, from: start, fileSize: file.count)
      end = max(end, tensor.range.upperBound)
      tensors[name] = tensor
    }
    guard end == file.count else {
      throw AdapterFault(.corrupt, "the file holds \(file.count) bytes where \(end) are described")
    }
  }

  private static func tensor(
    _ name: String, _ value: JSONValue, from start: Int, fileSize: Int
  ) throws(AdapterFault) -> Tensor {
    let shape = (value["shape"]?.array ?? []).compactMap(\.integer)
    let offsets = (value["data_offsets"]?.array ?? []).compactMap(\.integer)
    guard let kind = value["dtype"]?.string.flatMap(Tensor.Kind.init(rawValue:)) else {
      throw AdapterFault(
        .corrupt, "\(name) is of the type \(value["dtype"]?.string ?? "none"), which is no float")
    }
    guard shape.count == 2, shape.allSatisfy({ (1...1 << 24).contains($0) }), offsets.count == 2,
      0 <= offsets[0], offsets[0] <= offsets[1], offsets[1] <= fileSize - start,
      offsets[1] - offsets[0] == shape[0] * shape[1] * kind.size
    else { throw AdapterFault(.corrupt, "\(name) lies outside the file or is no matrix") }
    return Tensor(kind: kind, shape: shape, range: start + offsets[0]..<start + offsets[1])
  }

  enum Content { case zero, finite, notFinite }

  /// Whether all numbers of a tensor are finite, and whether any is not zero.
  /// - Complexity: O(numbers), one pass.
  func content(of tensor: Tensor) -> Content {
    file.withBytes { bytes in
      let data = UnsafeRawBufferPointer(rebasing: bytes[tensor.range])
      // Exponents of all ones are infinities and what is no number; all but the sign is zero's.
      switch tensor.kind {
      case .float32: return Self.content(data, UInt32.self, exponent: 0x7f80_0000)
      case .float16: return Self.content(data, UInt16.self, exponent: 0x7c00)
      case .bfloat16: return Self.content(data, UInt16.self, exponent: 0x7f80)
      }
    }
  }

  private static func content<Word: FixedWidthInteger & UnsignedInteger>(
    _ data: UnsafeRawBufferPointer, _ type: Word.Type, exponent: Word
  ) -> Content {
    var any: Word = 0
    var offset = 0
    let size = MemoryLayout<Word>.size
    while offset < data.count {
      let word = Word(littleEndian: data.loadUnaligned(fromByteOffset: offset, as: Word.self))
      if word & exponent == exponent { return .notFinite }
      any |= word << 1
      offset += size
    }
    return any == 0 ? .zero : .finite
  }
}
