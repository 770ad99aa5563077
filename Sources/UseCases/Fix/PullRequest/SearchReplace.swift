import Domain

/// Edits that name what they replace.
struct SearchReplace: Sendable, Hashable {
  var search: String
  var replace: String

  /// Applies all of them to one text: what each searches stands there exactly once, byte for byte,
  /// and no two touch the same place.
  static func applied(_ edits: [SearchReplace], to text: String) throws(CodeFault) -> String {
    let bytes = Array(text.utf8)
    var places: [(range: Range<Int>, with: [UInt8])] = []
    for (number, edit) in edits.enumerated() {
      let name = edits.count == 1 ? "the search text" : "search text \(number + 1)"
      let word = Array(edit.search.utf8)
      guard !word.allSatisfy({ $0 == 0x20 || $0 == 0x0A || $0 == 0x09 }) else {
        throw CodeFault(forModel: "\(name) is empty", forPeople: "it did not say what to replace")
      }
      let found = Self.places(of: word, in: bytes)
      guard let first = found.first else {
        throw CodeFault(
          forModel: "\(name) does not stand in the file; copy it exactly, indentation included",
          forPeople: "what it wanted to replace does not stand in the file")
      }
      guard found.count == 1 else {
        throw CodeFault(
          forModel: "\(name) stands in the file \(found.count > 9 ? "many" : "\(found.count)") "
            + "times; take in more lines around it",
          forPeople: "what it wanted to replace stands at several places")
      }
      let range = first..<(first + word.count)
      guard !places.contains(where: { $0.range.overlaps(range) }) else {
        throw CodeFault(
          forModel: "two edits touch the same lines; make one of them",
          forPeople: "its edits contradict each other")
      }
      places.append((range, Array(edit.replace.utf8)))
    }
    var output: [UInt8] = []
    var copied = 0
    for place in places.sorted(by: { $0.range.lowerBound < $1.range.lowerBound }) {
      output += bytes[copied..<place.range.lowerBound]
      output += place.with
      copied = place.range.upperBound
    }
    output += bytes[copied...]
    return String(decoding: output, as: UTF8.self)
  }

  /// Where the word begins, at most ten times; whole lines are not asked for, whole words are.
  private static func places(of word: [UInt8], in text: [UInt8]) -> [Int] {
    guard let first = word.first, text.count >= word.count else { return [] }
    var places: [Int] = []
    var index = 0
    while index + word.count <= text.count, places.count < 10 {
      if text[index] == first, text[index...].starts(with: word) { places.append(index) }
      index += 1
    }
    return places
  }
}
