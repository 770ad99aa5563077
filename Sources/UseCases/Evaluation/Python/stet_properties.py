"""Calls annotated functions with made-up values, and tells what is a defect whatever is meant.

A crash counts only where it shows a defect by itself: a name that is not defined, or a value of the
annotated type that the code cannot handle by type. Whatever the code raises by a statement of its
own is meant. Everything else is told and judged by nobody.
"""

import ast
import inspect
import json
import os
import random
import signal
import sys
import traceback

import stet_tell
import stet_worker

MOST_FUNCTIONS = 12
TRIES = 40
LONGEST_CALL = 0.5
VALUES = {
    "int": [0, 1, -1, 2, 7, 100, -50, 1 << 31],
    "float": [0.0, 1.0, -1.5, 0.1, 1e6],
    "str": ["", "a", "Ab c", "0", "\u00e9\u4e2d", "x" * 50, "a\nb"],
    "bool": [True, False],
    "bytes": [b"", b"a", b"\x00\xff"],
    "None": [None],
}


class Late(BaseException):
    """One call took longer than it may."""


def _stop(number, frame):
    raise Late


def values(node, source):
    """Makes one value of an annotation.

    - Raises: `KeyError` where the annotation is not known.
    """
    if isinstance(node, ast.Constant):
        if node.value is None:
            return None
        if isinstance(node.value, str):
            return values(ast.parse(node.value, mode="eval").body, source)
        raise KeyError(node.value)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        return values(source.choice([node.left, node.right]), source)
    if isinstance(node, (ast.Name, ast.Attribute)):
        name = getattr(node, "id", None) or node.attr
        return _plain(name, source)
    if not isinstance(node, ast.Subscript):
        raise KeyError("annotation")
    name = getattr(node.value, "id", None) or getattr(node.value, "attr", "")
    inner = node.slice
    parts = inner.elts if isinstance(inner, ast.Tuple) else [inner]
    size = source.choice([0, 1, 2, 3, 8])
    if name in ("list", "List", "Sequence", "Iterable", "Collection"):
        return [values(parts[0], source) for _ in range(size)]
    if name in ("set", "Set", "frozenset"):
        return {values(parts[0], source) for _ in range(size)}
    if name in ("dict", "Dict", "Mapping"):
        return {values(parts[0], source): values(parts[1], source) for _ in range(size)}
    if name in ("tuple", "Tuple"):
        if len(parts) == 2 and isinstance(parts[1], ast.Constant) and parts[1].value is Ellipsis:
            return tuple(values(parts[0], source) for _ in range(size))
        return tuple(values(part, source) for part in parts)
    if name == "Optional":
        return source.choice([None, values(parts[0], source)])
    if name == "Union":
        return values(source.choice(parts), source)
    raise KeyError(name)


def _plain(name, source):
    known = VALUES[name]
    if name == "int" and source.random() < 0.4:
        return source.randrange(-20, 200)
    if name == "str" and source.random() < 0.4:
        return "".join(source.choice("ab c,1") for _ in range(source.randrange(6)))
    return source.choice(known)


def candidates(tree):
    """Public functions whose parameters all have annotations that values can be made of."""
    for node in tree.body:
        if not isinstance(node, ast.FunctionDef) or node.name.startswith("_"):
            continue
        arguments = node.args
        if arguments.vararg or arguments.kwarg or arguments.kwonlyargs or node.decorator_list:
            continue
        needed = arguments.posonlyargs + arguments.args
        if not needed or any(one.annotation is None for one in needed):
            continue
        try:
            for one in needed:
                values(one.annotation, random.Random(1))
        except (KeyError, TypeError, IndexError, SyntaxError, RecursionError):
            continue
        yield node, [one.annotation for one in needed]


def inputs(name, annotations):
    """The same in every run, the smallest first, none twice."""
    source = random.Random(name)
    found = {}
    for _ in range(TRIES):
        try:
            given = [values(annotation, source) for annotation in annotations]
        except TypeError:
            continue
        found.setdefault(repr(given), given)
    return [found[key] for key in sorted(found, key=lambda key: (len(key), key))]


def outcome(function, given):
    """What one call comes to: ("value", repr) or ("error", exception)."""
    signal.setitimer(signal.ITIMER_REAL, LONGEST_CALL)
    try:
        value = function(*given)
        if inspect.iscoroutine(value):
            value.close()
            return "unknown", None
        if inspect.isgenerator(value):
            value = [item for item, _ in zip(value, range(1000))]
        return "value", stet_tell.shown(value, 4_000)
    except Late:
        return "late", None
    except BaseException as error:
        return "error", error
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def defect(error, file, raised):
    """The line where the code shows a defect of its own, or None."""
    line = None
    for step, number in traceback.walk_tb(error.__traceback__):
        if step.f_code.co_filename == file:
            line = number
        elif line is not None:
            # What it called refused: that is for its caller to know.
            if not isinstance(error, NameError):
                return None
    if isinstance(error, (NameError, UnboundLocalError)):
        return line
    if isinstance(error, (TypeError, AttributeError)) and line not in raised:
        return line
    return None


