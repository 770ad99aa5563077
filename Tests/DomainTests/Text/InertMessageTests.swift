import Domain
import Testing

@Suite struct InertMessageTests {
  @Test(arguments: [
    ("x_y is < 3 and *p* stays", "x_y is < 3 and *p* stays"),
    ("Ask @octo/team.", "Ask `@octo/team`."),
    ("See https://evil.example/a?b, now", "See `https://evil.example/a?b`, now"),
    ("![pixel](x.png) here", "`![pixel](x.png)` here"),
    ("click [me](javascript:x)", "click `[me](javascript:x)`"),
    ("fixes #12", "fixes `#12`"),
    ("/merge now", "`/merge` now"),
    ("<img src=x> <b>", "`<img` src=x> `<b>`"),
    ("keep `@decorator` and ``a`b``", "keep `@decorator` and ``a`b``"),
    ("an open ` tick @x", "an open ' tick `@x`"),
    ("two\nlines\tand \u{1B}[31mred\u{202E}", "two lines and [31mred"),
  ])
  func readsTheSameAndDoesNothing(text: String, expected: String) {
    #expect(Defanged.message(text) == expected)
  }

  @Test func isBounded() {
    #expect(Defanged.message(String(repeating: "a", count: 5_000)).count == 1_000)
  }
}
