import Testing

@testable import Domain

@Suite struct CORSWildcardTests {
  @Test(arguments: [
    RuleCase(
      "a.py",
      """
      app.add_middleware(
          CORSMiddleware,
          allow_origins=["*"],
          allow_credentials=True,◀
      )
      """),
    RuleCase(
      "a.py",
      """
          allow_origins=["https://a.b"],
          allow_credentials=True,
      """),
    RuleCase(
      "a.py",
      """
          allow_origins=["*"],
          allow_credentials=False,
      """),
    RuleCase(
      "a.ts",
      """
      app.use(cors({ origin: true, credentials: true }))◀
      app.get('/x')
      """),
    RuleCase(
      "b.ts",
      """
      app.use(cors({ origin: list, credentials: true }))
      fetch(u, { credentials: 'include' })
      """),
  ])
  func `Fires where marked and nowhere else`(source: RuleCase) { source.check(CORSWildcard()) }
}
