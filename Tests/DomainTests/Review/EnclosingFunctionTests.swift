import Domain
import Testing

@Suite struct EnclosingFunctionTests {
  private let python = """
    import os

    class Cart:
        size = 0

        def add(self, item):
            if item is None:
                return
            self.items.append(item)
            self.size += 1
    """.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)

  @Test func namesTheClassAndTheFunctionThatEncloseALine() {
    let context = EnclosingFunction.context(of: python, before: 9, maxLines: 10)
    #expect(
      context == [
        "class Cart:", nil, "    def add(self, item):", "        if item is None:",
        "            return",
      ])
  }

  @Test func aLongBodyIsCutInTheMiddle() {
    let body = (0..<100).map { "    step(\($0))" }
    let context = EnclosingFunction.context(
      of: ["func run() {"] + body + ["}"], before: 100, maxLines: 6)
    #expect(context.first == "func run() {")
    #expect(context.contains(nil))
    #expect(context.count <= 6)
    #expect(context.last == "    step(97)")
  }

  @Test(arguments: [1, 3, 200])
  func aTopLevelLineHasNone(line: Int) {
    #expect(EnclosingFunction.context(of: python, before: line, maxLines: 10).isEmpty)
  }
}
