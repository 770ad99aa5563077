import Testing

@testable import Domain

@Suite struct SQLConcatenationTests {
  @Test(arguments: [
    RuleCase(
      "a.py",
      """
      q = f"select * from users where id={user_id}"◀
      q = "DELETE FROM users WHERE name='" + name◀
      q = "select a from b where c='%s'" % c◀
      q = "insert into t values ('{}')".format(v)◀
      """),
    RuleCase(
      "a.py",
      """
      cur.execute("select * from users where id=%s", (user_id,))
      q = f"select * from {table_name}"
      q = f"select * from t where id in ({placeholders})"
      log("update the list from " + name)
      q = "select a " "from b"
      print(f"select {x}")
      # f"select * from t where x={y}"
      q = f"select * from {TABLE}"
      """),
    RuleCase(
      "a.ts",
      """
      db.query(`SELECT * FROM users WHERE id = ${id}`)◀
      db.query('DELETE FROM t WHERE id = ' + id)◀
      sql`SELECT * FROM users WHERE id = ${id}`
      db.query('SELECT * FROM t WHERE id = $1', [id])
      """),
    RuleCase(
      "a.go",
      """
      q := fmt.Sprintf("SELECT * FROM t WHERE name = '%s'", name)◀
      q := fmt.Sprintf("SELECT * FROM t LIMIT %d", n)
      db.Query("SELECT * FROM t WHERE a = ?", a)
      """),
    RuleCase(
      "a.swift",
      """
      let q = "SELECT * FROM t WHERE id = \\(id)"◀
      let q = "SELECT * FROM t"
      """),
    RuleCase(
      "tests/test_a.py",
      """
      q = f"select * from t where id={x}"
      """),
  ])
  func `Fires where marked and nowhere else`(source: RuleCase) { source.check(SQLConcatenation()) }
}
