"""Puts what went wrong into words: bounded, with the place, the values and the failing input."""

import ast
import builtins
import traceback
import types

LONGEST = 600
_repr, _str, _len = repr, str, len


def cut(text, limit=LONGEST):
    return text if _len(text) <= limit else text[: limit - 1] + "\u2026"


def shown(value, limit=200):
    """The value as Python source where its class is honest; never raises."""
    try:
        text = _repr(value)
        if type(text) is not _str:
            return "<no text>"
        return cut(text, limit)
    except BaseException:
        return "<%s whose repr fails>" % cut(type(value).__name__, 60)


def words(error, limit=LONGEST):
    try:
        text = _str(error)
        return cut(text, limit) if type(text) is _str else ""
    except BaseException:
        return "<its text fails>"


def name_of(error):
    return cut(_str(type(error).__name__), 80)


class Where:
    """The two texts that a failure is placed in."""

    def __init__(self, code_file, code, test_file=None, test=None):
        self.code_file = code_file
        self.test_file = test_file
        self.definitions = {}
        # Other names of judged functions, as `candidate` is one.
        self.aliases = {}
        tree = _parsed(code)
        for node in ast.walk(tree):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                self.definitions.setdefault(node.name, node.lineno)
        self.statements = []
        for node in ast.walk(_parsed(test or "")):
            if isinstance(node, ast.stmt):
                self.statements.append((node.lineno, node.end_lineno or node.lineno, node))

    def call_at(self, line, frame=None):
        """The call of judged code in a statement of the tests, with the values of plain names:
        (its source, the line of what it calls)."""
        covering = [s for s in self.statements if s[0] <= line <= s[1]]
        if not covering:
            return None, None
        # The innermost one begins last and ends first.
        node = max(covering, key=lambda s: (s[0], -s[1], s[2].col_offset))[2]
        header = [
            child
            for child in ast.iter_child_nodes(node)
            if not isinstance(child, ast.stmt)
        ]
        for part in header:
            for child in ast.walk(part):
                if isinstance(child, ast.Call):
                    called = _called(child)
                    if called in self.definitions:
                        return self._source(child, frame), self.definitions[called]
        return None, None

    def _source(self, call, frame):
        if frame is None:
            return cut(ast.unparse(call), 300)
        try:
            filled = _Filled(frame).visit(ast.parse(ast.unparse(call), mode="eval"))
            return cut(ast.unparse(_Renamed(self.aliases).visit(filled)), 300)
        except BaseException:
            return cut(ast.unparse(call), 300)


class _Renamed(ast.NodeTransformer):
    def __init__(self, names):
        self.names = names

    def visit_Name(self, node):
        node.id = self.names.get(node.id, node.id)
        return node


class _Filled(ast.NodeTransformer):
    """Puts short values in the place of the names that stand for them."""

    def __init__(self, frame):
        self.frame = frame

    def visit_Call(self, node):
        node.args = [self.visit(argument) for argument in node.args]
        for keyword in node.keywords:
            keyword.value = self.visit(keyword.value)
        return node

    def visit_Name(self, node):
        for scope in (self.frame.f_locals, self.frame.f_globals):
            if node.id in scope:
                value = scope[node.id]
                if isinstance(value, (type, types.ModuleType, types.FunctionType)):
                    return node
                text = shown(value, 120)
                try:
                    return ast.parse(text, mode="eval").body
                except (SyntaxError, ValueError):
                    return node
        return node


def _parsed(text):
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ast.parse("")


def _called(call):
    if isinstance(call.func, ast.Name):
        return call.func.id
    return call.func.attr if isinstance(call.func, ast.Attribute) else None


def describe(error, where, told=None):
    """A failure as {"kind", "message", "line", "test_line", "input"}."""
    line = test_line = frame = None
    innermost = None
    for step, number in traceback.walk_tb(error.__traceback__):
        name = step.f_code.co_filename
        if name == where.code_file:
            line, innermost = number, "code"
        elif name == where.test_file:
            test_line, frame, innermost = number, step, "test"
    given = called_line = None
    if test_line is not None:
        given, called_line = where.call_at(test_line, frame)
    kind = kind_of(error, innermost)
    message = told
    if message is None:
        message = getattr(error, "stet_told", None) if kind == "assertion" else None
    if type(message) is not str:
        message = name_of(error)
        text = words(error)
        if text:
            message += ": " + text
    noted = _falsified(error)
    return {
        "kind": kind,
        "message": cut(" ".join(message.split()).replace(" + where ", ", where ")),
        "line": line or called_line,
        "test_line": test_line,
        "input": noted or given,
    }


def _falsified(error):
    """The example that hypothesis came down to."""
    for note in getattr(error, "__notes__", None) or []:
        if type(note) is str and "alsifying example" in note:
            text = " ".join(note.split(":", 1)[-1].split())
            return cut(text.replace("( ", "(").replace(", )", ")"), 300)
    return None


def kind_of(error, innermost=None):
    if isinstance(error, builtins.AssertionError):
        return "exception" if innermost == "code" else "assertion"
    if isinstance(error, NameError):
        return "name"
    if isinstance(error, AttributeError) and "module " in words(error, 40):
        return "name"
    if isinstance(error, ImportError):
        return "import"
    if isinstance(error, SyntaxError):
        return "syntax"
    if isinstance(error, MemoryError):
        return "memory"
    if isinstance(error, (SystemExit, KeyboardInterrupt, GeneratorExit)):
        return "exited"
    if type(error).__name__ == "Failed" and hasattr(error, "pytrace"):
        return "assertion"
    return "exception"
