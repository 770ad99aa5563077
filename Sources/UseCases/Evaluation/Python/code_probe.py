"""Looks at Python code and tries it out; runs in the sandbox only.

One JSON object on standard input says what to do; one goes to the descriptor STET_REPORT. What it
tells of code that ran is that code's own word: good for ranking and for dropping tests, never for a
verdict.
"""

import ast
import contextlib
import importlib.util
import io
import json
import os
import random
import re
import signal
import sys
import types

from code_names import bound, exported

LONGEST = 2000
EACH = 2
TOOLS = {"pytest", "hypothesis", "numpy", "pandas"}


def shortened(text):
    return text if len(text) <= LONGEST else text[:LONGEST] + "..."


def complaint(error):
    return {"line": getattr(error, "lineno", None), "message": shortened(str(error.msg))}


def parsed(text):
    """The tree, or what is wrong with the text."""
    try:
        return ast.parse(text.removeprefix("\ufeff")), None
    except SyntaxError as error:
        return None, complaint(error)
    except (ValueError, RecursionError, MemoryError) as error:
        return None, {"line": None, "message": shortened(str(error) or type(error).__name__)}


FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def functions(tree):
    found = []
    for node in tree.body:
        if isinstance(node, FUNCTIONS):
            plain = node.args.posonlyargs + node.args.args
            found.append(
                {
                    "name": node.name,
                    "line": node.lineno,
                    "parameters": [
                        ast.unparse(a.annotation) if a.annotation else "" for a in plain
                    ],
                    "required": len(plain) - len(node.args.defaults),
                }
            )
    return found


def stub(tree):
    """The same names with nothing in them: what any test worth having refuses."""
    hollow = [ast.Return(value=ast.Constant(value=None))]
    for node in ast.walk(tree):
        if isinstance(node, FUNCTIONS):
            node.body = [ast.Pass()] if node.name == "__init__" else hollow
    kept = [
        node
        for node in tree.body
        if isinstance(node, FUNCTIONS + (ast.ClassDef, ast.Import, ast.ImportFrom))
    ]
    return ast.unparse(ast.fix_missing_locations(ast.Module(body=kept, type_ignores=[])))


