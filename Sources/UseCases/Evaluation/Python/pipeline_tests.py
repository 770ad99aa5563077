"""Runs tests that pytest does not collect: examples with >>>, bare assertions, check(candidate).

python stet_tests.py CODE.py TESTS: the tests know the names of the code. Ends with status 1 where
one fails or none is found. Written by stet.
"""

import doctest
import importlib
import inspect
import os
import sys


def examples(path, known):
    result = doctest.testfile(os.path.abspath(path), module_relative=False, globs=known)
    return result.attempted > 0 and result.failed == 0


def statements(path, text, code, known):
    known = dict(known, __name__="__main__", __file__=path)
    exec(compile(text, path, "exec"), known)
    tests = [
        value
        for name, value in known.items()
        if name.startswith("test") and inspect.isfunction(value) and not hasattr(code, name)
    ]
    for test in tests:
        result = test()
        if inspect.iscoroutine(result):
            import asyncio

            asyncio.run(result)
    if "check" in known and not hasattr(code, "check"):
        own = [
            value
            for name, value in vars(code).items()
            if inspect.isfunction(value)
            and value.__module__ == code.__name__
            and not name.startswith("_")
        ]
        known["check"](max(own, key=lambda function: function.__code__.co_firstlineno))
        return True
    return bool(tests) or "assert" in text


def main(code, path):
    sys.path.insert(0, os.getcwd())
    module = importlib.import_module(code[:-3])
    known = {name: value for name, value in vars(module).items() if not name.startswith("__")}
    with open(path, encoding="utf-8") as file:
        text = file.read()
    try:
        compile(text, path, "exec")
        is_python = True
    except SyntaxError:
        is_python = False
    good = statements(path, text, module, known) if is_python else examples(path, known)
    if not good:
        sys.exit(path + ": a test fails, or none was found")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
