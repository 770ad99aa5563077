"""Reads tests without running them: which form a text has, and which tests stand in it."""

import ast
import doctest

from stet_given import arrows, examples

PROSE = (".txt", ".md", ".rst", ".doctest")


def tests_of(path, text):
    """The form of one text and its tests.

    Each test is {"name", "line", "least", "exact", "marks"}: how many of it must be collected,
    whether more may be, and what the source itself says of it (skip, xfail).
    """
    base = path.rsplit("/", 1)[-1]
    found = examples(text)
    if found:
        return found
    if base.endswith(PROSE):
        return _prose(text)
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        if ">>> " in text:
            return _prose(text)
        lines = arrows(text)
        if lines:
            return lines
        return {"form": "broken", "tests": [], "problem": syntax(error)}
    if base in ("conftest.py", "__init__.py"):
        return {"form": "support", "tests": []}
    return _python(tree, text)


def syntax(error):
    """A syntax error as {"line", "message"}."""
    line = getattr(error, "lineno", None)
    if isinstance(error, (RecursionError, MemoryError)):
        return {"line": None, "message": "it is nested too deeply to be read"}
    told = getattr(error, "msg", None) or str(error)
    return {"line": line, "message": told}


# Python


def _python(tree, text):
    reads = _Reading(tree)
    if reads.needs_pytest:
        return {"form": "pytest", "tests": reads.of_pytest(), "hypothesis": reads.hypothesis}
    if reads.cases:
        if reads.functions:
            # unittest would leave the plain functions out, pytest runs both.
            return {"form": "pytest", "tests": reads.of_pytest(), "hypothesis": False}
        return {"form": "unittest", "tests": reads.of_unittest()}
    if reads.functions:
        return {"form": "functions", "tests": reads.of_functions()}
    check = reads.check
    if check is not None:
        tests = [_test("line %d" % node.lineno, node) for node in asserting(check.body)]
        if tests:
            return {"form": "check", "tests": tests, "candidate": reads.candidate}
    tests = [_test("line %d" % node.lineno, node) for node in asserting(tree.body)]
    if tests:
        return {"form": "script", "tests": tests}
    if ">>> " in text:
        return _docstrings(tree)
    lines = arrows(text)
    return lines or {"form": "none", "tests": []}


def asserting(body):
    """The statements of a body that hold an assertion of their own."""
    return [node for node in body if not is_definition(node) and _asserts(node)]


def is_definition(node):
    return isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))


def _asserts(node):
    if isinstance(node, ast.Assert):
        return True
    if is_definition(node) or isinstance(node, ast.Lambda):
        return False
    if isinstance(node, ast.If) and "__name__" in names(node.test):
        return False
    return any(_asserts(child) for child in ast.iter_child_nodes(node))


def names(node):
    """Every plain name in a tree, and the last part of dotted ones."""
    found = {child.id for child in ast.walk(node) if isinstance(child, ast.Name)}
    return found | {child.attr for child in ast.walk(node) if isinstance(child, ast.Attribute)}


def _test(name, node, least=1, exact=True, marks=()):
    return {
        "name": name,
        "line": node.lineno,
        "least": least,
        "exact": exact,
        "marks": list(marks),
    }


