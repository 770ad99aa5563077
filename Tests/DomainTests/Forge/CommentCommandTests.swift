import Testing

@testable import Domain

struct CommentCommandTests {
  typealias Case = (body: String, heard: [CommentCommand])

  private static func reviewAs(
    _ user: String, force: Bool = false, bare: Bool = false
  ) -> CommentCommand {
    .reviewAs(user: user, forceReload: force, isBareAlias: bare)
  }

  static let asked: [Case] = [
    ("@stet review", [.review]),
    ("/stet review", [.review]),
    ("@STET Review", [.review]),
    ("@stet, review please.", [.review]),
    ("@stet: summary", [.summary]),
    ("@stet review!", [.review]),
    ("   @stet explain", [.explain]),
    ("@stet\u{A0}review", [.review]),
    ("@stet \t enrich \t", [.enrich]),
    ("@stet help", [.help]),
    ("@stet ignore", [.ignore]),
    ("Thanks!\n@stet summary\nbye", [.summary]),
    ("Thanks!\r\n@stet summary\r\nbye", [.summary]),
    ("Thanks!\r@stet summary\rbye", [.summary]),
    ("@stet fix", [.fix(paths: [])]),
    ("@PRfectbot fix", [.fix(paths: [])]),
    ("/prfectbot fix a.py", [.fix(paths: ["a.py"])]),
    ("@stet fix a.py src/b.py", [.fix(paths: ["a.py", "src/b.py"])]),
    ("@stet fix `a.py`, `b c.py`", [.fix(paths: ["a.py", "b", "c.py"])]),
    ("@stet review as octocat", [reviewAs("octocat")]),
    ("@stet review as @Octo-Cat --force-reload", [reviewAs("Octo-Cat", force: true)]),
    ("@stet Review AS --FORCE-RELOAD octocat", [reviewAs("octocat", force: true)]),
    ("@stet review as octocat \u{2014}force-reload", [reviewAs("octocat", force: true)]),
    ("@stet review as dependabot[bot]", [reviewAs("dependabot[bot]")]),
    ("@tech-lead-bot octocat", [reviewAs("octocat", bare: true)]),
    ("@Tech-Lead-Bot @octocat --force-reload", [reviewAs("octocat", force: true, bare: true)]),
    ("@tech-lead-bot review as octocat", [reviewAs("octocat")]),
    ("@tech-lead-bot review", [.review]),
    ("@tech-lead-bot help", [.help]),
    ("@stet review\n\n@stet fix a\n@stet help", [.review, .fix(paths: ["a"]), .help]),
    (String(repeating: "@stet help\n", count: 9), Array(repeating: .help, count: 5)),
    ("> earlier\n@stet review", [.review]),
    ("```\n@stet fix\n```\n@stet review", [.review]),
    ("<!-- a --> x\n@stet review <!-- as x -->", [.review]),
    ("a `code` here\n@stet review", [.review]),
    ("one ` tick\n\n@stet review ` x", [.review]),
    ("a \\` b\n@stet review\n` c", [.review]),
    ("# Title\n@stet review", [.review]),
  ]

  @Test(arguments: asked) func isHeard(body: String, heard: [CommentCommand]) {
    #expect(CommentCommand.parse(body, handle: "stet") == heard)
  }

  static let unknown: [Case] = [
    ("@stet", [.unknown("")]),
    ("/stet  ", [.unknown("")]),
    ("@stet dance now", [.unknown("dance")]),
    ("@stet reviews", [.unknown("reviews")]),
    ("@stet review as", [.unknown("review as")]),
    ("@stet review as --force-reload", [.unknown("review as")]),
    ("@stet review as ../../x", [.unknown("review as")]),
    ("@tech-lead-bot", [.unknown("")]),
    ("@tech-lead-bot what do you think?", [.unknown("what")]),
    ("@tech-lead-bot ../x", [.unknown("../x")]),
    ("@stet " + String(repeating: "y", count: 99), [.unknown(String(repeating: "y", count: 40))]),
  ]

  @Test(arguments: unknown) func isAnsweredWithHelp(body: String, heard: [CommentCommand]) {
    #expect(CommentCommand.parse(body, handle: "stet") == heard)
  }