def examine(node, function, old, file, raised):
    """What was found of one function."""
    found = {"name": node.name, "line": node.lineno, "calls": 0, "crash": None, "notes": []}
    differs = None
    for given in inputs(node.name, [one.annotation for one in parameters(node)]):
        source = "%s(%s)" % (node.name, ", ".join(stet_tell.shown(one, 150) for one in given))
        kind, value = outcome(function, _copy(given))
        found["calls"] += 1
        if kind == "late":
            found["notes"].append(
                {"message": "did not end within %g seconds" % LONGEST_CALL, "input": source}
            )
            break
        if kind == "error":
            line = defect(value, file, raised)
            told = "%s: %s" % (stet_tell.name_of(value), stet_tell.words(value, 200))
            if line is not None and found["crash"] is None:
                again = outcome(function, _copy(given))
                if again[0] == "error" and type(again[1]) is type(value):
                    kind_of = stet_tell.kind_of(value, "code")
                    found["crash"] = {
                        "message": told, "input": source, "line": line, "kind": kind_of,
                    }  # fmt: skip
            elif line is None and len(found["notes"]) < 2 and not _is_meant(value, file, raised):
                found["notes"].append({"message": "raised " + told, "input": source})
        if old is not None and differs is None and kind in ("value", "error"):
            before_kind, before = outcome(old, _copy(given))
            if before_kind in ("value", "error"):
                now = value if kind == "value" else stet_tell.name_of(value)
                then = before if before_kind == "value" else stet_tell.name_of(before)
                if (kind, now) != (before_kind, then) and " at 0x" not in now + then:
                    differs = {
                        "input": source,
                        "message": "gives %s, and gave %s before"
                        % (stet_tell.cut(now, 150), stet_tell.cut(then, 150)),
                    }
    found["differs"] = differs
    return found


def parameters(node):
    return node.args.posonlyargs + node.args.args


def _is_meant(error, file, raised):
    for step, number in traceback.walk_tb(error.__traceback__):
        if step.f_code.co_filename == file and number in raised:
            return True
    return False


def _copy(given):
    """Values of their own for each call, which may change them."""
    return [type(v)(v) if isinstance(v, (list, dict, set)) else v for v in given]


def raises(tree):
    """The lines of statements that raise or assert."""
    return {
        line
        for node in ast.walk(tree)
        if isinstance(node, (ast.Raise, ast.Assert))
        for line in range(node.lineno, (node.end_lineno or node.lineno) + 1)
    }


def main(task):
    target = int(os.environ.pop("STET_REPORT"))
    task["folder"] = os.getcwd()
    task["file"] = task["folder"] + "/" + task["path"]
    task["test_folders"] = []
    tree = ast.parse(task["code"])
    chosen = list(candidates(tree))[:MOST_FUNCTIONS]
    report = {"complete": False, "functions": [], "broken": None}

    def tell():
        data = (json.dumps(report) + "\n").encode("utf-8", "backslashreplace")
        while data:
            data = data[os.write(target, data) :]

    signal.signal(signal.SIGALRM, _stop)
    stet_worker.settle(task)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    os.dup2(1, 2)
    where = stet_tell.Where(task["file"], task["code"])
    old = _old(task)
    try:
        module = stet_worker.load(task["path"], task["file"], where)
    except stet_worker.Broken as broken:
        chosen = []
        report["broken"] = broken.detail
    raised = raises(tree)
    for node, _ in chosen:
        function = vars(module).get(node.name)
        if inspect.isfunction(function):
            before = _same_kind(old, node, function)
            report["functions"].append(examine(node, function, before, task["file"], raised))
            tell()
    report["complete"] = True
    tell()
    os._exit(0)


def _old(task):
    """The names of the version before; none where it cannot be loaded."""
    if not task.get("previous"):
        return {}
    names = {"__name__": "previous"}
    sys.modules["previous"] = type(sys)("previous")
    try:
        exec(compile(task["previous"], "previous.py", "exec", dont_inherit=True), names)
    except BaseException:
        return {}
    return names


def _same_kind(old, node, function):
    """The function of that name before, where it took the same arguments."""
    before = old.get(node.name)
    if not inspect.isfunction(before):
        return None
    same = before.__code__.co_varnames[: before.__code__.co_argcount]
    return before if same == function.__code__.co_varnames[: len(parameters(node))] else None
