import Testing

@testable import Domain

@Suite struct DangerousRemoveTests {
  @Test(arguments: [
    RuleCase(
      "a.sh",
      """
      rm -rf "$DIR"/*◀
      rm -rf $DIR/◀
      rm -fr ${DIR}/*◀
      """),
    RuleCase(
      "a.sh",
      """
      rm -rf "${DIR:?}"/*
      rm -rf "$DIR"
      rm -rf $DIR/build
      rm -f $X/*
      rm -rf build/*
      # rm -rf $DIR/*
      rm -rf $(mktemp -d)/
      """),
    RuleCase(
      "a.py",
      """
      rm -rf $DIR/*
      """),
  ])
  func `Fires where marked and nowhere else`(source: RuleCase) { source.check(DangerousRemove()) }
}
