import Domain
import Testing

@testable import UseCases

/// What a lying, sloppy or captured model may answer, and what becomes of it.
@Suite struct ProveClaimsTests {
  static let change = Changes.cart

  private func piece() throws -> ReviewPiece {
    let diff = try Diff(parsing: Array(Self.change.utf8))
    return ReviewPiece(
      file: 0, path: "shop/cart.py", language: .python, hunk: 1,
      lines: diff.files[0].hunks[0].lines.map {
        ShownLine(
          kind: $0.kind, oldNumber: $0.oldNumber, newNumber: $0.newNumber, actual: $0.text,
          shown: $0.text)
      }, context: [], instructions: [], risk: 1)
  }

  private func prove(
    _ findings: [[String: JSONValue]], source: [UInt8]? = nil,
    syntax: any SyntaxChecker = NoSyntax()
  ) async throws -> ProveClaims.Proved {
    let diff = try Diff(parsing: Array(Self.change.utf8))
    let piece = try piece()
    let outcomes = ClaimReader(pieces: [piece])
      .read(.object(["findings": .array(findings.map(JSONValue.object))]))
    return await ProveClaims(
      diff: diff, suggestions: ProveSuggestion(sources: { _, _ in source }, syntax: syntax)
    ).prove(outcomes, of: [piece], model: "m")
  }

  private func claim(
    line: String = "A7", end: String? = nil, quote: String = "amount = i.price",
    path: String = "shop/cart.py", replacement: String? = nil,
    message: String = "Overwrites the sum instead of adding to it."
  ) -> [String: JSONValue] {
    [
      "path": .string(path), "line": .string(line),
      "end_line": end.map(JSONValue.string) ?? .null, "quote": .string(quote),
      "severity": .string("error"), "category": .string("bug"), "message": .string(message),
      "confidence": .number(0.9),
      "replacement": replacement.map(JSONValue.string) ?? .null,
    ]
  }

  @Test func aTrueClaimStandsAtItsLine() async throws {
    let proved = try await prove([claim()])
    let finding = try #require(proved.findings.first)
    #expect(finding.side == .new)
    #expect(finding.startLine == 13)
    #expect(finding.line == 13)
    #expect(finding.quote == "            amount = i.price")
    #expect(finding.verified == [.anchor, .quote])
    #expect(proved.dropped.isEmpty)
  }

  @Test func aClaimAboutARemovedLineStandsOnTheOldSide() async throws {
    let proved = try await prove([
      claim(line: "A2", end: "A3", quote: "if not self.items:\nreturn 0")
    ])
    let finding = try #require(proved.findings.first)
    #expect(finding.side == .old)
    #expect(finding.startLine == 11)
    #expect(finding.line == 12)
  }

  @Test(arguments: [
    ("A999", "amount = i.price", "shop/cart.py", DropReason.noSuchLine),
    ("999", "amount = i.price", "shop/cart.py", .noSuchLine),
    ("", "amount = i.price", "shop/cart.py", .noSuchLine),
    ("A0", "amount = i.price", "shop/cart.py", .noSuchLine),
    ("B1", "amount = i.price", "shop/cart.py", .noSuchPath),
    ("A7", "amount = i.price", "ghost.py", .noSuchPath),
    ("ghost.py:3", "amount = i.price", "", .noSuchPath),
    ("A7", "amount += i.price", "shop/cart.py", .quoteMismatch),
    ("A7", "", "shop/cart.py", .quoteMismatch),
    ("A7", "return amount", "shop/cart.py", .quoteMismatch),
    ("A6", "amount = i.price", "shop/cart.py", .quoteMismatch),
  ])
  func anUnfoundedClaimIsDropped(line: String, quote: String, path: String, reason: DropReason)
    async throws
  {
    let proved = try await prove([claim(line: line, quote: quote, path: path)])
    #expect(proved.findings.isEmpty)
    #expect(proved.dropped.map(\.reason) == [reason])
  }

