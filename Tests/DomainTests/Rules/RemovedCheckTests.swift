import Testing

@testable import Domain

@Suite struct RemovedCheckTests {
  @Test(arguments: [
    RuleCase(
      "views.py",
      diff: """
        -@login_required◀
         def profile(request):
             return render(request)
        """),
    RuleCase(
      "views.py",
      diff: """
         def f(user):
        -    if not user.has_permission('x'):◀
        -        raise Forbidden()
             return secret
        """),
    RuleCase(
      "views.py",
      diff: """
        -@login_required
        +@permission_required('x')
         def profile(request):
        """),
    RuleCase(
      "views.py",
      diff: """
        -@login_required
        -def profile(request):
        -    return render(request)
        """),
    RuleCase(
      "views.py",
      diff: """
        -@login_required
         def a():
             pass
         def b():
             pass
        +@login_required
         def c():
        """),
    RuleCase(
      "views.py",
      diff: """
        -from x import check_password
        -# @login_required
        -s = 'is_admin'
        """),
    RuleCase(
      "tests/test_a.py",
      diff: """
        -assert user.is_authenticated
        """),
  ])
  func `Fires where marked and nowhere else`(source: RuleCase) { source.check(RemovedCheck()) }

  @Test func `A deleted file guards nothing any more`() {
    RuleCase("a.py", diff: "-@login_required\n-x = 1", status: .deleted).check(RemovedCheck())
  }
}
