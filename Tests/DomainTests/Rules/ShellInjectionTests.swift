import Testing

@testable import Domain

@Suite struct ShellInjectionTests {
  @Test(arguments: [
    RuleCase(
      "a.py",
      """
      os.system(f'rm {x}')◀
      os.popen(cmd)◀
      subprocess.run(cmd, shell=True)◀
      subprocess.run(f'ls {x}', shell=True)◀
      """),
    RuleCase(
      "a.py",
      """
      subprocess.run(
          f"ls {x}",
          shell=True,◀
      )
      """),
    RuleCase(
      "a.py",
      """
      os.system('clear')
      subprocess.run('ls | wc', shell=True)
      subprocess.run([a, b])
      subprocess.run(cmd, shell=False)
      # os.system(cmd)
      """),
    RuleCase(
      "a.py",
      """
      subprocess.run(
          "ls | wc",
          shell=True,
      )
      """),
    RuleCase(
      "a.js",
      """
      exec(`ls ${dir}`)◀
      child_process.execSync('ls ' + dir)◀
      exec('ls')
      re.exec(`a${b}`)
      execFile('ls', [dir])
      """),
    RuleCase(
      "a.go",
      """
      exec.Command("sh", "-c", fmt.Sprintf("ls %s", d))◀
      exec.Command("ls", d)
      exec.Command("sh", "-c", "ls")
      """),
    RuleCase(
      "tests/test_a.py",
      """
      os.system(cmd)
      """),
  ])
  func `Fires where marked and nowhere else`(source: RuleCase) { source.check(ShellInjection()) }

  @Test func `A command with values in it weighs more than a variable`() {
    #expect(RuleCase("a.py", "run(f'ls {x}', shell=True)").severity(ShellInjection()) == .error)
    #expect(RuleCase("a.py", "run(cmd, shell=True)").severity(ShellInjection()) == .warning)
  }
}
