import Testing

@testable import Domain

@Suite struct MissingAwaitTests {
  @Test(arguments: [
    RuleCase(
      "a.py",
      """
      asyncio.sleep(1)◀
          asyncio.wait_for(f(), 3)◀
      await asyncio.sleep(1)
      x = asyncio.sleep(1)
      return asyncio.sleep(1)
      asyncio.run(main())
      """),
    RuleCase(
      "a.py",
      """
      tasks = [
          asyncio.sleep(1)
      ]
      await gather(
          asyncio.sleep(1),
      )
      """),
  ])
  func `Fires where marked and nowhere else`(source: RuleCase) { source.check(MissingAwait()) }

  @Test func `Suggests to await`() {
    #expect(
      RuleCase("a.py", "  asyncio.sleep(1)").suggestion(MissingAwait())
        == "  await asyncio.sleep(1)")
  }
}
