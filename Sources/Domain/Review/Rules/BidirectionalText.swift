/// Control characters that make source read differently from what the compiler sees.
/// Source: CVE-2021-42574 ("Trojan Source"), CWE-1007.
struct BidirectionalText: ReviewRule {
  let name = "bidirectional-text"
  let summary = "Invisible characters that reorder the source as it is shown"
  let category = "security"
  let severity = Severity.error
  let confidence = 0.9

  func findings(in file: RuleFile) -> [RuleFinding] {
    // U+202A…U+202E are E2 80 AA…AE, U+2066…U+2069 are E2 81 A6…A9.
    file.added.filter { index in
      let text = file.lines[index].text
      guard text.count >= 3 else { return false }
      for i in 0..<(text.count - 2) where text[i] == 0xE2 {
        if text[i + 1] == 0x80, (0xAA...0xAE).contains(text[i + 2]) { return true }
        if text[i + 1] == 0x81, (0xA6...0xA9).contains(text[i + 2]) { return true }
      }
      return false
    }.map {
      RuleFinding(
        at: $0,
        "This line holds an invisible bidirectional control character, so it does not do what it "
          + "seems to say. Delete the character, or write it as an escape.")
    }
  }
}
