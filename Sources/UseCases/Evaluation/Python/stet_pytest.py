"""Runs tests by pytest, with a plugin that tells each of them as it begins and ends."""

import os
import sys

import stet_guard
import stet_tell
import stet_worker

CANARIES = """\
import pytest
from unittest import TestCase


def test_equal():
    assert {a} == {b}


def test_false():
    assert not [{a}]


def test_length():
    assert len([{a}]) == 2


def test_raises():
    with pytest.raises(ValueError):
        pass


def test_raises_another():
    with pytest.raises(ValueError):
        raise KeyError({a})


def test_about():
    assert {a}.0 == pytest.approx({b}.0)


@pytest.mark.parametrize("value", [{a}])
def test_of_values(value):
    assert value == {b}


@pytest.fixture
def prepared():
    return {a}


def test_fixture(prepared):
    assert prepared == {b}


def test_fail():
    pytest.fail("as it must")


class TestInside:
    def test_equal(self):
        assert {{"a": {a}}} == {{"a": {b}}}


class Case(TestCase):
    def test_equal(self):
        self.assertEqual({a}, {b})
"""
COUNT = 11


def prepare():
    """Loads pytest and what it loads late, before judged code is."""
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    os.environ.pop("PYTEST_ADDOPTS", None)
    os.environ.pop("PYTEST_PLUGINS", None)
    import pytest  # noqa: F401
    import _pytest.assertion.rewrite
    import _pytest.python
    import _pytest.reports  # noqa: F401
    import _pytest.runner  # noqa: F401

    if not SHARED:
        _share_names(_pytest.assertion.rewrite.AssertionRewritingHook)


# The file of the tests and the names that they may use without an import.
SHARED = {}


def _share_names(hook):
    """Tests without an import know the judged names, as in the other forms."""
    plain = hook.exec_module
    SHARED["file"] = None

    def exec_module(self, made):
        if getattr(made, "__file__", None) == SHARED["file"]:
            for key, value in stet_worker.public(SHARED["module"]).items():
                if not key.startswith(("test", "Test", "pytest")):
                    vars(made).setdefault(key, value)
        return plain(self, made)

    hook.exec_module = exec_module


def _quiet_hypothesis():
    """The same inputs in every run, no limit of its own for one input, nothing kept on disk."""
    hypothesis = sys.modules.get("hypothesis")
    if hypothesis is None:
        import hypothesis
    hypothesis.settings.register_profile(
        "stet", derandomize=True, deadline=None, database=None, print_blob=False
    )
    hypothesis.settings.load_profile("stet")


def run(task, source, module, report, where, skipped):
    import pytest

    if source.get("hypothesis"):
        _quiet_hypothesis()
    SHARED.update(file=source["file"], module=module)
    canary = _write_canaries(task)
    plugin = _plugin(pytest, task, source, report, where, skipped, canary)
    order = [canary, source["file"], _write_canaries(task, "z")]
    plugin.canaries = {order[0], order[2]}
    pytest.main(
        order
        + [
            "-c", _settings(task), "--rootdir", task["folder"],
            "--confcutdir", task["folder"], "-s",
            "-p", "no:cacheprovider", "-p", "no:terminal", "-p", "no:junitxml",
            "-p", "no:faulthandler", "-p", "no:stepwise", "--import-mode", "importlib",
            "--continue-on-collection-errors", "-W", "ignore::pytest.PytestWarning",
        ],  # fmt: skip
        plugins=[plugin],
    )
    for file in sorted(plugin.canaries):
        failed = plugin.failed_canaries.get(file, 0)
        passed = plugin.passed_canaries.get(file, [])
        if failed + len(passed) < COUNT:
            passed = passed + ["%d tests were not run" % (COUNT - failed - len(passed))]
        report.canaries("pytest", COUNT, passed)


def _settings(task):
    """A file of settings of our own, so that none of another is looked for."""
    path = task["folder"] + "/.stet-pytest.ini"
    with open(path, "w", encoding="ascii") as file:
        file.write("[pytest]\n")
    return path


def _write_canaries(task, prefix="a"):
    numbers = stet_guard.numbers()
    path = "%s/test_%s%d.py" % (task["folder"], prefix, numbers["b"])
    with open(path, "w", encoding="ascii") as file:
        file.write(CANARIES.format(**numbers))
    return path


