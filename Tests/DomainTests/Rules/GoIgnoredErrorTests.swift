import Testing

@testable import Domain

@Suite struct GoIgnoredErrorTests {
  @Test(arguments: [
    RuleCase(
      "a.go",
      """
      n, _ := strconv.Atoi(s)◀
      _ = json.Unmarshal(b, &x)◀
      b, _ = io.ReadAll(r)◀
      """),
    RuleCase(
      "a.go",
      """
      n, err := strconv.Atoi(s)
      v, _ := m[key]
      _ = fmt.Sprint(x)
      _, err = strconv.Atoi(s)
      for _, x := range strconv.Atoi(s) {
      n, _ := strconv.Atoi(s) // digits only
      """),
    RuleCase(
      "a_test.go",
      """
      n, _ := strconv.Atoi(s)
      """),
  ])
  func `Fires where marked and nowhere else`(source: RuleCase) { source.check(GoIgnoredError()) }
}
