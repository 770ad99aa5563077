"""Runs what a Python text says of itself: its doctests, its bare asserts, and tests given with it.

Written beneath the working folder: code.py, the text; given_0.txt and on, texts that may be tests.
sys.argv[1] is the dotted name under which tests may import the text.

The checks are reported by name before anything runs, so that a text which ends the program cannot
hide which ones it had.

Every check is named from the source, and each gets one result. Two
checks that must fail run with them: where one of them passes, nothing of the report counts. The
code under test shares this process, so it could still forge a report if it meant to; what is
shown here is that an honest program does what it says.
"""

# Nothing of the working folder is imported before its time: `doctest` asks for a module `code`.
import os
import sys

FOLDERS = list(sys.path)
sys.path[:] = [
    path for path in FOLDERS if os.path.realpath(path or ".") != os.path.realpath(".")
]

import ast  # noqa: E402
import contextlib  # noqa: E402
import doctest  # noqa: E402
import hashlib  # noqa: E402
import io  # noqa: E402
import json  # noqa: E402
import types  # noqa: E402
import unittest  # noqa: E402

sys.path[:] = FOLDERS

LONGEST = 400


def identity(kind, name, source):
    digest = hashlib.sha256(source.encode("utf-8", "replace")).hexdigest()[:16]
    return f"{kind} {name} {digest}"


def shown(source):
    line = " ".join(source.split())
    return line if len(line) <= 120 else line[:117] + "..."


def reason(error):
    words = f"{type(error).__name__}: {error}"
    return words[:LONGEST]


class Check:
    """One thing that holds or does not; `passed` is None where it could not be tried."""

    def __init__(self, kind, name, source, run):
        self.id = identity(kind, name, source)
        self.name = f"{kind} {name}" if kind != "assert" else shown(source)
        self.run = run
        self.passed = None
        self.message = "it was not reached"

    def settle(self, namespace):
        try:
            self.run(namespace)
        except (ModuleNotFoundError, unittest.SkipTest) as error:
            self.passed, self.message = None, reason(error)
        except BaseException as error:  # noqa: BLE001 (SystemExit too: such a test failed)
            self.passed, self.message = False, reason(error)
        else:
            self.passed, self.message = True, ""

    def report(self):
        return {
            "id": self.id,
            "name": self.name,
            "passed": self.passed,
            "message": self.message,
        }


def asserted(node):
    """An assert of its own making: python -O or a changed AssertionError does not touch it."""
    condition = compile(ast.Expression(node.test), "<assert>", "eval")

    def run(namespace):
        if eval(condition, namespace):
            return
        raise AssertionError(values(node.test, namespace) or "it is false")

    return run


def values(test, namespace):
    """`left 3, right 4` of a comparison, as far as both can be shown."""
    if not isinstance(test, ast.Compare) or len(test.comparators) != 1:
        return ""
    told = []
    for name, side in (("left", test.left), ("right", test.comparators[0])):
        try:
            value = eval(compile(ast.Expression(side), "<value>", "eval"), namespace)
            told.append(f"{name} is {repr(value)[:120]}")
        except Exception as error:  # noqa: BLE001 (whatever a comparison raises)
            told.append(f"{name} raises {type(error).__name__}")
    return ", ".join(told)


def examples(name, text, origin):
    try:
        found = doctest.DocTestParser().get_examples(text)
    except ValueError:
        return []
    if not found:
        return []

    def run(namespace):
        test = doctest.DocTest(found, dict(namespace), name, origin, 0, text)
        told = io.StringIO()
        runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS, verbose=False)
        with contextlib.redirect_stdout(io.StringIO()):
            result = runner.run(test, out=told.write, clear_globs=True)
        if result.failed or result.attempted != len(found):
            lines = told.getvalue().strip().splitlines()
            wanted = [line.strip() for line in lines if line and not line.startswith("*")]
            raise AssertionError(" ".join(wanted[1:])[:LONGEST] or "it failed")

    source = "".join(example.source + example.want for example in found)
    return [Check("doctest", name, source, run)]


def docstrings(tree):
    def walk(node, path):
        text = ast.get_docstring(node, clean=True)
        if text:
            yield ".".join(path) or "module", text
        for child in ast.iter_child_nodes(node):
            if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                yield from walk(child, path + [child.name])

    return walk(tree, [])


def futures(tree):
    flags = 0
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and node.module == "__future__":
            for alias in node.names:
                flags |= getattr(sys.modules["__future__"], alias.name).compiler_flag
    return flags


def steps(tree, origin):
    """The statements in order: a check for a bare assert, code for the rest."""
    flags = futures(tree)
    order = []
    for node in tree.body:
        if isinstance(node, ast.Assert):
            order.append(Check("assert", "", ast.unparse(node.test), asserted(node)))
        else:
            module = ast.Module([node], [])
            order.append(compile(module, origin, "exec", flags, True))
    return order


def called(name, source):
    def run(namespace):
        result = namespace[name]()
        if hasattr(result, "send") and hasattr(result, "close"):
            result.close()
            raise ModuleNotFoundError("it is asynchronous")

    return Check("test", name, source, run)


