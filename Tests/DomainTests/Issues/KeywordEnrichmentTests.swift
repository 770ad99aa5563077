import Domain
import Testing

@Suite struct KeywordEnrichmentTests {
  @Test(arguments: [
    ("Title", "short", "Title: short..."), ("T", "", "T: ..."),
    ("T", String(repeating: "é", count: 151), "T: " + String(repeating: "é", count: 150) + "..."),
    ("T", String(repeating: "a", count: 150), "T: " + String(repeating: "a", count: 150) + "..."),
  ])
  func theSummaryEndsInThreeFullStops(_ title: String, _ description: String, _ expected: String) {
    #expect(KeywordEnrichment.summary(title: title, description: description) == expected)
  }

  @Test(arguments: [
    ("The API is slow", ["backend", "performance"]),
    ("Crashes when a button is pressed", ["bug", "frontend"]),
    ("URGENT: add a modal", ["feature-request", "urgent", "frontend"]),
    ("It fails, asap please", ["bug", "urgent"]), ("Buggy forms", ["bug", "frontend"]),
    ("lagging databases; optimizations wanted", ["backend", "performance"]),
    ("new-user flow", ["feature-request"]), ("users' requests", ["feature-request"]),
    // Whole words only.
    ("debug the terrorform address, renewed information", []),
    ("guitar builds rapidly", []), ("api_key in serverless", []), ("bugé éform", []),
    ("", []),
  ])
  func tagsFollowWholeWords(_ text: String, _ expected: [String]) {
    #expect(KeywordEnrichment.tags(title: text, description: "") == ["needs-review"] + expected)
    #expect(KeywordEnrichment.tags(title: "", description: text) == ["needs-review"] + expected)
  }

  @Test func everyKeywordOfTheContractCounts() {
    let words: [String: [String]] = [
      "bug": ["bug", "error", "broken", "crash", "issue", "fail"],
      "feature-request": ["feature", "enhancement", "request", "new", "add"],
      "urgent": ["urgent", "critical", "asap", "immediately", "blocking"],
      "frontend": ["frontend", "ui", "ux", "button", "modal", "form"],
      "backend": ["backend", "api", "endpoint", "database", "server"],
      "performance": ["slow", "performance", "optimization", "lag", "delay"],
    ]
    for (tag, list) in words {
      for word in list {
        #expect(
          KeywordEnrichment.tags(title: word.uppercased(), description: "")
            == ["needs-review", tag])
      }
    }
    let all = words.values.flatMap { $0 }.joined(separator: " ")
    #expect(
      KeywordEnrichment.tags(title: "x", description: all) == [
        "needs-review", "bug", "feature-request", "urgent", "frontend", "backend", "performance",
      ])
  }

  @Test func aLongDescriptionTakesUnderATenthOfASecond() {
    let text = String(repeating: "nothing of note here ", count: 3_200)
    let began = ContinuousClock.now
    _ = KeywordEnrichment.summary(title: "t", description: text)
    _ = KeywordEnrichment.tags(title: "t", description: text)
    #expect(ContinuousClock.now - began < .milliseconds(100))
  }
}
