"""Measures the cyclomatic complexity of every function of the judged text (McCabe, 1976: one more
than the decisions in it), and tells what the text says to silence linters."""

import ast

import lint_source

DECISIONS = (
    ast.If, ast.For, ast.AsyncFor, ast.While, ast.IfExp, ast.ExceptHandler, ast.Assert,
)
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)


def complexity(body):
    """Of the nodes given; functions within are measured by themselves."""
    found = 1
    waiting = list(body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, FUNCTIONS[:2]) or isinstance(node, ast.ClassDef):
            continue
        if isinstance(node, DECISIONS):
            found += 1
        elif isinstance(node, ast.BoolOp):
            found += len(node.values) - 1
        elif isinstance(node, ast.comprehension):
            found += 1 + len(node.ifs)
        elif type(node).__name__ == "match_case":
            pattern = node.pattern
            always = type(pattern).__name__ == "MatchAs" and pattern.pattern is None
            found += 0 if always and node.guard is None else 1
        waiting.extend(ast.iter_child_nodes(node))
    return found


def functions(tree):
    found = []
    waiting = [(tree, "")]
    while waiting:
        node, prefix = waiting.pop()
        for child in ast.iter_child_nodes(node):
            name = prefix
            if isinstance(child, FUNCTIONS[:2]):
                name = prefix + child.name
                found.append({
                    "name": name[:200], "line": child.lineno, "value": complexity(child.body)})
                name += "."
            elif isinstance(child, ast.ClassDef):
                name = prefix + child.name + "."
            waiting.append((child, name))
    own = complexity(tree.body)
    if own > 1:
        found.append({"name": "the module itself", "line": 1, "value": own})
    return sorted(found, key=lambda each: (-each["value"], each["line"]))


def main():
    text = lint_source.read()
    trouble = lint_source.trouble(text)
    if trouble is not None:
        return lint_source.report({"trouble": trouble})
    tree = ast.parse(text)
    lint_source.report({
        "trouble": None,
        "functions": functions(tree)[:lint_source.MOST],
        "silencers": lint_source.silencers(
            text, ("noqa", "ruff-off", "pylint-off", "pragma", "format-off")),
    })


main()
