"""Modules, functions and classes as the taint pass sees them."""

import ast
from typing import Dict, List, Optional, Set, Tuple

import taint_tables as tables
from taint_values import State, Value


class Module:
    def __init__(self, name: str, source: str, is_main: bool):
        self.name, self.is_main = name, is_main
        self.tree = ast.parse(source)
        self.names: Dict[str, Value] = {}
        self.state = 0  # 0 not run, 1 running, 2 run
        self.imports: Set[str] = set()
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                self.imports.update(each.name.split(".")[0] for each in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module:
                self.imports.add(node.module.split(".")[0])

    def uses(self, *names: str) -> bool:
        return any(name in self.imports for name in names)


class Frame:
    def __init__(self, module, scopes=(), depth=0, node=None, route=None, page=False, name=""):
        self.module, self.scopes, self.depth, self.node = module, scopes, depth, node
        self.route, self.page, self.name = route, page, name
        self.returns: List[Tuple[Value, Optional[State]]] = []
        self.loops: List[tuple] = []


class Function:
    def __init__(self, node, module, scopes, heap, owner=None):
        self.node, self.module, self.scopes, self.heap = node, module, scopes, heap
        self.owner = owner
        self.name = getattr(node, "name", "")
        self.receiver: Optional[Value] = None


class Class:
    def __init__(self, node, module, members, bases):
        self.node, self.module, self.name = node, module, node.name
        self.members: Dict[str, Value] = members
        self.bases: List[Value] = bases
        self.kept: Dict[str, Value] = {}  # what any method stores in its instance

    def find(self, name: str, depth: int = 5) -> Optional[Value]:
        if name in self.members:
            return self.members[name]
        for base in self.bases:
            if isinstance(base.code, Class) and base.code is not self and depth:
                found = base.code.find(name, depth - 1)
                if found is not None:
                    return found
        return None

    @property
    def is_view(self) -> bool:
        return any(
            tables.VIEW_BASES.search(base.name or "") or (
                isinstance(base.code, Class) and base.code is not self and base.code.is_view)
            for base in self.bases)
