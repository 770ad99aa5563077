import Testing

@testable import Domain

@Suite struct PathPatternTests {
  @Test(arguments: [
    ("*.py", "a.py", true), ("*.py", "src/deep/a.py", true), ("*.py", "a.pyc", false),
    ("/*.py", "a.py", true), ("/*.py", "src/a.py", false),
    ("src/*.py", "src/a.py", true), ("src/*.py", "src/x/a.py", false),
    ("src/*.py", "lib/src/a.py", false),
    ("src/**/*.py", "src/a.py", true), ("src/**/*.py", "src/x/y/a.py", true),
    ("**/gen/**", "gen/a", true), ("**/gen/**", "x/gen/y/a", true), ("**/gen/**", "gen", false),
    ("docs", "docs/a/b.md", true), ("docs", "x/docs", true), ("docs/", "docs", false),
    ("docs/", "x/docs/a", true), ("a/b/", "x/a/b/c", false), ("a/b/", "a/b/c", true),
    ("**", "any/thing", true), ("*", "any/thing", true), ("a?c", "abc", true),
    ("a?c", "a/c", false), ("[a-c]x", "bx", true), ("[!a-c]x", "bx", false), ("[]x]y", "]y", true),
    ("a\\*b", "a*b", true), ("a\\*b", "aXb", false), ("a**b", "aXXb", true), ("a**b", "a/b", false),
    ("foo/*", "foo/bar/baz", true), ("a/**/b", "a/b", true), ("a/**/b", "a/x/b", true),
    ("a/**/b", "ab", false), ("é*", "éa", true),
  ]) func matches(_ pattern: String, _ path: String, _ expected: Bool) throws {
    #expect(try PathPattern(pattern).matches(SourcePath(path)) == expected)
  }

  @Test(arguments: [
    ("", "is empty"), ("/", "is empty"), ("!a", "'!'"), ("a[b", "without its ']'"),
    ("a\\", "backslash"), (String(repeating: "a", count: 1025), "1024"),
  ]) func refuses(_ pattern: String, _ part: String) {
    #expect { try PathPattern(pattern) } throws: { error in
      (error as? PathPattern.Malformed)?.description.contains(part) == true
    }
  }

  @Test func noBlowUp() throws {
    let pattern = try PathPattern(String(repeating: "*a", count: 200) + "b")
    #expect(!pattern.matches(SourcePath(String(repeating: "a", count: 2000))))
    let deep = try PathPattern(String(repeating: "**/a*/", count: 60) + "b")
    #expect(!deep.matches(SourcePath(String(repeating: "aa/", count: 300) + "c")))
  }

  /// Against a matcher of another make: recursive, over text.
  @Test func equalsTheOracle() throws {
    var generator = SeededGenerator(seed: 11)
    let parts = ["a", "b", "*", "?", "**", "/", "/", "[ab]", "a*", "**/", "/**"]
    let letters = ["a", "b", "/", "ab"]
    var compared = 0
    for _ in 0..<4000 {
      let pattern = (0..<Int.random(in: 1...6, using: &generator)).map { _ in
        parts[Int.random(in: 0..<parts.count, using: &generator)]
      }.joined()
      let path = (0..<Int.random(in: 1...7, using: &generator)).map { _ in
        letters[Int.random(in: 0..<letters.count, using: &generator)]
      }.joined()
      if pattern.contains("//") || path.contains("//") || path.hasPrefix("/") { continue }
      if path.hasSuffix("/") || pattern.contains("***") { continue }
      guard let read = try? PathPattern(pattern) else { continue }
      compared += 1
      #expect(
        read.matches(SourcePath(path)) == Oracle.matches(pattern, path), "\(pattern) on \(path)")
    }
    #expect(compared > 1000)
  }
}

/// gitignore(5) by components and recursion: slow, short, and written apart from the product.
private enum Oracle {
  static func matches(_ pattern: String, _ path: String) -> Bool {
    var pattern = pattern
    let folder = pattern.hasSuffix("/")
    if folder { pattern.removeLast() }
    if !pattern.contains("/") { pattern = "**/" + pattern }
    if pattern.hasPrefix("/") { pattern.removeFirst() }
    let wanted = pattern.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
    let components = path.split(separator: "/").map(String.init)
    for count in 1...components.count where count < components.count || !folder {
      if all(wanted[...], components[..<count]) { return true }
    }
    return false
  }

  private static func all(_ wanted: ArraySlice<String>, _ path: ArraySlice<String>) -> Bool {
    guard let first = wanted.first else { return path.isEmpty }
    if first == "**" {
      if wanted.count == 1 { return !path.isEmpty }
      return all(wanted.dropFirst(), path) || !path.isEmpty && all(wanted, path.dropFirst())
    }
    guard let name = path.first, one(Array(first)[...], Array(name)[...]) else { return false }
    return all(wanted.dropFirst(), path.dropFirst())
  }

  private static func one(_ wanted: ArraySlice<Character>, _ name: ArraySlice<Character>) -> Bool {
    guard let first = wanted.first else { return name.isEmpty }
    switch first {
    case "*":
      return one(wanted.dropFirst(), name) || !name.isEmpty && one(wanted, name.dropFirst())
    case "?": return !name.isEmpty && one(wanted.dropFirst(), name.dropFirst())
    case "[":
      guard let end = wanted.firstIndex(of: "]"), let letter = name.first else { return false }
      return wanted[wanted.startIndex..<end].dropFirst().contains(letter)
        && one(wanted[(end + 1)...], name.dropFirst())
    default: return name.first == first && one(wanted.dropFirst(), name.dropFirst())
    }
  }
}
