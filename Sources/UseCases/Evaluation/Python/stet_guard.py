"""Notices judged code that makes tests say yes.

Tests that must fail are run beside the real ones, by the same means. What this cannot see is code
that reads this process's memory and forges its messages.
"""

import ast
import importlib
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
    """What stands in the modules that tests rely on, to be compared with later: those that run the
    tests, our own, and what the tests import of the standard library.

    Made before judged code is loaded. It loads what the tests will import, so that they get it as
    it is.
    """

    MODULES = (
        "builtins",
        "_pytest",
        "asyncio",
        "doctest",
        "hypothesis",
        "hypothesis.core",
        "inspect",
        "json",
        "json.encoder",
        "pluggy",
        "pytest",
        "traceback",
        "types",
        "unittest",
    )
    # All that is loaded of these.
    FAMILIES = ("_pytest.", "asyncio.", "pluggy.", "stet_", "unittest.")
    # Beside the standard library, as they make comparisons of their own.
    KNOWN = ("numpy", "pandas")

    # Python itself sets these as it goes along.
    CHANGING = {"_", "__builtins__", "__warningregistry__", "last_value", "_assertion_pass"}
    STATE = {"_reprcompare", "_assertion_pass", "_config", "_MAX_RESULT_SIZE"}
    # Programs may set these, and no assertion asks them.
    HOOKS = {
        "excepthook", "unraisablehook", "displayhook", "breakpointhook", "showwarning",
        "_showwarnmsg_impl", "formatwarning", "_loggerClass", "_event_loop_policy",
    }  # fmt: skip

    def __init__(self, code="", tests="", file=None):
        self.members = {}
        self.replaced_by_tests = set()
        self.tests = _Tests(tests, file)
        asked = set(self.MODULES)
        for name in self.tests.imports:
            root = name.partition(".")[0]
            if root in getattr(sys, "stdlib_module_names", ()) or root in self.KNOWN:
                asked.add(name)
                _load(name)
        if "mock" in code or "mock" in tests:
            _load("unittest.mock")  # it has a class that is equal to everything
        asked.update(name for name in sys.modules if name.startswith(self.FAMILIES))
        for name in sorted(asked):
            module = sys.modules.get(name)
            if module is None:
                continue
            self.members[name] = (module, dict(vars(module)))
            if name == "builtins":
                continue
            root = name.partition(".")[0]
            for key, value in list(vars(module).items()):
                if isinstance(value, type) and value.__module__.partition(".")[0] == root:
                    self.members["%s.%s" % (name, key)] = (value, dict(_members(value)))
        self.classes = {id(cls) for cls in _subclasses()}

    def tests_have_run(self):
        """From now on what the tests' own text replaces is no deed of the code."""
        self.replaced_by_tests = self.tests.replaced

    def changed(self):
        """Names that were replaced or removed since, such as `builtins.len`."""
        found = []
        for place, (holder, members) in self.members.items():
            now = vars(holder)
            for key, value in members.items():
                if key in self.CHANGING or key in self.STATE or key.startswith("__"):
                    if not (place == "builtins" and key in ("__import__", "__build_class__")):
                        continue
                if now.get(key, self) is value or not _is_code(value) or key in self.HOOKS:
                    continue
                if place == "builtins" or key not in self.replaced_by_tests:
                    found.append("%s.%s" % (place, key))
        return sorted(found)[:5]

    def agreeing(self):
        """Classes that came since, whose instances are equal to anything."""
        found = []
        for cls in _subclasses():
            if id(cls) in self.classes or self.tests.defines(cls):
                continue
            own = next((c for c in _mro(cls) if "__eq__" in _members(c)), object)
            if id(own) not in self.classes and _agrees(cls):
                found.append(_name(cls))
        return sorted(set(found))[:5]


class _Tests:
    """What the text of the tests says of itself."""

    def __init__(self, text, file):
        self.file = file
        self.imports = set()
        self.replaced = set()
        self.classes = set()
        try:
            nodes = list(ast.walk(ast.parse(text)))
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            nodes = []
        for node in nodes:
            if isinstance(node, ast.Import):
                self.imports.update(alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                self.imports.add(node.module)
            elif isinstance(node, ast.Attribute) and not isinstance(node.ctx, ast.Load):
                self.replaced.add(node.attr)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                # As in `monkeypatch.setattr(time, "sleep", …)` and `patch("time.sleep")`.
                self.replaced.add(node.value.rpartition(".")[2])
            elif isinstance(node, ast.ClassDef):
                self.classes.add(node.name)

    def defines(self, cls):
        """Whether it is a class of the tests, with a comparison that stands in their text."""
        if _name(cls).rpartition(".")[2] not in self.classes:
            return False
        own = next((c for c in _mro(cls) if "__eq__" in _members(c)), object)
        code = getattr(_members(own).get("__eq__"), "__code__", None)
        return code is not None and code.co_filename == self.file


def _load(name):
    try:
        importlib.import_module(name)
    except BaseException:
        pass  # the tests will say so


def _is_code(value):
    return callable(value) or isinstance(value, (staticmethod, classmethod, property))


# Past any metaclass, which could tell something else.
_mro = type.__dict__["__mro__"].__get__
_members = type.__dict__["__dict__"].__get__
_name = type.__dict__["__qualname__"].__get__


class _Nothing:
    """Equal to no honest value."""


def _agrees(cls):
    """Whether an instance is equal to two things of which no honest value is equal to both."""
    made = _made(cls)
    if made is _Nothing:
        return False
    some = random.SystemRandom().randrange(1 << 30, 1 << 40)
    pairs = [(_Nothing(), _Nothing()), (some, some + 1), (str(some), str(some + 1))]
    pairs += [([some], [some + 1]), (some + 0.25, some + 1.25)]
    for first, second in pairs:
        try:
            told = (made == first, first == made, made == second, second == made)
            if all(one is True for one in told):
                return True
            # An expression that stands for a comparison is true, and so is its opposite.
            if all(told) and not made != first:
                return True
        except BaseException:
            continue
    return False


def _made(cls):
    """An instance without what its class does to make one; `_Nothing` where there is none."""
    plain = [c for c in _mro(cls) if "__new__" in _members(c) and c.__module__ == "builtins"]
    for make in [cls.__new__] + [c.__new__ for c in plain]:
        try:
            made = make(cls)
            if type(made) is cls:
                return made
        except BaseException:
            continue
    return _Nothing


def _subclasses():
    """Every class that there is."""
    seen = set()
    waiting = [object]
    while waiting:
        try:
            below = type.__subclasses__(waiting.pop())
        except TypeError:
            continue
        for sub in below:
            if id(sub) not in seen:
                seen.add(id(sub))
                waiting.append(sub)
                yield sub
