import Domain
import Foundation
import Testing

@Suite struct TextPatternTests {
  @Test(arguments: [
    ("abc", "xxabcxx", true), ("abc", "ab c", false), ("^a", "ba", false), ("^a", "b\na", true),
    ("a$", "a\nb", true), ("a$", "ab", false), ("a.c", "abc", true), ("a.c", "a\nc", false),
    ("[a-c]+d", "xbcad", true), ("[^a-c]d", "cd", false), ("(ab|cd)*e", "ababe", true),
    ("^(ab|cd)*e$", "abcde", true), ("^(ab|cd)*e$", "abce", false), ("a{2,3}b", "xaab", true),
    ("^a{2,3}b", "aaaab", false), ("^a{2}$", "aa", true), ("^a{2}$", "aaa", false),
    ("\\bfix\\b", "a fix.", true), ("\\bfix\\b", "prefix", false), ("\\d+-\\w", "12-x", true),
    ("(?i)WIP", "wip: x", true), ("(?i)[A-C]x", "bX", true), ("(?:a|)b", "b", true),
    ("", "", true), ("a{,2}", "a{,2}", true), ("\\[x\\]", "[x]", true), ("é", "café", true),
    ("^[\\w-]+$", "a-b_c", true), ("a*?b", "aab", true),
  ]) func matches(_ pattern: String, _ text: String, _ isFound: Bool) throws {
    #expect(try TextPattern(pattern).matches(text) == isFound)
  }

  @Test(arguments: [
    "(", ")", "a)", "[a", "*a", "a|*", "\\", "(?=a)", "(?<x>a)", "\\1", "\\p{L}", "[z-a]",
    "a{101}", "a{3,2}", String(repeating: "a", count: 501), String(repeating: "(", count: 60),
    "((a{100}){100}){100}",
  ]) func refuses(_ pattern: String) {
    #expect(throws: TextPattern.Malformed.self) { try TextPattern(pattern) }
  }

  /// Patterns that make others take years.
  @Test(arguments: ["(a+)+$", "(a|a)*b", "(a*)*c", "(.*)*x", "((){100}){100}a{0,70}a{0,70}b"])
  func isNeverSlow(_ pattern: String) throws {
    let text = String(repeating: "a", count: 3_000) + "!"
    let start = ContinuousClock.now
    #expect(try !TextPattern(pattern).matches(text))
    #expect(ContinuousClock.now - start < .seconds(20))
  }

  /// What is there no times is nothing, however often that is repeated.
  @Test(.timeLimit(.minutes(1)), arguments: ["a{0}", "(?:ab|c){0,0}", "((a{0}b{0}){100})"])
  func nothingRepeatedIsReadAtOnce(_ nothing: String) throws {
    let pattern = try TextPattern(nothing + String(repeating: "{100}", count: 5) + "x")
    #expect(pattern.matches("x"))
    #expect(!pattern.matches("a"))
  }

  @Test(arguments: [
    ("main", "main", true), ("main", "mainx", false), ("*", "", true), ("a*b*c", "aXbYc", true),
    ("a*b", "ab/c", false), ("release/?", "release/1", true), ("***", "anything", true),
  ]) func globs(_ glob: String, _ name: String, _ isMatch: Bool) {
    #expect(NameGlob(glob).matches(name) == isMatch)
  }

  @Test func aBranchGlobStopsAtSlashes() {
    #expect(!NameGlob("release/*", stopsAtSlash: true).matches("release/1/x"))
    #expect(NameGlob("release/**", stopsAtSlash: true).matches("release/1/x"))
    #expect(NameGlob("DEPEND*[bot]", ignoresCase: true).matches("dependabot[bot]"))
  }
}
