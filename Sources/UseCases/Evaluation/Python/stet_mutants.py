"""Makes variants of code with one small change each, to see whether any test notices."""

import ast
import copy
import json
import os
import random

MOST = 40
LARGEST = 400_000
SWAPS = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.And: ast.Or,
    ast.Or: ast.And,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
}


def places(tree):
    """Every place that can be changed: (number of the node, what becomes of it)."""
    documents = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            documents.add(id(node.value))
    for number, node in enumerate(ast.walk(tree)):
        if isinstance(node, ast.BinOp) and type(node.op) in SWAPS:
            yield number, "operator"
        elif isinstance(node, ast.BoolOp):
            yield number, "operator"
        elif isinstance(node, ast.Compare) and type(node.ops[0]) in SWAPS:
            yield number, "comparison"
        elif isinstance(node, ast.Constant) and id(node) not in documents:
            if isinstance(node.value, (bool, int)):
                yield number, "constant"
        elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            yield number, "negation"
        elif isinstance(node, ast.Return) and node.value is not None:
            yield number, "result"


def changed(tree, number, kind):
    """The tree with that one change, and what it was: (tree, line, before, after)."""
    made = copy.deepcopy(tree)
    node = next(found for n, found in enumerate(ast.walk(made)) if n == number)
    before = ast.unparse(node)
    if kind == "operator":
        node.op = SWAPS[type(node.op)]()
    elif kind == "comparison":
        node.ops[0] = SWAPS[type(node.ops[0])]()
    elif kind == "constant":
        node.value = not node.value if isinstance(node.value, bool) else node.value + 1
    elif kind == "negation":
        node.operand = ast.UnaryOp(ast.Not(), node.operand)
    else:
        node.value = ast.Constant(None)
    return made, getattr(node, "lineno", None), before, ast.unparse(node)


def main(task):
    tree = ast.parse(task["code"])
    found = list(places(tree))
    random.Random(1).shuffle(found)
    mutants, size = [], 0
    for number, kind in found[:MOST]:
        made, line, before, after = changed(tree, number, kind)
        code = ast.unparse(ast.fix_missing_locations(made))
        size += len(code)
        if size > LARGEST:
            break
        mutants.append({"line": line, "before": before, "after": after, "code": code})
    mutants.sort(key=lambda one: one["line"] or 0)
    data = (json.dumps({"mutants": mutants, "places": len(found)}) + "\n").encode()
    target = int(os.environ["STET_REPORT"])
    while data:
        data = data[os.write(target, data) :]
