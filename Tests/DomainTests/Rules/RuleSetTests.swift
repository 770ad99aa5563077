import Testing

@testable import Domain

@Suite struct RuleSetTests {
  @Test func `Names are unique and in kebab case`() {
    let names = BuiltInRules.all.map(\.name)
    #expect(Set(names).count == names.count)
    #expect(names.count >= 28)
    for name in names {
      #expect(name.utf8.allSatisfy { $0 &- 97 < 26 || $0 == 45 }, "\(name)")
    }
  }

  @Test(arguments: BuiltInRules.all.map(\.name))
  func `A rule says what it finds`(name: String) throws {
    let rule = try #require(BuiltInRules.all.first { $0.name == name })
    #expect(rule.summary.count > 15 && rule.summary.count < 80)
    #expect(rule.summary.last != ".")
    #expect(rule.confidence > 0.4 && rule.confidence < 1)
    #expect(!rule.category.isEmpty)
  }

  @Test func `Findings are anchored, quoted and in order`() throws {
    let diff = try Diff(
      parsing: Array(
        """
        diff --git a/a.py b/a.py
        --- a/a.py
        +++ b/a.py
        @@ -10,2 +10,5 @@ def f():
         x = 1
        +breakpoint()\r
        +if x == None:
        +    y = yaml.load(x)
        -y = 2
        +y = 3

        """.utf8))
    let findings = BuiltInRules.findings(in: diff)
    #expect(findings.map(\.line) == [11, 12, 13])
    #expect(findings.map(\.quote) == ["breakpoint()", "if x == None:", "    y = yaml.load(x)"])
    #expect(
      findings.map(\.source.description) == [
        "rule:debugger-call", "rule:none-comparison", "rule:unsafe-deserialization",
      ])
    #expect(findings.map(\.suggestion) == [nil, "if x is None:", "    y = yaml.safe_load(x)"])
    #expect(findings.allSatisfy { $0.path == "a.py" && $0.side == .new })
  }

  @Test func `A finding about removed lines stands on the old side`() throws {
    let diff = try Diff(
      parsing: Array(
        """
        diff --git a/views.py b/views.py
        --- a/views.py
        +++ b/views.py
        @@ -3,4 +3,3 @@
         import x
        -@login_required
         def profile(request):
             return render(request)

        """.utf8))
    let finding = try #require(BuiltInRules.findings(in: diff).first)
    #expect(finding.side == .old && finding.line == 4 && finding.quote == "@login_required")
  }
}

@Suite struct RulePropertyTests {
  static let fragments: [String] = [
    "eval(", "exec(x", ")", "`", "\"", "'", "\"\"\"", "#", "//", "/*", "*/", "${{ github.event.",
    "issue.title }}", "run: |", "uses: a/b@v1", "catch {", "}", "except:", "pass", "def f(x=[]",
    "== None", " is ", "is not 5", "assert (a, b)", "rm -rf $X/", "$@", "curl x | sh", "FROM a",
    "ADD http://x", "USER root", "try!", "x!", "a == a", "!= NaN", "yaml.load(", "select ",
    " from ", "f\"select * from t where x={y}\"", "password = ", "\u{202E}", "<<<<<<< a",
    "chmod 777",
    "extractall(", "mktemp(", ".only(", "it.skip('", "t.Skip(", "@login_required", "func TestA(",
    "return", "=", "%", "\\", "\\(", "{", "[", "é", "\t", "    ", "asyncio.sleep(1)", "-----BEGIN ",
    "PRIVATE KEY-----", "token", ":", "random.choice(", "innerHTML = ", "jwt", "_ = json.Marshal(",
  ]
  static let paths = [
    "a.py", "a.swift", "a.js", "b.test.ts", "a.go", "a_test.go", ".github/workflows/ci.yml",
    "Dockerfile", "run.sh", "a.rb", "a.rs", "plain", "a.md",
  ]

  /// Random lines out of the pieces that rules look for, so that every scanner meets each at the
  /// start, at the end and cut off.
  @Test(arguments: 1...200 as ClosedRange<UInt64>)
  func `No input crashes a rule, and every quote holds`(seed: UInt64) throws {
    var random = SplitMix(state: seed)
    var text = ""
    for file in 0..<3 {
      let path = Self.paths[Int(random.next() % UInt64(Self.paths.count))]
      var body = ""
      var (old, new) = (0, 0)
      for _ in 0..<Int(random.next() % 20 + 1) {
        let sign = ["+", "+", "-", " "][Int(random.next() % 4)]
        var line = ""
        for _ in 0..<Int(random.next() % 7) {
          line += Self.fragments[Int(random.next() % UInt64(Self.fragments.count))]
        }
        if sign != "+" { old += 1 }
        if sign != "-" { new += 1 }
        body += sign + line + (random.next() % 9 == 0 ? "\r\n" : "\n")
      }
      text += "--- a/\(file)/\(path)\n+++ b/\(file)/\(path)\n"
      text += "@@ -\(old == 0 ? 0 : 5),\(old) +\(new == 0 ? 0 : 5),\(new) @@\n" + body
    }
    let diff = try Diff(parsing: Array(text.utf8))
    expectQuotesHold(diff)
    #expect(BuiltInRules.findings(in: diff) == BuiltInRules.findings(in: diff))
  }

  /// Bytes that are no text at all.
  @Test(arguments: 1...50 as ClosedRange<UInt64>)
  func `Random bytes are read as any other line`(seed: UInt64) {
    var random = SplitMix(state: seed)
    for path in Self.paths {
      let lines = (1...10).map { number in
        RuleFile.RawLine(
          kind: .added, oldNumber: nil, newNumber: number,
          text: (0..<Int(random.next() % 40)).map { _ in UInt8(truncatingIfNeeded: random.next()) })
      }
      let file = RuleFile(path: SourcePath(path), status: .added, hunks: [lines])
      for finding in BuiltInRules.findings(in: file) {
        #expect(finding.quote == lines[finding.line - 1].text.string)
      }
      for line in file.lines { #expect(line.code.count == line.text.count) }
    }
  }
}

/// A small generator, so that a failing seed can be run again.
struct SplitMix: RandomNumberGenerator {
  var state: UInt64
  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}
