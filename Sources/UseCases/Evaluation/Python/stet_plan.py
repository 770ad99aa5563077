"""Says what there is to run, from the texts alone: nothing of what is judged is imported."""

import ast
import json
import os

import stet_forms


def main(task):
    plan = {"code": code(task["code"]), "sources": []}
    for source in task["sources"]:
        plan["sources"].append(read(source["path"], source["text"]))
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


def code(text):
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