def _plugin(pytest, task, source, report, where, skipped, first):
    numbers = {}
    for number, test in enumerate(source["tests"]):
        numbers.setdefault(test["name"], number)
    hidden = {source["tests"][n]["name"] for n in skipped if isinstance(n, int)}

    class Plugin:
        def __init__(self):
            self.canaries = set()
            self.failed_canaries = {}
            self.passed_canaries = {}
            self.details = {}
            self.outcome = {}

        def _place(self, nodeid, path):
            """(file, name without its parameters, name)."""
            name = nodeid.partition("::")[2]
            return path, name.partition("[")[0], name

        @pytest.hookimpl(trylast=True)
        def pytest_collection_modifyitems(self, items):
            kept = []
            for item in items:
                _, base, name = self._place(item.nodeid, str(item.path))
                if str(item.path) in self.canaries:
                    kept.append(item)
                elif base not in hidden and name not in skipped:
                    kept.append(item)
            items[:] = kept

        def pytest_collectreport(self, report):  # noqa: A002
            if not report.failed:
                return
            error = getattr(report, "stet_error", None)
            message = "the tests cannot be loaded"
            detail = {"kind": "not_collected", "line": None, "test_line": None, "input": None}
            if error is not None:
                detail = stet_tell.describe(error, where)
                message += ": " + detail["message"]
            else:
                message += ": " + stet_tell.cut(" ".join(str(report.longrepr).split())[-300:])
            tell.broken(dict(detail, message=message))

        @pytest.hookimpl(hookwrapper=True)
        def pytest_make_collect_report(self, collector):
            outcome = yield
            made = outcome.get_result()
            if made.failed and getattr(made, "call", None) is not None:
                if made.call.excinfo is not None:
                    error = made.call.excinfo.value
                    made.stet_error = error.__cause__ or error

        @pytest.hookimpl(hookwrapper=True)
        def pytest_runtest_protocol(self, item):
            path, base, name = self._place(item.nodeid, str(item.path))
            if path not in self.canaries:
                self.outcome = {"outcome": "passed", "detail": None}
                tell.event(start=numbers.get(base), name=name)
            yield
            if path not in self.canaries:
                tell.event(end=numbers.get(base), name=name, **self.outcome)

        @pytest.hookimpl(hookwrapper=True)
        def pytest_runtest_makereport(self, item, call):
            made = (yield).get_result()
            path, base, name = self._place(item.nodeid, str(item.path))
            if path in self.canaries:
                self._canary(path, name, made, call)
                return
            number = numbers.get(base)
            if made.outcome == "passed" or self.outcome["outcome"] == "failed":
                return
            error = call.excinfo.value if call.excinfo is not None else None
            if made.outcome == "skipped":
                self._skipped(item, made, error)
            elif error is not None:
                detail = stet_tell.describe(error, where)
                if made.when != "call":
                    detail["message"] = "in its %s: %s" % (made.when, detail["message"])
                self.outcome = {"outcome": "failed", "detail": detail}
            else:
                # A strict xfail that passed: the report says so, nothing was raised.
                self.outcome = {
                    "outcome": "failed",
                    "detail": _plain("it was expected to fail and passed", "assertion"),
                }

        def _skipped(self, item, made, error):
            # Of this very case, by its author's mark; what runs can call `pytest.xfail` too.
            mark = item.get_closest_marker("xfail")
            declared = mark is not None
            if declared and isinstance(error, pytest.xfail.Exception):
                declared = mark.kwargs.get("run", True) is False
            if hasattr(made, "wasxfail") and declared:
                return
            reason = getattr(made, "wasxfail", None) or stet_tell.words(error)
            message = "it was skipped: " + stet_tell.cut(str(reason), 200)
            self.outcome = {"outcome": "skipped", "detail": _plain(message, "skipped")}

        def _canary(self, path, name, made, call):
            if made.when != "call":
                return
            wanted = (AssertionError, KeyError, pytest.fail.Exception)
            if made.failed and isinstance(call.excinfo.value, wanted):
                self.failed_canaries[path] = self.failed_canaries.get(path, 0) + 1
            else:
                kind = "a pytest test that must fail (%s)" % name.partition("[")[0]
                self.passed_canaries.setdefault(path, []).append(kind)

    tell = report
    return Plugin()


def _plain(message, kind):
    return {"kind": kind, "message": message, "line": None, "test_line": None, "input": None}
