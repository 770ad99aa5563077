"""Which names a module binds at its top level, and which of them others may take from it."""

import ast
import sys

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def bound(body):
    """Names that statements at the top level bind, with the statement of each."""
    found = {}
    for node in body:
        targets = []
        if isinstance(node, FUNCTIONS + (ast.ClassDef,)):
            found[node.name] = node
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            for alias in node.names:
                found[alias.asname or alias.name.split(".")[0]] = node
        elif isinstance(node, ast.Assign):
            targets = node.targets
        elif isinstance(node, ast.AnnAssign) and node.value is not None:
            targets = [node.target]
        elif type(node).__name__ == "TypeAlias":
            targets = [node.name]
        elif isinstance(node, (ast.If, ast.Try, ast.With)):
            for part in ("body", "orelse", "finalbody"):
                found.update(bound(getattr(node, part, [])))
            for handler in getattr(node, "handlers", []):
                found.update(bound(handler.body))
        for target in targets:
            for child in ast.walk(target):
                if isinstance(child, ast.Name) and isinstance(child.ctx, ast.Store):
                    found[child.id] = node
    return found


def listed(tree):
    """What `__all__` names; None where there is none that can be read."""
    for node in tree.body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "__all__":
            try:
                names = ast.literal_eval(node.value)
            except (ValueError, TypeError):
                return None
            return [name for name in names if isinstance(name, str)]
    return None


def is_passed_on(name, node, used):
    """Whether an import can only be there for others: `import a as a`, or of another's module and
    unused here."""
    if any(alias.asname == alias.name == name for alias in node.names):
        return True
    if not isinstance(node, ast.ImportFrom) or name in used or name == "*":
        return False
    root = (node.module or "").split(".")[0]
    return bool(node.level) or root not in getattr(sys, "stdlib_module_names", {root})


def exported(tree):
    """Public names: what `__all__` lists, else all without an underscore; of imports such as are
    there for others."""
    names = listed(tree)
    if names is not None:
        return sorted(set(names) & set(bound(tree.body)))
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    return sorted(
        name
        for name, node in bound(tree.body).items()
        if not name.startswith("_")
        and (
            not isinstance(node, (ast.Import, ast.ImportFrom)) or is_passed_on(name, node, used)
        )
    )
