/// NaN is equal to nothing, itself included.
/// Source: IEEE 754-2019 section 5.11, ESLint use-isnan, Pylint W0177.
struct NaNComparison: LineRule {
  let name = "nan-comparison"
  let summary = "A comparison with NaN, which is never true"
  let category = "bug"
  let severity = Severity.error
  let confidence = 0.95
  let triggers: [Needle] = ["nan"]

  func check(_ line: CodeLine, at index: Int, in file: RuleFile) -> RuleFinding? {
    let names: [Needle]
    switch file.language {
    case .javascript, .typescript: names = ["NaN", "Number.NaN"]
    case .python: names = ["math.nan", "np.nan", "numpy.nan"]
    case .go: names = ["math.NaN()"]
    case .swift: names = [".nan", "Double.nan", "Float.nan"]
    default: return nil
    }
    let code = line.code
    for mark in ["==", "!="] as [Needle] {
      guard let at = code.find(mark) else { continue }
      var value = at + 2
      if value < code.count, code[value].is("=") { value += 1 }
      value = code.skipBlanks(value)
      guard
        names.contains(where: { name in
          let end = value + name.bytes.count
          return code.find(name, from: value) == value
            && (end >= code.count || !code[end].isWordByte)
        })
      else { continue }
      return RuleFinding(
        at: index,
        "NaN is equal to nothing, not even to itself, so this test always has the same answer. Use "
          + "the language's own test for NaN.")
    }
    return nil
  }
}
