import Testing

@testable import Domain

@Suite struct WorldWritableTests {
  @Test(arguments: [
    RuleCase(
      "a.sh",
      """
      chmod 777 x◀
      chmod -R 0777 x◀
      chmod a+rwx x◀
      chmod 755 x
      chmod 1777 /tmp
      echo 777
      # chmod 777 x
      """),
    RuleCase(
      "Dockerfile",
      """
      RUN chmod 777 /app◀
      COPY --chmod=777 a b◀
      COPY --chmod=755 a b
      """),
    RuleCase(
      "a.py",
      """
      os.chmod(p, 0o777)◀
      os.chmod(p, 0o755)
      os.chmod(p, mode & 0o777)
      os.makedirs(p, 0o777)
      x = 777
      """),
    RuleCase(
      "a.go",
      """
      os.WriteFile(p, b, 0777)◀
      os.WriteFile(p, b, 0644)
      """),
  ])
  func `Fires where marked and nowhere else`(source: RuleCase) { source.check(WorldWritable()) }
}
