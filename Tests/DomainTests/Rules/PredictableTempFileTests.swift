import Testing

@testable import Domain

@Suite struct PredictableTempFileTests {
  @Test(arguments: [
    RuleCase(
      "a.py",
      """
      p = tempfile.mktemp()◀
      p = tempfile.mkstemp()
      # tempfile.mktemp()
      """),
    RuleCase(
      "a.sh",
      """
      out=/tmp/out.$$◀
      out=$(mktemp)
      out=/tmp/out
      """),
    RuleCase(
      "a.c",
      """
      char *p = tmpnam(NULL);◀
      int f = mkstemp(p);
      """),
  ])
  func `Fires where marked and nowhere else`(source: RuleCase) {
    source.check(PredictableTempFile())
  }
}
