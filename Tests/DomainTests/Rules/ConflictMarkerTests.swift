import Testing

@testable import Domain

@Suite struct ConflictMarkerTests {
  @Test(arguments: [
    RuleCase(
      "a.py",
      """
      <<<<<<< HEAD◀
      x = 1
      =======
      x = 2
      >>>>>>> feature
      """),
    RuleCase(
      "a.txt",
      """
      x = 2
      >>>>>>> feature/branch◀
      """),
    RuleCase(
      "notes.md",
      """
      Title
      =======

      """),
    RuleCase(
      "a.sh",
      """
      cat <<<<<<<x
      <<<<<<<<<<
      >>>>>>>> quoted mail
      """),
    RuleCase(
      "a.py",
      """
       <<<<<<< HEAD
      print("<<<<<<< HEAD")
      """),
  ])
  func `Fires where marked and nowhere else`(source: RuleCase) { source.check(ConflictMarker()) }
}
