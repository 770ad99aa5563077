"""Measures how the processor time of functions of one sized argument grows with its size."""

import ast
import json
import math
import os
import random
import signal
import time

import stet_tell
import stet_worker

LONGEST_CALL = 1.0
ENOUGH = 0.001
LARGEST = {"int": 1 << 22, "list": 1 << 17, "str": 1 << 18, "dict": 1 << 16, "set": 1 << 16}
MOST_FUNCTIONS = 8


# Taken before judged code is loaded, which can put another in its place.
_clock, _since = stet_worker.clock, stet_worker.since


class Late(BaseException):
    """One call took longer than it may."""


class Unclear(Exception):
    """The clock stood still, as it may where the machine's own time was taken from it."""


def kinds(code, tests):
    """The kind of argument of each public function of one: {name: (kind, parameter, line)}.

    From its annotation, else from what the tests call it with.
    """
    found = {}
    try:
        tree = ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return found
    calls = _calls(tests)
    for node in tree.body:
        if not isinstance(node, ast.FunctionDef) or node.name.startswith("_"):
            continue
        arguments = node.args
        positional = arguments.posonlyargs + arguments.args
        needed = positional[: len(positional) - len(arguments.defaults)]
        needs_names = any(default is None for default in arguments.kw_defaults)
        if len(needed) != 1 or needs_names or node.decorator_list:
            continue
        kind = _annotated(needed[0].annotation) or calls.get(node.name)
        if kind:
            found[node.name] = (kind, needed[0].arg, node.lineno)
    return found


def _annotated(node):
    if node is None:
        return None
    try:
        text = ast.unparse(node).replace(" ", "")
    except (RecursionError, ValueError):
        return None
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        text = node.value.replace(" ", "")
    text = text.split(".")[-1] if "[" not in text else text
    for name in ("typing.", "collections.abc."):
        text = text.replace(name, "")
    holders = ("list", "List", "Sequence", "Iterable", "Collection")
    if text in ("int", "str"):
        return text
    for holder in holders:
        if text in (holder, holder + "[int]", holder + "[float]"):
            return "list"
        if text == holder + "[str]":
            return "words"
    if text in ("dict[str,int]", "Dict[str,int]"):
        return "dict"
    if text in ("set[int]", "Set[int]"):
        return "set"
    return None


def _calls(tests):
    """What literal each name is called with, where all calls agree on its kind."""
    seen = {}
    for text in tests:
        try:
            tree = ast.parse(text)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and len(node.args) == 1 and not node.keywords:
                name = getattr(node.func, "id", None) or getattr(node.func, "attr", None)
                kind = _literal(node.args[0])
                if name:
                    seen.setdefault(name, set()).add(kind)
    return {name: found.pop() for name, found in seen.items() if len(found) == 1 and None not in found}


def _literal(node):
    if isinstance(node, ast.Constant):
        if isinstance(node.value, bool):
            return None
        return {int: "int", str: "str"}.get(type(node.value))
    if isinstance(node, ast.List):
        inner = {_literal(item) for item in node.elts}
        if inner <= {"int"}:
            return "list"
        if inner == {"str"}:
            return "words"
    return None


def made(kind, size):
    """The same value for the same size in every run."""
    source = random.Random(size)
    if kind == "int":
        return size
    if kind == "str":
        return "".join(source.choice("abcdefgh ") for _ in range(size))
    if kind == "words":
        return ["%x" % source.getrandbits(24) for _ in range(size)]
    values = [source.randrange(-size, size + 1) for _ in range(size)]
    if kind == "dict":
        return {"%x" % n: value for n, value in enumerate(values)}
    return set(values) if kind == "set" else values


def _stop(number, frame):
    raise Late


def once(function, kind, size):
    """Processor seconds of one call."""
    value = made(kind, size)
    signal.setitimer(signal.ITIMER_REAL, LONGEST_CALL)
    try:
        began = _clock()
        result = function(value)
        if hasattr(result, "__next__"):
            for _ in result:
                pass
        return _since(began)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def best(function, kind, size, tries):
    """The least of some readings that say anything.

    - Raises: `Unclear` where none does.
    """
    found = []
    for _ in range(tries * 3):
        seconds = once(function, kind, size)
        if seconds > 0:
            found.append(seconds)
        if len(found) == tries:
            break
    if not found:
        raise Unclear
    return min(found)


def measure(function, kind, end):
    """{"points": [[size, seconds]], "exponent"} or {"reason"}."""
    largest = LARGEST.get(kind, 1 << 16)
    size = 4 if kind == "int" else 32
    before = []
    while True:
        if time.monotonic() > end:
            return {"reason": "the time for it was up"}
        try:
            seconds = best(function, kind, size, 2)
        except Late:
            return _late(before, size)
        before = [[size, seconds]] if seconds > ENOUGH / 50 else []
        if seconds >= ENOUGH:
            break
        if size * 8 > largest:
            return {"reason": "it is too quick to be measured up to size %d" % size}
        size *= 2
    for _ in range(2):
        points = []
        for factor in (1, 2, 4):
            try:
                points.append([size * factor, best(function, kind, size * factor, 3)])
            except Late:
                return _late(points, size * factor)
            if time.monotonic() > end:
                return {"reason": "the time for it was up"}
        steps = [math.log2(max(points[n + 1][1], 1e-9) / points[n][1]) for n in (0, 1)]
        if abs(steps[0] - steps[1]) <= 0.6 and min(steps) > -0.5:
            return {"points": points, "exponent": sum(steps) / 2}
    if steps[1] > steps[0] + 0.6 and steps[1] > 2.5:
        # It grows faster than any power: the last step is a lower bound.
        return {"points": points, "exponent": steps[1], "at_least": True}
    return {"reason": "it varies too much: %s" % ", ".join("%.2f" % step for step in steps)}


def _late(points, size):
    """The call that was stopped took at least so long."""
    if not points:
        return {"reason": "one call with size %d took over %g s" % (size, LONGEST_CALL)}
    last = points[-1]
    exponent = math.log2(LONGEST_CALL / last[1]) / math.log2(size / last[0])
    return {"points": points + [[size, LONGEST_CALL]], "exponent": exponent, "at_least": True}


def main(task):
    target = int(os.environ.pop("STET_REPORT"))

    def tell(report):
        data = (json.dumps(report) + "\n").encode("utf-8", "backslashreplace")
        while data:
            data = data[os.write(target, data) :]

    task["folder"] = os.getcwd()
    task["file"] = task["folder"] + "/" + task["path"]
    task["test_folders"] = []
    found = kinds(task["code"], task["tests"])
    report = {"functions": [], "complete": not found}
    tell(report)
    if not found:
        return
    end = time.monotonic() + task["time"]
    signal.signal(signal.SIGALRM, _stop)
    stet_worker.settle(task)
    where = stet_tell.Where(task["file"], task["code"])
    try:
        module = stet_worker.load(task["path"], task["file"], where)
    except stet_worker.Broken:
        return
    chosen = list(found.items())[:MOST_FUNCTIONS]
    for place, (name, (kind, parameter, line)) in enumerate(chosen):
        share = (end - time.monotonic()) / (len(chosen) - place)
        try:
            measured = measure(vars(module)[name], kind, time.monotonic() + share)
        except Unclear:
            measured = {"reason": "the clock of processor time stood still"}
        except BaseException as error:
            measured = {"reason": "it raised " + stet_tell.name_of(error)}
        measured.update(name=name, parameter=parameter, line=line, kind=kind)
        report["functions"].append(measured)
        tell(report)
    report["complete"] = True
    tell(report)
