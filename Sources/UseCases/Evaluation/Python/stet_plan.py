"""Says what there is to run, from the texts alone: nothing of what is judged is imported."""

import ast
import json
import os

import stet_coding
import stet_forms


def main(task):
    plan = {"code": code(task["code"]), "sources": []}
    for source in task["sources"]:
        found = read(source["path"], source["text"])
        found["imports"] = imported(source["text"])
        plan["sources"].append(found)
    support(task["sources"], plan["sources"])
    own = own_examples(task)
    if own is not None:
        plan["own"] = own
    target = int(os.environ["STET_REPORT"])
    data = (json.dumps(plan) + "\n").encode("utf-8", "backslashreplace")
    while data:
        data = data[os.write(target, data) :]


def read(path, text):
    try:
        return stet_forms.tests_of(path, text)
    except RecursionError:
        problem = {"line": None, "message": "it is nested too deeply to be read"}
        return {"form": "broken", "tests": [], "problem": problem}


def support(texts, read):
    """What has no tests and is imported by another of the texts is there for those."""
    wanted = {}
    for place, source in enumerate(texts):
        try:
            wanted[place] = steps(ast.parse(source["text"]))
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            continue
    for place, source in enumerate(texts):
        base = source["path"].rsplit("/", 1)[-1]
        if read[place]["tests"] or not base.endswith(".py"):
            continue
        if read[place]["form"] == "broken":
            continue
        if any(base[:-3] in names for other, names in wanted.items() if other != place):
            read[place].update(form="support", tests=[])


def steps(tree):
    """Every step of the names of modules that a text imports, and what it takes from them."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                found.update(alias.name.split("."))
        elif isinstance(node, ast.ImportFrom):
            found.update((node.module or "").split("."))
            found.update(alias.name for alias in node.names)
    return found


def code(text):
    problem = stet_coding.problem(text)
    if problem is not None:
        return {"problem": dict(problem, encoding=True), "functions": [], "imports": []}
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        return {"problem": stet_forms.syntax(error), "functions": [], "imports": []}
    functions = [
        node.name
        for node in tree.body
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_")
    ]
    return {"problem": None, "functions": functions, "imports": sorted(imports(tree))}


def imported(text):
    try:
        return sorted(imports(ast.parse(text)))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []


def imports(tree):
    """The first parts of the names of the modules that a text imports."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.split(".")[0])
    return found


def own_examples(task):
    """The examples in the docstrings of the code itself."""
    try:
        found = stet_forms.own_examples(ast.parse(task["code"]))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    return found if found["tests"] else None
