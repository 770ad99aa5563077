"""Runs tests that pytest does not collect: examples with >>>, bare assertions, check(candidate),
functions that import nothing, lines CALL -> RESULT, and JSON of calls or of programs.

python stet_tests.py CODE.py TESTS: the tests know the names of the code. Ends with status 1 where
one fails or none is found. Written by stet.
"""

import ast
import asyncio
import doctest
import importlib
import inspect
import json
import os
import re
import subprocess
import sys

PROSE = (".txt", ".md", ".rst", ".doctest")
ARROW = re.compile(r"^(.+?)\s*(?:->|=>)\s*(.+)$")


def of_doctest(path, known):
    result = doctest.testfile(os.path.abspath(path), module_relative=False, globs=known)
    return result.attempted > 0 and result.failed == 0


def asserts(node):
    """Whether a statement makes an assertion of its own when the text is run."""
    if isinstance(node, ast.Assert):
        return True
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)):
        return False
    return any(asserts(child) for child in ast.iter_child_nodes(node))


def of_statements(path, text, tree, code, known):
    known = dict(known, __name__="__main__", __file__=path)
    exec(compile(text, path, "exec"), known)  # noqa: S102
    tests = [
        value
        for name, value in known.items()
        if name.startswith("test") and inspect.isfunction(value) and not hasattr(code, name)
    ]
    for test in tests:
        ended(test())
    if "check" in known and not hasattr(code, "check"):
        known["check"](vars(code)[last_function(code)])
        return True
    return bool(tests) or any(asserts(node) for node in tree.body)


def ended(value):
    return asyncio.run(value) if inspect.iscoroutine(value) else value


def last_function(code):
    own = [
        value
        for name, value in vars(code).items()
        if inspect.isfunction(value)
        and value.__module__ == code.__name__
        and not name.startswith("_")
    ]
    if not own:
        sys.exit(code.__name__ + " defines no function")
    return max(own, key=lambda function: function.__code__.co_firstlineno).__name__


def first(item, *keys):
    return next((item[key] for key in keys if key in item), None)


def of_arrows(text):
    """Examples from lines CALL -> RESULT; None where a line is something else."""
    found = []
    for line in text.splitlines():
        if not line.strip() or line.strip().startswith("#"):
            continue
        match = ARROW.match(line.strip())
        if not match:
            return None
        found.append({"call": match.group(1), "arrow": match.group(2)})
    return found or None


def of_json(text):
    """Examples from JSON, whole or a line each; None where it is something else."""
    if not text.lstrip().startswith(("[", "{")):
        return None
    try:
        given = json.loads(text)
    except ValueError:
        try:
            given = [json.loads(line) for line in text.splitlines() if line.strip()]
        except ValueError:
            return None
    if isinstance(given, dict):
        given = given.get("examples", given.get("tests", [given]))
    if not isinstance(given, list) or not all(isinstance(item, dict) for item in given):
        return None
    return given


def same(value, wanted):
    if type(value) is float and type(wanted) in (float, int):
        return value == wanted or abs(value - wanted) <= 1e-9 * max(abs(value), abs(wanted))
    if isinstance(value, bool) != isinstance(wanted, bool):
        return False
    if type(value) is type(wanted) and type(value) in (list, tuple):
        return len(value) == len(wanted) and all(map(same, value, wanted))
    return bool(value == wanted)


def plain(value):
    """As JSON would have it, which knows no tuples and only strings as keys."""
    if type(value) in (list, tuple):
        return [plain(item) for item in value]
    if type(value) is dict:
        return {
            key if isinstance(key, str) else json.dumps(key): plain(item)
            for key, item in value.items()
        }
    return value


def is_program(item):
    given = first(item, "input", "stdin")
    output = first(item, "output", "stdout", "expected_output")
    return isinstance(output, str) and (given is None or isinstance(given, str))


def program(item, file):
    given = first(item, "input", "stdin") or ""
    ran = subprocess.run(
        [sys.executable, file],
        input=given,
        stdout=subprocess.PIPE,
        check=False,
        text=True,
        timeout=60,
    )
    wanted = first(item, "output", "stdout", "expected_output")
    rows = [[line.rstrip() for line in text.rstrip().splitlines()] for text in (ran.stdout, wanted)]
    return ran.returncode == 0 and rows[0] == rows[1]


def called(item, code, known):
    call = first(item, "call", "expression")
    if isinstance(call, str):
        return ended(eval(compile(call, "example", "eval"), dict(known)))
    name = first(item, "function", "name") or last_function(code)
    arguments = first(item, "args", "arguments", "input")
    return ended(eval(name, dict(known))(*arguments, **item.get("kwargs") or {}))


def example(item, file, code, known):
    if is_program(item):
        return program(item, file)
    raises = item.get("raises")
    try:
        value = called(item, code, known)
    except Exception as error:
        if isinstance(raises, str):
            return any(kind.__name__ == raises for kind in type(error).__mro__)
        raise
    if isinstance(raises, str):
        return False
    if "arrow" in item:
        return same(value, eval(compile(item["arrow"], "example", "eval"), dict(known)))
    return same(plain(value), first(item, "result", "expected", "returns", "output"))


def of_examples(found, file, code, known):
    wrong = [item for item in found if not example(item, file, code, known)]
    for item in wrong:
        print("not as expected: " + json.dumps(item)[:300])
    return bool(found) and not wrong


def is_well(file, path, text):
    found = of_json(text)
    if found and all(is_program(item) for item in found):
        return of_examples(found, file, None, {})
    code = importlib.import_module(file[:-3])
    known = {name: value for name, value in vars(code).items() if not name.startswith("__")}
    if found:
        return of_examples(found, file, code, known)
    if path.endswith(PROSE):
        return of_doctest(path, known)
    try:
        tree = ast.parse(text)
    except SyntaxError:
        lines = None if ">>> " in text else of_arrows(text)
        return of_examples(lines, file, code, known) if lines else of_doctest(path, known)
    is_good = of_statements(path, text, tree, code, known)
    return is_good or (">>> " in text and of_doctest(path, known))


def main(file, path):
    sys.path.insert(0, os.getcwd())
    with open(path, encoding="utf-8") as source:
        text = source.read()
    if not is_well(file, path, text):
        sys.exit(path + ": a test fails, or none was found")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
