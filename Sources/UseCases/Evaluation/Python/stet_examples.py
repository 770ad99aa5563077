"""Runs examples of input and output: calls, and programs with their standard streams."""

import asyncio
import inspect
import io
import json
import os
import sys
import traceback
import types

import stet_tell
import stet_worker

# Taken before judged code is loaded, which can put others in their places.
_Coroutine, _run = types.CoroutineType, asyncio.run


def run(task, source, module, report, where, skipped):
    names = stet_worker.public(module) if module is not None else {}
    for number, case in enumerate(source["cases"]):
        if number in skipped:
            continue
        report.start(number)
        try:
            if "stdin" in case:
                detail = _program(task, case)
            else:
                detail = _call(case, module, names, where)
        except BaseException as error:
            detail = stet_tell.describe(error, where)
            detail["input"] = _given(case, module)
        if detail is None:
            report.passed(number)
        else:
            report.failed(number, detail)


def _function_of(case, module):
    name = case.get("function")
    if name:
        return name
    own = [k for k, v in vars(module).items() if inspect.isfunction(v) and k[0] != "_"]
    return own[-1] if own else "solution"


def _given(case, module):
    if "stdin" in case:
        return stet_tell.shown(case["stdin"])
    if "call" in case:
        return case["call"]
    given = [stet_tell.shown(value) for value in case["args"]]
    given += ["%s=%s" % (k, stet_tell.shown(v)) for k, v in case["kwargs"].items()]
    return "%s(%s)" % (_function_of(case, module), ", ".join(given))


def _call(case, module, names, where):
    given = _given(case, module)
    line = next((n for f, n in where.definitions.items() if given.startswith(f + "(")), None)
    failed = {"kind": "assertion", "line": line, "test_line": case["line"], "input": given}
    try:
        if "call" in case:
            value = eval(compile(case["call"], "example", "eval"), dict(names))
        else:
            function = eval(_function_of(case, module), dict(names))
            value = function(*case["args"], **case["kwargs"])
        if isinstance(value, _Coroutine):
            value = _run(value)
    except Exception as error:
        if "raises" in case:
            if any(cls.__name__ == case["raises"] for cls in type(error).__mro__):
                return None
            told = "raised %s, expected %s" % (stet_tell.name_of(error), case["raises"])
            return dict(failed, message="%s %s" % (given, told))
        raise
    if "raises" in case:
        return dict(
            failed,
            message="%s gave %s, expected %s to be raised"
            % (given, stet_tell.shown(value), case["raises"]),
        )
    if "result" in case:
        wanted = eval(compile(case["result"], "example", "eval"), dict(names))
        same = _same(value, wanted)
    else:
        wanted = case["value"]
        same = _same(_plain(value), wanted)
    if same:
        return None
    return dict(
        failed,
        message="%s gave %s, expected %s"
        % (given, stet_tell.shown(value), stet_tell.shown(wanted)),
    )


def _same(value, wanted):
    """Floating-point results may differ in their last digits; a truth value is no number."""
    if type(value) is float and type(wanted) in (float, int):
        return value == wanted or abs(value - wanted) <= 1e-9 * max(abs(value), abs(wanted))
    if isinstance(value, bool) != isinstance(wanted, bool):
        return False
    if type(value) is type(wanted) and type(value) in (list, tuple):
        return len(value) == len(wanted) and all(map(_same, value, wanted))
    return bool(value == wanted)


def _plain(value):
    """As JSON would have it, which knows no tuples and only strings as keys."""
    if type(value) in (list, tuple):
        return [_plain(item) for item in value]
    if type(value) is dict:
        return {
            key if isinstance(key, str) else json.dumps(key): _plain(item)
            for key, item in value.items()
        }
    return value


def _program(task, case):
    """Runs the code as a program of its own with real standard streams."""
    with open(task["folder"] + "/.stdin", "w", encoding="utf-8") as file:
        file.write(case["stdin"])
    out = os.open(task["folder"] + "/.stdout", os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
    told, tell = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(told)
        _be_program(task, out, tell)
    os.close(tell)
    with os.fdopen(told, "rb") as file:
        trouble = file.read(65_536)
    _, status = os.waitpid(child, 0)
    with os.fdopen(out, "rb") as file:
        file.seek(0)
        got = file.read(1 << 20).decode("utf-8", "replace")
    os.write(1, got[:65_536].encode("utf-8", "replace"))
    given = stet_tell.shown(case["stdin"])
    failed = {"kind": "assertion", "line": None, "test_line": case["line"], "input": given}
    if trouble:
        return dict(failed, **json.loads(trouble))
    if status != 0:
        code = os.WEXITSTATUS(status) if os.WIFEXITED(status) else -os.WTERMSIG(status)
        message = "the program ended with status %d" % code
        return dict(failed, kind="exited", message=message)
    if _lines(got) == _lines(case["stdout"]):
        return None
    message = "it printed %s, expected %s" % (
        stet_tell.shown(got.rstrip()),
        stet_tell.shown(case["stdout"].rstrip()),
    )
    return dict(failed, message=message)


def _lines(text):
    return [line.rstrip() for line in text.rstrip().splitlines()]


def _be_program(task, out, tell):
    status = 0
    try:
        stdin = os.open(task["folder"] + "/.stdin", os.O_RDONLY)
        os.dup2(stdin, 0)
        os.dup2(out, 1)
        sys.stdin = io.TextIOWrapper(io.FileIO(0, closefd=False), encoding="utf-8")
        sys.stdout = io.TextIOWrapper(io.FileIO(1, "w", closefd=False), encoding="utf-8")
        main = types.ModuleType("__main__")
        main.__file__ = task["file"]
        sys.modules["__main__"] = main
        try:
            exec(compile(task["code"], task["file"], "exec", dont_inherit=True), vars(main))
        except SystemExit as leave:
            status = leave.code if isinstance(leave.code, int) else int(leave.code is not None)
        sys.stdout.flush()
    except BaseException as error:
        line = None
        for step, number in traceback.walk_tb(error.__traceback__):
            if step.f_code.co_filename == task["file"]:
                line = number
        message = "%s: %s" % (stet_tell.name_of(error), stet_tell.words(error))
        detail = {"kind": stet_tell.kind_of(error), "message": message, "line": line}
        os.write(tell, json.dumps(detail).encode())
    os._exit(status & 0xFF)
