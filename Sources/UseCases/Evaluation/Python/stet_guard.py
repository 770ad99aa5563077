"""Notices judged code that makes tests say yes.

Tests that must fail are run beside the real ones, by the same means. What this cannot see is code
that reads this process's memory and forges its messages.
"""

import random
import sys

import stet_cases

PLAIN = (
    "assert {a} == {b}",
    "assert not True",
    "assert len([{a}]) == 2",
    "assert sum([{a}, 1]) == {a}",
    "assert sorted([2, 1]) == [2, 1]",
    "assert {a} in [{b}]",
    "assert isinstance({a}, str)",
    "assert all([True, False])",
    "assert any([])",
    "assert abs(-{a}) == -{a}",
    "assert int('{a}') == {b}",
    "assert str({a}) == '{b}'",
    "assert max({a}, {b}) < min({a}, {b})",
    "assert type({a}) is str",
    "assert round({a}.0) == {b}",
    "assert {{1: {a}}} == {{1: {b}}}",
    "assert list(map(abs, [{a}])) == [{b}]",
    "assert list(range(2)) == []",
    "assert list(zip([{a}], [{b}])) == []",
    "assert hasattr(1, 'nothing_of_{a}')",
    "assert bool([])",
    "assert repr({a}) == '{b}'",
)


def numbers():
    first = random.SystemRandom().randrange(10, 10_000)
    return {"a": first, "b": first + random.SystemRandom().randrange(1, 100)}


def plain():
    """Runs assertions that must fail. - Returns: the sources of those that did not."""
    passed = []
    for source in PLAIN:
        text = source.format(**numbers())
        scope = {stet_cases.FAILURE: stet_cases.failure}
        try:
            exec(stet_cases.compiled(text, "canary"), scope)
        except stet_cases._AssertionError as error:
            if getattr(error, "stet_told", None) is None:
                passed.append(text)
        except BaseException as error:
            passed.append("%s (%s)" % (text, type(error).__name__))
        else:
            passed.append(text)
    return passed


class Snapshot:
    """What stands in the modules that tests rely on, to be compared with later."""

    MODULES = (
        "builtins",
        "unittest.case",
        "unittest.result",
        "unittest.loader",
        "unittest.suite",
        "doctest",
        "_pytest.outcomes",
        "_pytest.raises",
        "_pytest.python_api",
        "_pytest.runner",
        "_pytest.reports",
        "_pytest.python",
        "_pytest.assertion",
        "_pytest.assertion.rewrite",
        "_pytest.assertion.util",
        "pytest",
        "hypothesis",
        "hypothesis.core",
        "stet_cases",
        "stet_tell",
        "stet_guard",
    )

    # Python itself sets these as it goes along.
    CHANGING = {"_", "__builtins__", "__warningregistry__", "last_value", "_assertion_pass"}
    STATE = {"_reprcompare", "_assertion_pass", "_config", "_MAX_RESULT_SIZE"}

    def __init__(self):
        self.members = {}
        for name in self.MODULES:
            module = sys.modules.get(name)
            if module is None:
                continue
            self.members[name] = (module, dict(vars(module)))
            for key, value in list(vars(module).items()):
                if isinstance(value, type) and value.__module__ == name and name != "builtins":
                    self.members["%s.%s" % (name, key)] = (value, dict(vars(value)))

    def changed(self):
        """Names that were replaced or removed since, such as `builtins.len`."""
        found = []
        for place, (holder, members) in self.members.items():
            now = vars(holder)
            for key, value in members.items():
                if key in self.CHANGING or key in self.STATE or key.startswith("__"):
                    if not (place == "builtins" and key in ("__import__", "__build_class__")):
                        continue
                if now.get(key, self) is not value and _is_code(value):
                    found.append("%s.%s" % (place, key))
        return sorted(found)[:5]


def _is_code(value):
    return callable(value) or isinstance(value, (staticmethod, classmethod, property))


class _Nothing:
    """Equal to no honest value."""


def agreeing(names):
    """Classes of the judged modules whose instances are equal to anything."""
    found = []
    for cls in _subclasses(names):
        own = next((c for c in cls.__mro__ if "__eq__" in vars(c)), object)
        if own is object or own.__module__ not in names:
            continue
        try:
            made = cls.__new__(cls)
            if made == _Nothing() and _Nothing() == made and not made != _Nothing():
                found.append(cls.__qualname__)
        except BaseException:
            continue
    return sorted(set(found))[:5]


def _subclasses(names):
    seen = set()
    waiting = [object, int, str, float, list, dict, tuple, set, frozenset, bytes]
    while waiting:
        cls = waiting.pop()
        try:
            below = type.__subclasses__(cls)
        except TypeError:
            continue
        for sub in below:
            if id(sub) not in seen:
                seen.add(id(sub))
                waiting.append(sub)
                if sub.__module__ in names:
                    yield sub
