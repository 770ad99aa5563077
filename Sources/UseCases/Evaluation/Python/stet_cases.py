"""Runs the assertions of a text one by one and tells their values."""

import ast

import stet_forms
import stet_tell

# No name of a program can have these letters.
FAILURE, LEFT, RIGHT, VALUE, CASES = "@failure", "@left", "@right", "@value", "@cases"
_AssertionError = AssertionError

OPERATORS = {
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.Is: "is",
    ast.IsNot: "is not",
    ast.In: "in",
    ast.NotIn: "not in",
}


def failure(source, values, message=None):
    """An AssertionError that knows the values of both sides."""
    told = "assert " + stet_tell.cut(source, 200)
    if len(values) == 2:
        told += ": left is %s, right is %s" % tuple(map(stet_tell.shown, values))
    elif values:
        told += ": it is %s" % stet_tell.shown(values[0])
    if message is not None:
        told += " (%s)" % stet_tell.cut(stet_tell.words(message), 200)
    error = _AssertionError(told)
    error.stet_told = told
    return error


class _Explained(ast.NodeTransformer):
    """`assert a == b` so that both values are known when it fails. Each side is evaluated once."""

    def visit_Assert(self, node):
        test = node.test
        if isinstance(test, ast.Compare) and len(test.ops) == 1:
            names = (LEFT, RIGHT)
            sides = (test.left, test.comparators[0])
            held = ast.Compare(_load(LEFT), test.ops, [_load(RIGHT)])
        else:
            names, sides = (VALUE,), (test,)
            held = _load(VALUE)
        steps = [ast.Assign([ast.Name(n, ast.Store())], side) for n, side in zip(names, sides)]
        told = [ast.Constant(ast.unparse(test)), ast.Tuple([_load(n) for n in names], ast.Load())]
        if node.msg is not None:
            told.append(node.msg)
        steps.append(
            ast.If(
                ast.UnaryOp(ast.Not(), held),
                [ast.Raise(ast.Call(_load(FAILURE), told, []), None)],
                [],
            )
        )
        return [ast.fix_missing_locations(ast.copy_location(step, node)) for step in steps]


def _load(name):
    return ast.Name(name, ast.Load())


def explained(tree):
    return ast.fix_missing_locations(_Explained().visit(tree))


def compiled(text, path):
    """The text with assertions that tell their values."""
    return compile(explained(ast.parse(text)), path, "exec", dont_inherit=True)


def split(text, path, function=None):
    """The text with every asserting statement of its top level, or of `function`, as a case of
    its own: one that fails does not keep the next from being run."""
    tree = ast.parse(text)
    holder = tree
    if function is not None:
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef) and node.name == function:
                holder = node
        tree.body = [node for node in tree.body if not _calls(node, function)]
    body = []
    chosen = {id(node): n for n, node in enumerate(stet_forms.asserting(holder.body))}
    for node in holder.body:
        number = chosen.get(id(node))
        if number is None:
            body.append(node)
            continue
        case = ast.With(
            [ast.withitem(_method("case", number), None)], [node]
        )
        body.append(
            ast.copy_location(ast.If(_method("runs", number), [ast.copy_location(case, node)], []),
                              node)
        )
    holder.body = body
    return compile(explained(tree), path, "exec", dont_inherit=True)


def _method(name, number):
    return ast.Call(ast.Attribute(_load(CASES), name, ast.Load()), [ast.Constant(number)], [])


def _calls(node, function):
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Call)
        and getattr(node.value.func, "id", None) == function
    )


class Cases:
    """Numbers of cases that are run, told as they begin and end."""

    def __init__(self, report, where, skipped=()):
        self.report = report
        self.where = where
        self.skipped = skipped
        self.number = None

    def runs(self, number):
        return number not in self.skipped

    def case(self, number):
        self.number = number
        return self

    def __enter__(self):
        self.report.start(self.number)

    def __exit__(self, kind, error, trace):
        number, self.number = self.number, None
        if error is None:
            self.report.passed(number)
        else:
            self.report.failed(number, stet_tell.describe(error, self.where))
        return True