def look(order):
    tree, error = parsed(order["code"])
    if tree is None:
        return {"error": error}
    imports = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            imports.update(alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            imports.add(node.module.split(".")[0])
    names = [f["name"] for f in functions(tree)]
    names += [node.name for node in tree.body if isinstance(node, ast.ClassDef)]
    return {
        "error": None,
        "names": names,
        "exported": exported(tree),
        "bound": sorted(bound(tree.body)),
        "imports": sorted(imports),
        "missing": sorted(name for name in imports if not importable(name)),
        "stub": stub(tree),
        "empty": not any(
            not isinstance(node, (ast.Expr, ast.Import, ast.ImportFrom)) for node in tree.body
        ),
    }


def is_examples(text):
    """Whether a text that is no Python is examples: doctests, or `call -> result` in lines."""
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return ">>>" in text or all("->" in line or "=>" in line for line in lines)


def is_judged(module):
    """Whether a module that tests import can only be the code they are for."""
    root = module.split(".")[0]
    return root not in TOOLS and not importable(root)


def importable(name):
    try:
        return importlib.util.find_spec(name) is not None
    except (ImportError, ValueError):
        return False


def wanted(order):
    """What tests ask of the code: the module they import, and the names they take from it."""
    modules, names, called, broken = set(), set(), set(), []
    for test in order["tests"]:
        tree, error = parsed(test["text"])
        if tree is None:
            if test["path"].endswith(".py") and not is_examples(test["text"]):
                broken.append({"path": test["path"], **error})
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.module and not node.level:
                if is_judged(node.module):
                    modules.add(node.module)
                    names.update(alias.name for alias in node.names if alias.name != "*")
            elif isinstance(node, ast.Import):
                modules.update(alias.name for alias in node.names if is_judged(alias.name))
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                called.add(node.func.id)
    return {
        "modules": sorted(modules),
        "names": sorted(names),
        "called": sorted(called),
        "broken": broken,
    }


def segment(text, node):
    lines = text.splitlines()
    first = min([node.lineno] + [d.lineno for d in getattr(node, "decorator_list", [])])
    return "\n".join(lines[first - 1 : node.end_lineno])


def is_common(node):
    """Whether tests may need it: all but statements that do something."""
    if isinstance(node, ast.ClassDef):
        return not node.name.startswith("Test")
    return isinstance(node, (ast.Import, ast.ImportFrom, ast.Assign) + FUNCTIONS)


def split(text):
    """Test functions by name, and the text that all of them need. Bare asserts become functions."""
    text = text.removeprefix("\ufeff")
    tree, error = parsed(text)
    if tree is None:
        return None, None, error
    common, tests, number = [], {}, 0
    for node in tree.body:
        if isinstance(node, FUNCTIONS) and node.name.startswith("test"):
            if node.args.args or node.args.posonlyargs or node.args.kwonlyargs:
                continue
            tests[node.name] = segment(text, node)
        elif isinstance(node, ast.Assert):
            number += 1
            body = "\n".join("    " + line for line in segment(text, node).splitlines())
            tests[f"test_example_{number}"] = f"def test_example_{number}():\n{body}"
        elif is_common(node):
            common.append(segment(text, node))
    return common, tests, None


def joined(order):
    common, tests, error = split(order["text"])
    if error:
        return {"error": error, "names": [], "text": ""}
    keep = order.get("keep")
    names = [name for name in tests if keep is None or name in keep]
    used = "\n".join(tests[name] for name in names)
    kept = [line for line in common if not unused(line, used)]
    parts = ["\n".join(kept)] if kept else []
    parts += [tests[name] for name in names]
    return {"error": None, "names": names, "text": "\n\n\n".join(parts) + "\n"}


def unused(line, text):
    """An import of which nothing is used."""
    tree, _ = parsed(line)
    if tree is None or not tree.body or not isinstance(tree.body[0], (ast.Import, ast.ImportFrom)):
        return False
    if isinstance(tree.body[0], ast.ImportFrom) and tree.body[0].module == "__future__":
        return False
    names = [(a.asname or a.name).split(".")[0] for a in tree.body[0].names]
    return "*" not in names and not any(re.search(rf"\b{re.escape(n)}\b", text) for n in names)


class Late(BaseException):
    pass


def late(_number, _frame):
    raise Late()


@contextlib.contextmanager
def bounded(seconds):
    signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def loaded(code, name):
    module = types.ModuleType(name)
    module.__file__ = name + ".py"
    sys.modules[name] = module
    with bounded(EACH * 2):
        exec(compile(code.removeprefix("\ufeff"), name + ".py", "exec"), module.__dict__)  # noqa: S102
    return module


def attempt(order):
    """Each generated test against one candidate: `pass`, or why not."""
    common, tests, error = split(order["tests"])
    if error:
        return {"error": error, "results": {}}
    results = {}
    try:
        module = loaded(order["code"], order["module"])
    except BaseException as problem:  # noqa: BLE001
        why = shortened(f"{type(problem).__name__}: {problem}")
        return {"error": None, "results": dict.fromkeys(tests, why)}
    for name, text in tests.items():
        space = {"__name__": "stet_tests"}
        space.update((k, v) for k, v in vars(module).items() if not k.startswith("__"))
        try:
            with bounded(EACH):
                exec("\n".join(common), space)  # noqa: S102
                exec(text, space)  # noqa: S102
                space[name]()
            results[name] = "pass"
        except Late:
            results[name] = "it does not end"
        except BaseException as problem:  # noqa: BLE001
            results[name] = shortened(f"{type(problem).__name__}: {problem}")
    return {"error": None, "results": results}


def literal_calls(texts, names):
    """Argument lists of calls with literals alone, by function."""
    found = {}
    for text in texts:
        examples = re.findall(r"^\s*>>> (.+)$", text, re.MULTILINE)
        for piece in [text] + examples:
            tree, _ = parsed(piece)
            for node in ast.walk(tree) if tree else ():
                if not isinstance(node, ast.Call) or node.keywords:
                    continue
                name = getattr(node.func, "id", None)
                if name == "candidate" and len(names) == 1:
                    name = names[0]
                try:
                    values = [ast.literal_eval(a) for a in node.args]
                except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
                    continue
                if name in names and values:
                    found.setdefault(name, []).append(values)
    return found


def varied(value, dice):
    """A value of the same type nearby."""
    if isinstance(value, bool):
        return dice.random() < 0.5
    if isinstance(value, int):
        return dice.choice([value + 1, value - 1, -value, 0, 1, value * 2, dice.randint(-9, 99)])
    if isinstance(value, float):
        return dice.choice([value + 0.5, -value, 0.0, value * 2, round(dice.uniform(-9, 9), 2)])
    if isinstance(value, str):
        if not value:
            return dice.choice(["", "a", " "])
        cut = dice.randrange(len(value))
        return dice.choice([value[:cut], value[::-1], value + value[cut], value.swapcase(), ""])
    if isinstance(value, (list, tuple)):
        items = [varied(v, dice) if dice.random() < 0.4 else v for v in value]
        if items and dice.random() < 0.5:
            items.pop(dice.randrange(len(items)))
        elif items:
            items.append(dice.choice(items))
        return type(value)(items)
    if isinstance(value, dict):
        return {k: varied(v, dice) for k, v in value.items()}
    return value


SAMPLES = {
    "int": [0, 1, 2, 3, 7, 10, -1],
    "float": [0.0, 0.5, 1.0, 2.5, -1.5],
    "str": ["", "a", "abc", "Hello World", "racecar", "1 2 3"],
    "bool": [True, False],
    "list[int]": [[], [1], [3, 1, 2], [5, 5, -1, 0]],
    "list[float]": [[], [1.0], [3.5, 1.0, 2.25]],
    "list[str]": [[], ["a"], ["b", "abc", ""]],
    "list": [[], [1], [3, 1, 2]],
    "dict": [{}, {"a": 1}],
}


def sampled(parameters, dice):
    chosen = []
    for annotation in parameters:
        plain = annotation.replace("typing.", "").replace("List", "list").replace("Dict", "dict")
        samples = SAMPLES.get(plain) or SAMPLES.get(plain.split("[")[0])
        if samples is None:
            return None
        chosen.append(dice.choice(samples))
    return chosen


def inputs(order):
    """Argument lists to compare candidates on, the same for the same seed."""
    tree, error = parsed(order["code"])
    if tree is None:
        return {"error": error, "inputs": []}
    dice = random.Random(order.get("seed", 1))
    known = {f["name"]: f for f in functions(tree)}
    calls = literal_calls(order["texts"], list(known))
    most = order.get("most", 24)
    found = []
    for name, function in known.items():
        mine = calls.get(name, [])
        found += [(name, repr(values)) for values in mine[:most]]
        for _ in range(most):
            values = None
            if mine:
                values = [varied(v, dice) for v in dice.choice(mine)]
            elif function["parameters"]:
                values = sampled(function["parameters"], dice)
            if values is not None:
                found.append((name, repr(values)))
    unique = list(dict.fromkeys(pair for pair in found if len(pair[1]) < 500))
    return {"error": None, "inputs": unique[: order.get("all", 48)]}


def plain(value, depth=0):
    """What a value is, told without its own `__repr__` or `__eq__`."""
    kind = type(value)
    if depth > 6:
        return "..."
    if kind in (int, str, bool, type(None), bytes, complex):
        return f"{kind.__name__}:{value if kind is not str else json.dumps(value)}"
    if kind is float:
        return f"float:{value:.9g}"
    if kind in (list, tuple):
        return "{}[{}]".format(kind.__name__, ",".join(plain(v, depth + 1) for v in list(value)[:200]))
    if kind in (set, frozenset):
        return "{}{{{}}}".format(kind.__name__, ",".join(sorted(plain(v, depth + 1) for v in value)))
    if kind is dict:
        pairs = [f"{plain(k, depth + 1)}={plain(v, depth + 1)}" for k, v in value.items()]
        return "dict{{{}}}".format(",".join(sorted(pairs)))
    return f"<{kind.__name__}>"


def outputs(order):
    try:
        module = loaded(order["code"], order["module"])
    except BaseException as problem:  # noqa: BLE001
        return {"error": shortened(f"{type(problem).__name__}: {problem}"), "outputs": []}
    results = []
    for name, arguments in order["inputs"]:
        function = getattr(module, name, None)
        if function is None:
            results.append("missing")
            continue
        try:
            with bounded(order.get("each", EACH)):
                results.append(shortened(plain(function(*ast.literal_eval(arguments)))))
        except Late:
            results.append("late")
        except BaseException as problem:  # noqa: BLE001
            results.append("raises " + type(problem).__name__)
    return {"error": None, "outputs": results}


def main():
    order = json.loads(sys.stdin.read())
    report = int(os.environ["STET_REPORT"])
    work = {
        "look": look,
        "wanted": wanted,
        "join": joined,
        "attempt": attempt,
        "inputs": inputs,
        "outputs": outputs,
    }
    answer = work[order["do"]](order)
    with open(report, "w", encoding="utf-8", closefd=False) as channel:
        channel.write(json.dumps(answer) + "\n")


if __name__ == "__main__":
    main()
