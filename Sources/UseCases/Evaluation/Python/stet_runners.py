"""Runs the forms of tests that need nothing but Python."""

import ast
import asyncio
import doctest
import inspect
import os
import sys
import types
import unittest

import stet_cases
import stet_examples
import stet_forms
import stet_pytest
import stet_tell
import stet_worker

# Taken before judged code is loaded, which can put others in their places.
_Coroutine, _run = types.CoroutineType, asyncio.run


def needs_module(source):
    """A program that is judged by what it prints is never imported: it would wait for input."""
    if source["form"] != "examples":
        return True
    return any("stdin" not in case for case in source["cases"])


def run(task, source, module, report, where, skipped):
    form = source["form"]
    if form == "pytest":
        stet_pytest.run(task, source, module, report, where, skipped)
    else:
        FORMS[form](task, source, module, report, where, skipped)


def _namespace(source, module):
    """A module for the tests that knows the judged names unless it has its own."""
    name = os.path.basename(source["file"])[:-3]
    made = types.ModuleType(name if name.isidentifier() else "tests")
    made.__file__ = source["file"]
    vars(made).update(stet_worker.public(module))
    vars(made)[stet_cases.FAILURE] = stet_cases.failure
    if made.__name__ not in sys.modules:
        sys.modules[made.__name__] = made
    return made


def _loaded(source, module, where, code=None):
    """Runs the text of the tests itself.

    - Raises: `Broken` where that fails.
    """
    made = _namespace(source, module)
    try:
        if code is None:
            code = stet_cases.compiled(source["text"], source["file"])
        exec(code, vars(made))
    except BaseException as error:
        raise stet_worker.Broken(_unloadable(error, where)) from None
    return made


def _unloadable(error, where):
    detail = stet_tell.describe(error, where)
    detail["message"] = "the tests cannot be loaded: " + detail["message"]
    return detail


def functions(task, source, module, report, where, skipped):
    made = _loaded(source, module, where)
    for number, test in enumerate(source["tests"]):
        if number in skipped:
            continue
        report.start(number)
        try:
            function = vars(made)[test["name"]]
            value = function()
            if isinstance(value, _Coroutine):
                _run(value)
        except unittest.SkipTest as skip:
            report.skipped(number, stet_tell.words(skip))
        except BaseException as error:
            report.failed(number, stet_tell.describe(error, where))
        else:
            report.passed(number)


def script(task, source, module, report, where, skipped):
    cases = stet_cases.Cases(report, where, skipped)
    made = _namespace(source, module)
    vars(made)[stet_cases.CASES] = cases
    vars(made)["__name__"] = "__main__"
    try:
        code = stet_cases.split(source["text"], source["file"])
        exec(code, vars(made))
    except BaseException as error:
        raise stet_worker.Broken(_unloadable(error, where)) from None


def check(task, source, module, report, where, skipped):
    cases = stet_cases.Cases(report, where, skipped)
    made = _namespace(source, module)
    vars(made)[stet_cases.CASES] = cases
    try:
        code = stet_cases.split(source["text"], source["file"], "check")
        exec(code, vars(made))
        candidate = _candidate(source, module, made)
        line = where.definitions.get(getattr(candidate, "__name__", None))
        if line is not None:
            where.definitions["candidate"] = line
            where.aliases["candidate"] = candidate.__name__
        vars(made)["check"](candidate)
    except BaseException as error:
        raise stet_worker.Broken(_unloadable(error, where)) from None


def _candidate(source, module, made):
    """What `check` is called with: as the text has it, else the last function of the code."""
    if source.get("candidate"):
        return eval(source["candidate"], vars(made))
    own = [
        value
        for name, value in vars(module).items()
        if inspect.isfunction(value)
        and value.__module__ == module.__name__
        and not name.startswith("_")
    ]
    if not own:
        raise NameError("the code defines no function to be checked")
    return max(own, key=lambda function: function.__code__.co_firstlineno)


# Doctests


class _Runner(doctest.DocTestRunner):
    def __init__(self, report, where, numbers):
        super().__init__(verbose=False)
        self.report_to = report
        self.where = where
        self.numbers = numbers

    def report_start(self, out, test, example):
        self.report_to.start(self.numbers[id(example)])

    def report_success(self, out, test, example, got):
        self.report_to.passed(self.numbers[id(example)])

    def report_failure(self, out, test, example, got):
        given = example.source.strip()
        message = "`%s` gave %s, expected %s" % (
            stet_tell.cut(given, 200),
            stet_tell.cut(got.strip(), 200) or "nothing",
            stet_tell.cut(example.want.strip(), 200) or "nothing",
        )
        self._failed(example, {"kind": "assertion", "message": message})

    def report_unexpected_exception(self, out, test, example, exc_info):
        self._failed(example, stet_tell.describe(exc_info[1], self.where))

    def _failed(self, example, detail):
        given = example.source.strip()
        called = [n for f, n in self.where.definitions.items() if f + "(" in given]
        detail["line"] = detail.get("line") or (called[0] if called else None)
        detail["input"] = stet_tell.cut(given, 300)
        self.report_to.failed(self.numbers[id(example)], detail)