  @Test func aRangeOverBothSidesIsNotOnePlace() async throws {
    let proved = try await prove([
      claim(
        line: "A4", end: "A5", quote: "return sum(i.price for i in self.items)\namount = 0")
    ])
    #expect(proved.findings.isEmpty)
    #expect(proved.dropped.map(\.reason) == [.noSuchLine])
  }

  @Test func aQuoteOfOneLineNarrowsTheRange() async throws {
    let proved = try await prove([claim(line: "A5", end: "A8")])
    #expect(proved.findings.map(\.startLine) == [13])
    #expect(proved.findings.map(\.line) == [13])
  }

  @Test func whatTheModelSaysIsDefanged() async throws {
    let message = "Ask @octo/team, see https://evil.example/x \u{1B}[31mred\u{202E} <img src=x>"
    let proved = try await prove([claim(message: message)])
    let shown = try #require(proved.findings.first).message
    #expect(!shown.contains("\u{1B}"))
    #expect(!shown.contains("\u{202E}"))
    #expect(shown == "Ask `@octo/team`, see `https://evil.example/x` [31mred `<img` src=x>")
  }

  // MARK: Suggestions

  private let file = Array(
    (String(repeating: "x = 0\n", count: 9)
      + """
          def total(self):
              amount = 0
              for i in self.items:
                  amount = i.price
              return amount

      """).utf8)

  @Test func aSuggestionThatAppliesAndParsesIsProved() async throws {
    let proved = try await prove(
      [claim(replacement: "            amount += i.price")], source: file,
      syntax: BalancedSyntax())
    let finding = try #require(proved.findings.first)
    #expect(finding.suggestion == "            amount += i.price")
    #expect(finding.verified == [.anchor, .quote, .applies, .parses])
  }

  @Test func aSuggestionThatBreaksTheFileFallsAndTheFindingStays() async throws {
    let proved = try await prove(
      [claim(replacement: "amount += (i.price")], source: file,
      syntax: BalancedSyntax())
    #expect(proved.findings.map(\.suggestion) == [nil])
    #expect(proved.dropped.map(\.reason) == [.doesNotParse])
    #expect(proved.dropped.map(\.suggestionOnly) == [true])
  }

  @Test func aSuggestionThatChangesNothingFalls() async throws {
    let proved = try await prove([claim(replacement: "            amount = i.price")], source: file)
    #expect(proved.findings.map(\.suggestion) == [nil])
    #expect(proved.dropped.map(\.reason) == [.noChange])
  }

  @Test func aSuggestionForAFileThatIsNotAsTheDiffSaysDoesNotApply() async throws {
    let other = Array(String(repeating: "something else\n", count: 30).utf8)
    let proved = try await prove(
      [claim(replacement: "            amount += i.price")], source: other)
    #expect(proved.findings.map(\.suggestion) == [nil])
    #expect(proved.dropped.map(\.reason) == [.doesNotApply])
  }

  @Test(arguments: ["A7             amount += i.price", "amount = [masked:github-token]"])
  func aSuggestionThatCopiesOurMarksFalls(replacement: String) async throws {
    let proved = try await prove([claim(replacement: replacement)], source: file)
    #expect(proved.findings.map(\.suggestion) == [nil])
    #expect(proved.dropped.map(\.reason) == [.doesNotApply])
  }
}

private struct NoSyntax: SyntaxChecker {
  func check(_ text: [UInt8], language: Language, path: SourcePath) async -> SyntaxVerdict {
    .unknown
  }
}

/// A language whose only rule is that brackets come in pairs.
private struct BalancedSyntax: SyntaxChecker {
  func check(_ text: [UInt8], language: Language, path: SourcePath) async -> SyntaxVerdict {
    let open = text.count { $0 == UInt8(ascii: "(") }
    let closed = text.count { $0 == UInt8(ascii: ")") }
    return open == closed ? .parses : .broken(line: nil, message: "never closed")
  }
}