  @Test(arguments: [
    "", "\n", "stet review", "hello @stet review", "- @stet review", "**@stet review**",
    "@stet-other review", "@stets review", "@stet/team review", "@stet.example review",
    "@stet@example.org review", "me@stet review", "stet@example.org", "@ stet review",
    "/ stet review", "//stet review", "@@stet review", "@stet_review", "@/stet review",
    "\u{200B}@stet review", "@prfectbot2 fix", "@tech-lead-botany octocat",
    "> @stet review", ">@stet review", "   > @stet review", ">> @stet review",
    "    @stet review", "\t@stet review", "  \t@stet review", "text\n    @stet review",
    "```\n@stet review\n```", "```\n@stet review", "~~~\n@stet review\n~~~",
    "````\n```\n@stet review\n```\n````", "```swift\n@stet review\n~~~\n@stet fix\n```",
    "~~~ a`b\n@stet review\n~~~", "   ```\n@stet review\n   ```",
    "```\n    ```\n@stet review\n```", "```\n``` x\n@stet review\n```",
    "- ```\n  @stet review\n  ```", "1. ~~~\n   @stet review\n   ~~~",
    "- - ```\n    @stet review\n    ```", "```\r\n@stet review\r\n```", "`@stet review`",
    "`a\n@stet review\nb`", "``a ` b\n@stet review\n``", "text `a\r\n@stet review\r\nb` text",
    "<!-- @stet review -->", "<!--\n@stet review\n-->", "text <!--\n\n@stet review\n\n--> x",
    "<!-- a\n--> @stet review", "<!-- a --> @stet review", "<!--\n@stet review",
    "<pre>\n@stet review\n</pre>", "<PRE>a\n@stet review\n</Pre>", "<code>\n@stet review\n</code>",
    "> ```\n> @stet review\n> ```", "<!-- stet:summary -->\nA summary.",
  ])
  func isNotHeard(body: String) {
    #expect(CommentCommand.parse(body, handle: "stet").isEmpty)
  }

  @Test func theHandleIsASetting() {
    #expect(CommentCommand.parse("@Mentor review", handle: "mentor") == [.review])
    #expect(CommentCommand.parse("@mentor review", handle: "@Mentor") == [.review])
    #expect(CommentCommand.parse("@stet review", handle: "mentor").isEmpty)
    #expect(CommentCommand.parse("@prfectbot review", handle: "mentor") == [.review])
    #expect(CommentCommand.parse("@ review", handle: "").isEmpty)
  }

  /// Known pieces in a random order, of each of which it is known whether it is heard; then the
  /// whole of it in a place where nothing is.
  @Test(arguments: 0..<40) func piecesAreHeardEachForItself(seed: Int) {
    var random = SeededNumbers(seed)
    let silent = [
      "> @stet fix", "```\n@stet fix\n```", "~~~~\n~~~\n@stet fix\n~~~~", "    @stet fix",
      "<!--\n@stet fix\n-->", "words `x\n@stet fix\ny` words", "mail me@stet fix", "plain words",
      "- @stet fix", "@stet-other fix", "`` ` ``",
    ]
    for _ in 0..<50 {
      var body = ""
      var heard: [CommentCommand] = []
      for _ in 0..<Int.random(in: 1...8, using: &random) {
        if Bool.random(using: &random) {
          body +=
            ["@stet review", "/stet  REVIEW", "  @prfectbot review"]
            .randomElement(using: &random) ?? ""
          heard.append(.review)
        } else {
          body += silent.randomElement(using: &random) ?? ""
        }
        body += "\n\n"
      }
      if Bool.random(using: &random) {
        body = body.split(separator: "\n", omittingEmptySubsequences: false)
          .joined(separator: "\r\n")
      }
      let expected = Array(heard.prefix(CommentCommand.limit))
      #expect(CommentCommand.parse(body, handle: "stet") == expected, "\(body)")
      let quoted = body.split(whereSeparator: \.isNewline).map { "> " + $0 }
        .joined(separator: "\n")
      #expect(CommentCommand.parse(quoted, handle: "stet").isEmpty, "\(quoted)")
      #expect(CommentCommand.parse("`````\n\(body)", handle: "stet").isEmpty, "\(body)")
    }
  }

  /// Anything at all gives an answer, of bounded length, and soon.
  @Test(arguments: 0..<20) func anyTextIsRead(seed: Int) {
    var random = SeededNumbers(seed + 1_000)
    let pieces = [
      "@stet", "/stet", " ", "\n", "\r", "\r\n", "`", "``", "```", "~~~", "<!--", "-->", "\\", ">",
      "    ", "\t", "- ", "1. ", "review", "fix", "as", "é", "😀", "\u{0}", "<pre>", "</pre>",
    ]
    let body = (0..<3_000).map { _ in pieces.randomElement(using: &random) ?? "" }.joined()
    #expect(CommentCommand.parse(body, handle: "stet").count <= CommentCommand.limit)
  }

  /// Runs of backticks that never close are the costly case.
  @Test func manyOpenSpansStayCheap() {
    let ticks = (1...350).map { String(repeating: "`", count: $0) + "\n" }.joined()
    let start = ContinuousClock.now
    #expect(CommentCommand.parse(ticks + "\n@stet review", handle: "stet").count <= 1)
    #expect(start.duration(to: .now) < .seconds(5))
  }
}