def _doctests(groups, report, where, skipped):
    numbers = {}
    for _, examples_of, _ in groups:
        for example in examples_of:
            numbers[id(example)] = len(numbers)
            if numbers[id(example)] in skipped:
                example.options[doctest.SKIP] = True
    runner = _Runner(report, where, numbers)
    for name, examples_of, names in groups:
        test = doctest.DocTest(examples_of, names, name, where.test_file, 0, "")
        runner.run(test, out=lambda text: None, clear_globs=False)


def prose(task, source, module, report, where, skipped):
    found = doctest.DocTestParser().get_examples(source["text"])
    _doctests([("text", found, stet_worker.public(module))], report, where, skipped)


def docstrings(task, source, module, report, where, skipped):
    if source["file"] == task["file"]:
        names = dict(vars(module))
    else:
        names = vars(_loaded(source, module, where))
    parser = doctest.DocTestParser()
    groups = [
        (name or "module", parser.get_examples(text), dict(names))
        for name, _, text in stet_forms.docstrings(ast.parse(source["text"]))
    ]
    _doctests(groups, report, where, skipped)


# unittest


class _Result(unittest.TestResult):
    def __init__(self, report, where, numbers):
        super().__init__()
        self.report_to = report
        self.where = where
        self.numbers = numbers
        self.bad = None

    @staticmethod
    def name(test):
        return "%s.%s" % (type(test).__name__, getattr(test, "_testMethodName", test))

    def number(self, test):
        return self.numbers.get(self.name(test))

    def startTest(self, test):
        super().startTest(test)
        self.bad = None
        self.report_to.start(self.number(test))

    def _fail(self, test, error):
        detail = stet_tell.describe(error[1], self.where)
        if not isinstance(test, unittest.TestCase):
            detail["message"] = "%s: %s" % (test, detail["message"])
            self.report_to.broken(detail)
        else:
            self.bad = self.bad or detail

    def addFailure(self, test, err):
        self._fail(test, err)

    def addError(self, test, err):
        self._fail(test, err)

    def addSubTest(self, test, subtest, err):
        if err is not None:
            self._fail(test, err)

    def addSkip(self, test, reason):
        if isinstance(test, unittest.TestCase):
            self.bad = {"skipped": str(reason)}

    def addExpectedFailure(self, test, err):
        pass

    def addUnexpectedSuccess(self, test):
        message = "it was expected to fail and passed"
        self.bad = {"kind": "assertion", "message": message, "line": None, "test_line": None}

    def stopTest(self, test):
        super().stopTest(test)
        number, name = self.number(test), self.name(test)
        if self.bad is None:
            self.report_to.passed(number, name)
        elif "skipped" in self.bad:
            self.report_to.skipped(number, self.bad["skipped"], name)
        else:
            self.report_to.failed(number, self.bad, name)


def cases(task, source, module, report, where, skipped):
    made = _loaded(source, module, where)
    numbers = {test["name"]: n for n, test in enumerate(source["tests"])}
    suite = unittest.TestLoader().loadTestsFromModule(made)
    chosen = unittest.TestSuite()
    for test in _flat(suite):
        if numbers.get(_Result.name(test)) not in skipped:
            chosen.addTest(test)
    _canary_cases(report)
    chosen.run(_Result(report, where, numbers))
    _canary_cases(report)


def _flat(suite):
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            yield from _flat(test)
        else:
            yield test


class _Canary(unittest.TestCase):
    def equal(self):
        self.assertEqual(1, 2)

    def true(self):
        self.assertTrue(False)

    def raises(self):
        with self.assertRaises(ValueError):
            pass

    def almost(self):
        self.assertAlmostEqual(1.0, 2.0)

    def member(self):
        self.assertIn(1, [2])

    def none(self):
        self.assertIsNone(1)

    def plain(self):
        assert [1] == [2]


def _canary_cases(report):
    kinds = ["equal", "true", "raises", "almost", "member", "none", "plain"]
    passed = []
    for kind in kinds:
        result = unittest.TestResult()
        _Canary(kind).run(result)
        if len(result.failures) != 1 or result.wasSuccessful():
            passed.append("a unittest assertion (%s)" % kind)
    report.canaries("unittest", len(kinds), passed)


FORMS = {
    "functions": functions,
    "script": script,
    "check": check,
    "examples": stet_examples.run,
    "doctest": prose,
    "docstrings": docstrings,
    "unittest": cases,
}
