import Domain
import Testing
import UseCases

/// One module; the lines that end in `# !RULE` are those where the pass has to speak, and no others.
struct TaintCase: Sendable, CustomTestStringConvertible {
  var name: String
  var code: String

  init(_ name: String, _ code: String) {
    self.name = name
    self.code = code
  }

  var testDescription: String { name }

  var expected: Set<String> {
    var found: Set<String> = []
    for (number, line) in code.split(separator: "\n", omittingEmptySubsequences: false).enumerated()
    {
      guard let mark = line.range(of: "# !") else { continue }
      for rule in line[mark.upperBound...].split(separator: " ") {
        found.insert("\(number + 1) \(rule)")
      }
    }
    return found
  }

  private static let flask =
    "from flask import Flask, request, redirect, session\napp = Flask('a')\n"

  private static func view(_ body: String, route: String = "/x") -> String {
    let lines = body.split(separator: "\n").map { "    " + $0 }.joined(separator: "\n")
    return flask + "@app.route('\(route)')\ndef view():\n" + lines + "\n"
  }

  static let all: [TaintCase] = [
    TaintCase(
      "shell", view("import os\nos.system('ls ' + request.args['d'])  # !taint-shell\nreturn ''")),
    TaintCase(
      "quoted for the shell",
      view("import os, shlex\nos.system('ls ' + shlex.quote(request.args['d']))\nreturn ''")),
    TaintCase(
      "SQL by formatting",
      view(
        """
        import sqlite3
        cursor = sqlite3.connect('a').cursor()
        name = request.form.get('n')
        cursor.execute(f"select * from t where n = '{name}'")  # !taint-sql
        cursor.execute("select * from t where n = ?", (name,))
        return ''
        """)),
    TaintCase(
      "through functions of the module",
      flask + """
        import pickle
        def read(thing):
            return pickle.loads(thing)  # !taint-deserialisation
        def keep(thing):
            return thing
        @app.post('/x')
        def view():
            read(keep(request.get_data()))
            return ''
        """),
    TaintCase(
      "a value that was never untrusted",
      view(
        """
        kept = {}
        kept['a'] = 'plain'
        kept['b'] = request.args['q']
        eval(kept['a'])
        eval(kept['b'])  # !taint-code
        return ''
        """)),
    TaintCase(
      "a way that is never taken",
      view("n = 7\nx = 'plain' if n * 3 > 20 else request.args['q']\nexec(x)\nreturn ''")),
    TaintCase(
      "a list, by place",
      view(
        """
        found = []
        found.append('safe')
        found.append(request.args['q'])
        found.append('safe')
        found.pop(0)
        exec(found[1])
        exec(found[0])  # !taint-code
        return ''
        """)),
    TaintCase(
      "a path that was checked",
      view(
        """
        name = request.args['f']
        if '..' in name or '/' in name:
            return 'no'
        with open('/srv/' + name) as file:
            file.read()
        with open('/srv/' + request.args['g']) as file:  # !taint-path
            file.read()
        return ''
        """)),
    TaintCase(
      "a path beneath a folder",
      view(
        """
        import os
        path = os.path.realpath(os.path.join('/srv', request.args['f']))
        if not path.startswith('/srv/'):
            return 'no'
        open(path)
        other = os.path.join('/srv', request.args['f'])
        if not other.startswith('/srv/'):
            return 'no'
        open(other)  # !taint-path
        return ''
        """)),
    TaintCase(
      "one of a set, and a number",
      view(
        """
        import os
        word = request.args['w']
        if word not in ('a', 'b'):
            return 'no'
        os.system('echo ' + word)
        os.system('echo ' + str(int(request.args['n'])))
        return ''
        """)),
    TaintCase(
      "a page",
      flask + """
        import html
        @app.get('/hello/<name>')
        def hello(name):
            if name == 'b':
                return '<b>' + html.escape(name)
            return '<p>' + name  # !taint-html
        """),
    TaintCase(
      "a redirect",
      view(
        """
        if request.args['a']:
            return redirect('/items/' + request.args['a'])
        return redirect(request.args['b'])  # !taint-redirect
        """)),
    TaintCase(
      "templates, XPath, LDAP, addresses",
      flask + """
        import flask, ldap3, requests
        from lxml import etree
        @app.get('/x')
        def view(tree=None, directory=None):
            q = request.headers['q']
            flask.render_template_string(q)  # !taint-template
            etree.XPath("//a[@b='" + q + "']")  # !taint-xpath
            directory.search('o=a', '(uid=' + q + ')')  # !taint-ldap
            requests.get(q)  # !taint-request
            requests.get('https://example.org/' + q)
            return ''
        """),
    TaintCase(
      "a number that can be guessed",
      """
      import random, secrets
      def reset_token():
          return random.randint(1, 9)  # !weak-random
      token = secrets.token_hex()
      colour = random.choice('rgb')
      password = ''.join(random.choice('ab') for _ in range(9))  # !weak-random
      """),
    TaintCase(
      "hashes",
      """
      import hashlib
      hashlib.md5(b'')  # !weak-hash
      hashlib.md5(b'', usedforsecurity=False)
      hashlib.sha256(b'')
      name = 'sha' + '1'
      hashlib.new(name)  # !weak-hash
      """),
    TaintCase(
      "Django, FastAPI, the command line, methods",
      """
      import sys
      from django.http import HttpResponse, HttpRequest
      from fastapi import FastAPI
      import subprocess
      class Keeper:
          def __init__(self, text):
              self.text = text
          def go(self):
              subprocess.run(self.text, shell=True)  # !taint-shell
      def page(request: HttpRequest):
          Keeper(request.GET['q']).go()
          return HttpResponse(request.GET['q'])  # !taint-html
      api = FastAPI()
      @api.get('/a')
      async def run(q: str, n: int):
          exec(q)  # !taint-code
          exec(n)
      if __name__ == '__main__':
          eval(input())  # !taint-code
          open(sys.argv[1])
      """),
  ]
}

