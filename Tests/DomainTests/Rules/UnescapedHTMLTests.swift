import Testing

@testable import Domain

@Suite struct UnescapedHTMLTests {
  @Test(arguments: [
    RuleCase(
      "a.tsx",
      """
      el.innerHTML = text◀
      el.innerHTML += `<b>${x}</b>`◀
      <div dangerouslySetInnerHTML={{ __html: x }} />◀
      document.write(x)◀
      """),
    RuleCase(
      "a.ts",
      """
      el.innerHTML = ''
      el.textContent = text
      if (el.innerHTML === text) {}
      const s = el.innerHTML
      document.write('<p>')
      """),
    RuleCase(
      "a.py",
      """
      return mark_safe(text)◀
      Markup(f"<b>{x}</b>")◀
      mark_safe("<b>")
      Markup("<b>{}</b>").format(x)
      def mark_safe(s):
      """),
    RuleCase(
      "a.go",
      """
      x := template.HTML(body)◀
      x := template.HTML("<b>")
      """),
    RuleCase(
      "a.test.ts",
      """
      el.innerHTML = text
      """),
  ])
  func `Fires where marked and nowhere else`(source: RuleCase) { source.check(UnescapedHTML()) }
}