def method(case, name, source):
    def run(namespace):
        test = namespace[case](name)
        result = unittest.TestResult()
        test.run(result)
        wrong = result.failures + result.errors
        if wrong:
            raise AssertionError(wrong[0][1].strip().splitlines()[-1])
        if result.skipped:
            raise unittest.SkipTest(result.skipped[0][1])

    return Check("test", f"{case}.{name}", source, run)


def is_case(node):
    return any("TestCase" in ast.unparse(base) for base in node.bases)


def functions(tree):
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test"):
            takes = len(node.args.args) - len(node.args.defaults) + len(node.args.posonlyargs)
            if takes == 0 and not node.decorator_list:
                yield called(node.name, ast.unparse(node))
        elif isinstance(node, ast.ClassDef) and is_case(node):
            for item in node.body:
                if isinstance(item, ast.FunctionDef) and item.name.startswith("test"):
                    yield method(node.name, item.name, ast.unparse(item))


def given():
    number = 0
    while os.path.exists(f"given_{number}.txt"):
        with open(f"given_{number}.txt", encoding="utf-8") as file:
            yield number, file.read()
        number += 1


def register(name, module):
    """`a.b.code` may be imported as that, and as `code`."""
    parts = name.split(".")
    for end in range(1, len(parts)):
        folder = ".".join(parts[:end])
        package = sys.modules.setdefault(folder, types.ModuleType(folder))
        package.__path__ = []
    sys.modules[name] = module
    sys.modules.setdefault(parts[-1], module)
    if len(parts) > 1:
        setattr(sys.modules[".".join(parts[:-1])], parts[-1], module)


def carry_out(order, namespace):
    """Up to the first statement that raises, whose reason is returned."""
    for step in order:
        if isinstance(step, Check):
            step.settle(namespace)
            continue
        try:
            exec(step, namespace)  # noqa: S102 (that is what it is for)
        except BaseException as error:  # noqa: BLE001 (SystemExit too)
            return reason(error), isinstance(error, ModuleNotFoundError)
    return None, False


def unmoved():
    """Whether what must fail still fails."""
    wrong = Check("assert", "canary", "1 == 2", asserted(ast.parse("assert 1 == 2").body[0]))
    told = examples("canary", ">>> 1 + 1\n3\n", "canary")[0]
    for check in (wrong, told):
        check.settle({})
        if check.passed is not False:
            return False
    return True


def main():
    descriptor = os.dup(int(os.environ["STET_REPORT"]))
    write, dumps, leave = os.write, json.dumps, os._exit
    name = sys.argv[1] if len(sys.argv) > 1 else "code"
    with open("code.py", encoding="utf-8") as file:
        text = file.read()
    import __future__  # noqa: F401

    def tell(document):
        write(descriptor, (dumps(document) + "\n").encode("utf-8", "backslashreplace"))

    try:
        tree = ast.parse(text)
        order = steps(tree, "code.py")
        documented = [c for path, doc in docstrings(tree) for c in examples(path, doc, "code.py")]
        own_tests = list(functions(tree))
    except (SyntaxError, ValueError, RecursionError) as error:
        return tell({"error": "it does not parse: " + reason(error), "checks": [], "blocked": False})

    suites = []
    for number, source in given():
        try:
            parsed = ast.parse(source)
        except (SyntaxError, ValueError, RecursionError):
            suites.append(([], examples(f"given {number + 1}", source, "given")))
            continue
        parts = steps(parsed, "given")
        asserts = [part for part in parts if isinstance(part, Check)]
        tests = list(functions(parsed))
        if asserts or tests:
            suites.append((parts, tests))
        else:
            suites.append(([], examples(f"given {number + 1}", source, "given")))

    planned = [part for part in order if isinstance(part, Check)] + documented + own_tests
    for parts, tests in suites:
        planned += [part for part in parts if isinstance(part, Check)] + tests
    tell(
        {
            "error": "it ended the program before its tests had run",
            "blocked": False,
            "checks": [check.report() for check in planned],
        }
    )

    module = types.ModuleType(name)
    module.__file__ = os.path.abspath("code.py")
    register(name, module)
    namespace = module.__dict__
    failure, blocked = carry_out(order, namespace)
    later = documented + own_tests
    if failure is None:
        for check in later:
            check.settle(namespace)
    checks = [part for part in order if isinstance(part, Check)] + later
    for parts, tests in suites:
        asserts = [part for part in parts if isinstance(part, Check)]
        if failure is None:
            space = dict(namespace)
            space["__name__"] = "given"
            wrong, missing = carry_out(parts, space)
            for check in tests:
                if wrong is None:
                    check.settle(space)
                else:
                    check.passed, check.message = (None if missing else False), wrong
        checks += asserts + tests
    if failure is not None:
        for check in checks:
            if check.passed is None:
                check.passed = None if blocked else False
                check.message = failure
    honest = unmoved()
    tell(
        {
            "error": None if honest else "what must fail did not fail",
            "blocked": blocked,
            "checks": [check.report() for check in checks],
        }
    )
    # What threads or exit handlers of the code would still do is not waited for.
    leave(0)


main()
