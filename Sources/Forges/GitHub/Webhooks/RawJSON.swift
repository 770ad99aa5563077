/// Where and why a text is not JSON.
struct RawJSONFault: Error, Equatable {
  /// Bytes before the fault.
  var offset: Int
  var reason: String
}

/// A value of a JSON text, read where it stands: nothing is built but what is asked for. The text
/// was checked whole before the first look, so that no look can fail; what is absent, null or of
/// another kind is `nil`. Of members of one name the first counts. Source: RFC 8259.
struct RawJSON {
  private let text: [UInt8]
  private let start: Int
  private let end: Int

  /// Checks a whole text.
  /// - Throws: at the first byte that cannot stand there, and where values nest deeper than 128.
  /// - Complexity: O(bytes), one pass.
  init(checking text: [UInt8]) throws(RawJSONFault) {
    let result: Result<Range<Int>, RawJSONFault> = text.withUnsafeBufferPointer { bytes in
      var scan = JSONScan(bytes: bytes, at: 0)
      do throws(RawJSONFault) { return .success(try scan.wholeText()) } catch {
        return .failure(error)
      }
    }
    let range = try result.get()
    self.init(text: text, start: range.lowerBound, end: range.upperBound)
  }

  private init(text: [UInt8], start: Int, end: Int) {
    self.text = text
    self.start = start
    self.end = end
  }

  /// The bytes of the value as they stand in the text.
  var bytes: ArraySlice<UInt8> { text[start..<end] }

  var isObject: Bool { text[start] == UInt8(ascii: "{") }

  /// The value of a member. - Complexity: O(bytes before it).
  subscript(_ name: StaticString) -> RawJSON? {
    guard isObject else { return nil }
    let wanted = UnsafeBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount)
    let found: Range<Int>? = text.withUnsafeBufferPointer { bytes in
      var scan = JSONScan(bytes: bytes, at: start + 1)
      while let key = scan.nextKey() {
        let value = scan.passValue()
        let name = UnsafeBufferPointer(rebasing: bytes[key])
        let isEscaped = name.contains(UInt8(ascii: "\\"))
        if Self.equals(name, wanted, isEscaped: isEscaped) { return value }
      }
      return nil
    }
    guard let found, text[found.lowerBound] != UInt8(ascii: "n") else { return nil }
    return RawJSON(text: text, start: found.lowerBound, end: found.upperBound)
  }

  /// The values of several members, in the order of their names, by one look at the object.
  func members(_ names: [StaticString]) -> [RawJSON?] {
    var found = [RawJSON?](repeating: nil, count: names.count)
    guard isObject else { return found }
    let wanted = names.map { UnsafeBufferPointer(start: $0.utf8Start, count: $0.utf8CodeUnitCount) }
    var isSeen = [Bool](repeating: false, count: names.count)
    text.withUnsafeBufferPointer { bytes in
      var scan = JSONScan(bytes: bytes, at: start + 1)
      while let key = scan.nextKey() {
        let value = scan.passValue()
        let name = UnsafeBufferPointer(rebasing: bytes[key])
        let isEscaped = name.contains(UInt8(ascii: "\\"))
        guard
          let index = wanted.indices.first(where: {
            !isSeen[$0] && Self.equals(name, wanted[$0], isEscaped: isEscaped)
          })
        else { continue }
        isSeen[index] = true
        guard bytes[value.lowerBound] != UInt8(ascii: "n") else { continue }
        found[index] = RawJSON(text: text, start: value.lowerBound, end: value.upperBound)
      }
    }
    return found
  }

  /// The values of an array, empty for anything else.
  var elements: [RawJSON] {
    guard text[start] == UInt8(ascii: "[") else { return [] }
    let ranges: [Range<Int>] = text.withUnsafeBufferPointer { bytes in
      var scan = JSONScan(bytes: bytes, at: start + 1)
      var ranges: [Range<Int>] = []
      while scan.hasElement() { ranges.append(scan.passValue()) }
      return ranges
    }
    return ranges.map { RawJSON(text: text, start: $0.lowerBound, end: $0.upperBound) }
  }

  /// The text of a string; bytes that are not UTF-8 and lone surrogates become U+FFFD.
  var string: String? {
    guard text[start] == UInt8(ascii: "\"") else { return nil }
    return JSONString.text(text[(start + 1)..<(end - 1)])
  }

  /// A whole number within 64 bits, written without a fraction or exponent.
  var integer: Int64? {
    guard text[start] == UInt8(ascii: "-") || JSONScan.isDigit(text[start]) else { return nil }
    return Int64(String(decoding: bytes, as: UTF8.self))
  }

  var bool: Bool? {
    switch text[start] {
    case UInt8(ascii: "t"): true
    case UInt8(ascii: "f"): false
    default: nil
    }
  }

  /// A name may be written with escapes, though no forge does.
  @inline(__always) private static func equals(
    _ key: UnsafeBufferPointer<UInt8>, _ name: UnsafeBufferPointer<UInt8>, isEscaped: Bool
  ) -> Bool {
    if isEscaped {
      // No letter takes more than six bytes.
      return key.count <= name.count * 6
        && JSONString.text(ArraySlice(key)).utf8.elementsEqual(name)
    }
    guard key.count == name.count else { return false }
    for index in 0..<key.count where key[index] != name[index] { return false }
    return true
  }
}