class _Reading:
    """What a module of tests defines, by name; a later definition hides an earlier one."""

    def __init__(self, tree):
        self.tree = tree
        self.functions = {}
        self.classes = {}
        self.imports = set()
        self.check = None
        self.candidate = None
        self._read(tree.body)
        self.hypothesis = "hypothesis" in self.imports
        self.cases = {
            name: node for name, node in self.classes.items() if self._is_case(node)
        }
        self.dynamic = self._is_dynamic()

    def _read(self, body):
        for node in body:
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                if node.name.startswith("test"):
                    self.functions[node.name] = node
                elif node.name == "check" and len(node.args.args) == 1:
                    self.check = node
            elif isinstance(node, ast.ClassDef):
                self.classes[node.name] = node
            elif isinstance(node, (ast.If, ast.Try, ast.With)):
                for part in ("body", "orelse", "finalbody"):
                    self._read(getattr(node, part, []))
            elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
                call = node.value
                if getattr(call.func, "id", None) == "check" and len(call.args) == 1:
                    self.candidate = ast.unparse(call.args[0])
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                self.imports |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                self.imports.add(node.module.split(".")[0])

    def _bases(self, node):
        return [ast.unparse(base).split(".")[-1].split("[")[0] for base in node.bases]

    def _is_case(self, node, seen=()):
        for base in self._bases(node):
            if base in ("TestCase", "IsolatedAsyncioTestCase"):
                return True
            known = self.classes.get(base)
            if known is not None and base not in seen:
                if self._is_case(known, seen + (base,)):
                    return True
        return False

    @property
    def needs_pytest(self):
        if self.imports & {"pytest", "hypothesis"}:
            return True
        if any(_parameters(node) or node.decorator_list for node in self.functions.values()):
            return True
        return any(
            name.startswith("Test") and name not in self.cases and self._methods(node, ())
            for name, node in self.classes.items()
        )

    def _is_dynamic(self):
        """Whether tests can come from elsewhere than definitions that stand in the text."""
        if "load_tests" in names(self.tree) or "pytest_generate_tests" in names(self.tree):
            return True
        return any(
            isinstance(node, ast.ImportFrom)
            and any(a.name == "*" or "test" in (a.asname or a.name).lower() for a in node.names)
            and node.module not in ("unittest", "unittest.mock", "hypothesis")
            for node in ast.walk(self.tree)
        )

    def _methods(self, node, seen):
        """Test methods of a class by name, those of its bases in the same text included."""
        found = {}
        for base in reversed(self._bases(node)):
            if base in self.classes and base not in seen:
                found.update(self._methods(self.classes[base], seen + (base,)))
        for item in node.body:
            if isinstance(item, (ast.FunctionDef, ast.AsyncFunctionDef)):
                if item.name.startswith("test"):
                    found[item.name] = item
            elif isinstance(item, ast.Assign):
                for target in item.targets:
                    found.pop(getattr(target, "id", None), None)
        return found

    def of_functions(self):
        return [_test(name, node) for name, node in self.functions.items()]

    def of_unittest(self):
        tests = []
        for name, node in self.cases.items():
            marks = _marks(node)
            for method, item in self._methods(node, (name,)).items():
                exact = not (self.dynamic or item.decorator_list and not _marks(item))
                tests.append(
                    _test(name + "." + method, item, exact=exact, marks=marks | _marks(item))
                )
        return tests

    def of_pytest(self):
        tests = []
        whole = self._module_marks()
        for name, node in self.functions.items():
            tests.append(self._of_pytest(name, node, [node], whole))
        for name, node in self.classes.items():
            if name not in self.cases and not name.startswith("Test"):
                continue
            if any(getattr(item, "name", "") == "__init__" for item in node.body):
                continue
            for method, item in self._methods(node, (name,)).items():
                holders = [item] if name in self.cases else [item, node]
                tests.append(
                    self._of_pytest(name + "::" + method, item, holders, whole | _marks(node))
                )
        return tests

    def _module_marks(self):
        for node in self.tree.body:
            if isinstance(node, ast.Assign) and "pytestmark" in names(node):
                found = names(node.value)
                return {mark for mark in ("skip", "skipif", "xfail") if mark in found}
        return set()

    def _of_pytest(self, name, node, holders, marks):
        least, exact = 1, not self.dynamic
        for holder in holders:
            for decorator in holder.decorator_list:
                if "parametrize" not in names(decorator):
                    continue
                count = _cases_of(decorator)
                exact = exact and count is not None
                least *= 1 if count is None else count
        if "pytestmark" in names(self.tree) or self._has_fixture_cases():
            exact = False
        return _test(name, node, max(least, 0), exact, marks | _marks(node))

    def _has_fixture_cases(self):
        return any(
            isinstance(node, ast.keyword) and node.arg == "params"
            for node in ast.walk(self.tree)
        )


def _parameters(node):
    arguments = node.args
    return arguments.posonlyargs + arguments.args + arguments.kwonlyargs


def _marks(node):
    found = set()
    for decorator in node.decorator_list:
        told = names(decorator)
        called = decorator.func if isinstance(decorator, ast.Call) else decorator
        # Without a condition, and as the decorator itself: nothing that is run decides it.
        if getattr(called, "attr", getattr(called, "id", None)) == "skip":
            found.add("skip")
        found |= {
            mark
            for mark in ("skipif", "skipIf", "skipUnless", "xfail", "expectedFailure")
            if mark in told
        }
    return found


def _cases_of(decorator):
    """How many cases a parametrize has; None where the text alone does not tell."""
    if not isinstance(decorator, ast.Call):
        return None
    values = decorator.args[1] if len(decorator.args) > 1 else None
    for keyword in decorator.keywords:
        if keyword.arg == "argvalues":
            values = keyword.value
    if isinstance(values, (ast.List, ast.Tuple, ast.Set)):
        if not any(isinstance(item, ast.Starred) for item in values.elts):
            return len(values.elts)
    if (
        isinstance(values, ast.Call)
        and getattr(values.func, "id", None) == "range"
        and all(isinstance(a, ast.Constant) and isinstance(a.value, int) for a in values.args)
        and not values.keywords
    ):
        try:
            return len(range(*[argument.value for argument in values.args]))
        except (TypeError, ValueError):
            return None
    return None


# Doctests and examples


def _prose(text):
    try:
        examples = doctest.DocTestParser().get_examples(text)
    except ValueError as error:
        return {"form": "broken", "tests": [], "problem": {"line": None, "message": str(error)}}
    if not examples:
        return arrows(text) or {"form": "none", "tests": []}
    tests = [
        {
            "name": "line %d" % (e.lineno + 1),
            "line": e.lineno + 1,
            "least": 1,
            "exact": True,
            "marks": [],
        }
        for e in examples
        if e.source.strip()
    ]
    return {"form": "doctest", "tests": tests}


def docstrings(tree):
    """The docstrings of a module that hold examples: (name, first line, text)."""
    found = []

    def read(node, name):
        text = ast.get_docstring(node, clean=False)
        if text and ">>> " in text:
            found.append((name, node.body[0].lineno, text))
        for child in ast.iter_child_nodes(node):
            if is_definition(child):
                read(child, (name + "." if name else "") + child.name)

    read(tree, "")
    return found


def _docstrings(tree):
    tests = []
    for name, line, text in docstrings(tree):
        try:
            examples = doctest.DocTestParser().get_examples(text)
        except ValueError as error:
            problem = {"line": line, "message": str(error)}
            return {"form": "broken", "tests": [], "problem": problem}
        for example in examples:
            at = line + example.lineno
            tests.append(
                {
                    "name": "%s line %d" % (name or "module", at),
                    "line": at,
                    "least": 1,
                    "exact": True,
                    "marks": [],
                }
            )
    return {"form": "docstrings", "tests": tests} if tests else {"form": "none", "tests": []}


def own_examples(tree):
    """Tests of the examples in the judged code's own docstrings."""
    return _docstrings(tree)
