import Testing

@testable import Domain

@Suite struct DefangedTests {
  @Test(arguments: [
    ("a\u{1B}[2Jb", "a<U+001B>[2Jb"), ("a\u{202E}b", "a<U+202E>b"), ("a\u{9B}31m", "a<U+009B>31m"),
    ("ok\n\tthere", "ok\n\tthere"), ("\u{E0041}", "<U+E0041>"), ("👩\u{200D}💻", "👩\u{200D}💻"),
    ("bell\u{07}", "bell<U+0007>"),
  ]) func terminal(_ text: String, _ shown: String) {
    #expect(Defanged.forTerminal(text) == shown)
  }

  @Test func oneLine() {
    #expect(Defanged.forTerminal("a\n\n  b\tc ", oneLine: true) == "a b c")
    #expect(Defanged.forMarkdown("a\n# b", oneLine: true) == "a # b")
  }

  @Test func bounded() {
    #expect(Defanged.forTerminal(String(repeating: "x", count: 50), limit: 10) == "xxxxxxxxxx…")
    #expect(Defanged.forPlainJSON("abc", limit: 3) == "abc")
    let zalgo = "a" + String(repeating: "\u{301}", count: 900)
    #expect(Defanged.forMarkdown(zalgo, limit: 20).unicodeScalars.count == 21)
  }

  @Test func json() {
    #expect(Defanged.forPlainJSON("@u \u{1B}<b>\u{202E} [x](y)") == "@u <b> [x](y)")
  }

  @Test(arguments: [
    ("Ask @octocat now.", "Ask `@octocat` now."),
    ("cc @org/team, a@b.org", "cc `@org/team`, `a@b.org`"),
    ("fixes #1 and GH-22.", "fixes `#1` and `GH-22`."),
    ("closes o/r#3 !4", "closes `o/r#3` `!4`"),
    ("see https://evil.test/x?a=1.", "see `https://evil.test/x?a=1`."),
    ("<https://evil.test>", "&lt;`https://evil.test`&gt;"),
    ("www.evil.test", "`www.evil.test`"),
    ("[click](javascript:x)", "\\[`click](javascript:x`)"),
    ("![pixel](//evil.test/p.png)", "\\!\\[pixel\\](//evil.test/p.png)"),
    ("[a]: <b>", "\\[a\\]: &lt;b&gt;"),
    ("<img src=x onerror=y>", "&lt;img src=x onerror=y&gt;"),
    ("a & b &copy;", "a &amp; b &amp;copy;"),
    ("/stet review", "`/stet` review"),
    ("  /merge", "`/merge`"),
    ("@stet fix", "`@stet` fix"),
    ("a/b and/or", "a/b and/or"),
    ("# head", "\\# head"),
    ("- item", "\\- item"),
    ("1. item", "1\\. item"),
    ("> quote", "&gt; quote"),
    ("*a* _b_ ~~c~~ | $x$", "\\*a\\* \\_b\\_ \\~\\~c\\~\\~ \\| \\$x\\$"),
    ("use `a @b #1` here", "use `a @b #1` here"),
    ("one ` tick @me", "one \\` tick `@me`"),
    ("``a`b`` x", "``a`b`` x"),
    ("`a``b` @c", "```a``b``` `@c`"),
    ("a\\`@me\\` b", "a\\\\`@me\\` b"),
  ]) func markdown(_ text: String, _ shown: String) {
    #expect(Defanged.forMarkdown(text) == shown)
  }

  @Test func fencedCode() {
    #expect(Defanged.forMarkdown("x\n```suggestion\nrm\n```\n@y") == "x\n```\nrm\n```\n`@y`")
    #expect(Defanged.forMarkdown("~~~python\na```b\n~~~") == "````python\na```b\n````")
    // A fence that nothing closes is no fence.
    #expect(Defanged.forMarkdown("```\n@y") == "\\`\\`\\`\n`@y`")
  }

  @Test func spans() {
    #expect(Defanged.codeSpan("a`b") == "``a`b``")
    #expect(Defanged.codeSpan("`") == "`` ` ``")
    #expect(Defanged.codeBlock("a\n", info: "mermaid") == "```\na\n```")
  }

  /// Outside of code no `<`, no mention and no address is left, whatever was put together.
  @Test func nothingActiveIsLeft() {
    var generator = SeededGenerator(seed: 3)
    let pieces = [
      "`", "``", "```", "@user", "#12", "<a>", "\n", " ", "\\", "http://x.y", "[a](b)", "~~~", "\t",
      "x", "&#64;u", "/cmd", "*", "\u{200B}", "!", "@",
    ]
    for _ in 0..<1500 {
      let text = (0..<Int.random(in: 1...14, using: &generator)).map { _ in
        pieces[Int.random(in: 0..<pieces.count, using: &generator)]
      }.joined()
      let outside = CommonMarkProbe.outsideCode(Defanged.forMarkdown(text))
      #expect(!outside.contains("<"), "\(text.debugDescription) -> \(outside.debugDescription)")
      #expect(!outside.contains("@u"), "\(text.debugDescription) -> \(outside.debugDescription)")
      #expect(!outside.contains("#12"), "\(text.debugDescription) -> \(outside.debugDescription)")
      #expect(!outside.contains("://"), "\(text.debugDescription) -> \(outside.debugDescription)")
    }
  }
}

/// What CommonMark sees outside of code, written apart from the product: fences by line, then
/// spans over whole paragraphs, a backslash escaping a backtick outside of spans only.
private enum CommonMarkProbe {
  static func outsideCode(_ markdown: String) -> String {
    var prose: [Substring] = []
    var outside = ""
    var fence = 0
    for line in markdown.split(separator: "\n", omittingEmptySubsequences: false) {
      let ticks = line.prefix(while: { $0 == "`" }).count
      if fence == 0, ticks >= 3, !line.dropFirst(ticks).contains("`") {
        fence = ticks
        outside += spansRemoved(prose.joined(separator: "\n")) + "\n"
        prose = []
      } else if fence > 0 {
        if ticks >= fence, line.allSatisfy({ $0 == "`" }) { fence = 0 }
      } else if line.isEmpty {
        outside += spansRemoved(prose.joined(separator: "\n")) + "\n"
        prose = []
      } else {
        prose.append(line)
      }
    }
    return outside + spansRemoved(prose.joined(separator: "\n"))
  }

  private static func spansRemoved(_ text: String) -> String {
    let scalars = Array(text.unicodeScalars)
    var output = String.UnicodeScalarView()
    var index = 0
    func run(_ at: Int) -> Int {
      var end = at
      while end < scalars.count, scalars[end] == "`" { end += 1 }
      return end - at
    }
    while index < scalars.count {
      if scalars[index] == "\\", index + 1 < scalars.count {
        output.append(scalars[index + 1])
        index += 2
      } else if scalars[index] == "`" {
        let count = run(index)
        var search = index + count
        var close: Int?
        while search < scalars.count, close == nil {
          let length = run(search)
          if length == count { close = search }
          search += max(1, length)
        }
        if let close {
          output.append(" ")
          index = close + count
        } else {
          index += count
        }
      } else {
        output.append(scalars[index])
        index += 1
      }
    }
    return String(output)
  }
}
