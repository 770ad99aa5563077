/// How reasons are put together from names and numbers.
enum Wording {
  /// Such as `a, b or c`.
  static func choice<Word: RawRepresentable<String>>(_ words: [Word]) -> String {
    let all = words.map { $0.rawValue.replacing("_", with: " ") }
    guard all.count > 1, let last = all.last else { return all.first ?? "nothing" }
    return all.dropLast().joined(separator: ", ") + " or " + last
  }

  /// The first few of many.
  static func list(_ items: [String], limit: Int = 5) -> String {
    if items.isEmpty { return "none" }
    let shown = items.prefix(limit).joined(separator: ", ")
    return items.count > limit ? "\(shown) and \(items.count - limit) more" : shown
  }

  /// Such as `3 d 4 h`: the two largest units.
  static func span(_ seconds: Int) -> String {
    var rest = seconds
    var parts: [String] = []
    for (unit, length) in [("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1)] {
      let (count, left) = rest.quotientAndRemainder(dividingBy: length)
      if count > 0 { parts.append("\(count) \(unit)") }
      rest = left
    }
    return parts.isEmpty ? "0 s" : parts.prefix(2).joined(separator: " ")
  }
}