@Suite struct LintTaintTests {
  @Test(arguments: TaintCase.all)
  func `The pass speaks where it should and nowhere else`(_ source: TaintCase) async throws {
    let axis = try await LintFixture.axis(
      SecurityEvaluator(), source.code, in: LintFixture.bareSandbox)
    let found = axis.evidence.map { "\($0.line ?? 0) \($0.rule ?? "")" }
    #expect(Set(found) == source.expected)
    #expect(axis.evidence.allSatisfy { $0.cwe != nil && $0.source == .tool })
    // What is missing is said, and is no failure by itself.
    #expect(axis.reason?.contains("bandit is not installed") == true)
    #expect((axis.verdict == .fail) == axis.evidence.contains { $0.isFailure })
  }

  @Test(arguments: [
    (EvaluationCriteria.Severity.high, EvaluationAxis.Verdict.pass), (.medium, .fail),
    (.low, .fail),
  ])
  func `The severity of the criteria decides`(
    _ least: EvaluationCriteria.Severity, _ verdict: EvaluationAxis.Verdict
  ) async throws {
    let axis = try await LintFixture.axis(
      SecurityEvaluator(), "import hashlib\nprint(hashlib.sha1(b''))\n",
      in: LintFixture.bareSandbox, criteria: EvaluationCriteria(severity: least))
    #expect(axis.verdict == verdict)
    #expect(axis.evidence.count == 1)
    #expect(axis.value == (verdict == .fail ? 1 : 0))
  }

  @Test func `A message tells where the data came from, and what is hostile in it is shown`()
    async throws
  {
    let code = """
      from flask import request
      def f():
          q = request.args['q']
          eval(q)  # nosec \u{1B}[2J
      """
    let axis = try await LintFixture.axis(SecurityEvaluator(), code, in: LintFixture.bareSandbox)
    #expect(axis.evidence.contains { $0.message.contains("request.args gives in line 3") })
    let silencer = try #require(axis.evidence.first { $0.rule == "silences-nosec" })
    #expect(!silencer.isFailure)
    #expect(silencer.message.contains("<U+001B>") && !silencer.message.contains("\u{1B}"))
  }
}
