import Testing

@testable import Domain

@Suite struct UnsafeDeserializationTests {
  @Test(arguments: [
    RuleCase(
      "a.py",
      """
      pickle.loads(data)◀
      y = yaml.load(f)◀
      yaml.load(f, Loader=yaml.Loader)◀
      marshal.load(f)◀
      torch.load(p)◀
      """),
    RuleCase(
      "a.py",
      """
      yaml.safe_load(f)
      yaml.load(f, Loader=yaml.SafeLoader)
      yaml.load(f, Loader=CSafeLoader)
      json.loads(s)
      pickle.dumps(x)
      torch.load(p, weights_only=True)
      # pickle.loads(x)
      unpickle.load(x)
      """),
    RuleCase(
      "tests/test_a.py",
      """
      pickle.loads(data)
      """),
  ])
  func `Fires where marked and nowhere else`(source: RuleCase) {
    source.check(UnsafeDeserialization())
  }

  @Test func `Suggests the safe loader where nothing else was passed`() {
    #expect(
      RuleCase("a.py", "y = yaml.load(f)").suggestion(UnsafeDeserialization())
        == "y = yaml.safe_load(f)")
    #expect(
      RuleCase("a.py", "y = yaml.load(f, Loader=L)").suggestion(UnsafeDeserialization()) == nil)
  }
}
