"""Reads examples of input and output, as JSON or as lines `CALL -> RESULT`."""

import ast
import json
import re

ARROW = re.compile(r"^(?P<call>.+?)\s*(?:->|=>)\s*(?P<result>.+)$")


def arrows(text):
    cases = []
    for number, line in enumerate(text.splitlines(), 1):
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            continue
        match = ARROW.match(stripped)
        if not match:
            return None
        try:
            ast.parse(match["call"], mode="eval")
            ast.parse(match["result"], mode="eval")
        except (SyntaxError, ValueError):
            return None
        cases.append({"line": number, "call": match["call"], "result": match["result"]})
    return _example_form(cases) if cases else None


def examples(text):
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
    cases = []
    for number, item in enumerate(given, 1):
        case = _example(item)
        if case is None:
            message = (
                "example %d has neither `input` and `output` nor `call` and `result` nor "
                "`function`, `args` and `result`" % number
            )
            return {"form": "broken", "tests": [], "problem": {"line": None, "message": message}}
        cases.append(dict(case, line=None))
    return _example_form(cases)


def _example(item):
    def first(*keys):
        for key in keys:
            if key in item:
                return True, item[key]
        return False, None

    has_out, out = first("output", "stdout", "expected_output")
    has_in, given = first("input", "stdin")
    if has_out and isinstance(out, str) and (not has_in or isinstance(given, str)):
        return {"stdin": given or "", "stdout": out}
    has_result, result = first("result", "expected", "returns", "output")
    _, raises = first("raises")
    if not has_result and not isinstance(raises, str):
        return None
    wanted = {"raises": raises} if isinstance(raises, str) else {"value": result}
    has_call, call = first("call", "expression")
    if has_call and isinstance(call, str):
        return dict(wanted, call=call)
    has_function, function = first("function", "name")
    has_args, args = first("args", "arguments", "input")
    _, kwargs = first("kwargs")
    if has_args and isinstance(args, list) and isinstance(kwargs or {}, dict):
        if has_function and not isinstance(function, str):
            return None
        return dict(wanted, function=function, args=args, kwargs=kwargs or {})
    return None


def _example_form(cases):
    tests = []
    for number, case in enumerate(cases, 1):
        name = "line %d" % case["line"] if case["line"] else "example %d" % number
        tests.append(
            {"name": name, "line": case["line"], "least": 1, "exact": True, "marks": []}
        )
    return {"form": "examples", "tests": tests, "cases": cases}
