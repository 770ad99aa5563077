import Testing

@testable import Domain

@Suite struct DebuggerCallTests {
  @Test(arguments: [
    RuleCase(
      "a.py",
      """
      breakpoint()◀
      import pdb; pdb.set_trace()◀
          import ipdb◀
      # breakpoint()
      def breakpoint():
      set_breakpoint(3)
      x.breakpoint()
      """),
    RuleCase(
      "a.js",
      """
        debugger;◀
      debugger.attach()
      // debugger;
      const s = 'debugger;'
      let debuggerOpen = 1
      """),
    RuleCase(
      "a.rs",
      """
      let a = dbg!(x);◀
      let b = debug!(x);
      """),
    RuleCase(
      "a.go",
      """
      spew.Dump(x)◀
      runtime.Breakpoint()◀
      fmt.Print(x)
      """),
    RuleCase(
      "a.rb",
      """
      binding.pry◀
      binding.local_variables
      """),
  ])
  func `Fires where marked and nowhere else`(source: RuleCase) { source.check(DebuggerCall()) }
}
