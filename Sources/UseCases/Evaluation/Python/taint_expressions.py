"""The expressions of the taint pass: what an expression may be worth, and what is in it."""

import ast
import operator
import time
from typing import Optional

import taint_tables as tables
from taint_values import EVERY, UNKNOWN, Mark, Record, State, Value, constant, fresh, join

_BINARY = {
    "Add": operator.add, "Sub": operator.sub, "Mult": operator.mul, "Mod": operator.mod,
    "FloorDiv": operator.floordiv, "Div": operator.truediv,
    "BitAnd": operator.and_, "BitOr": operator.or_, "BitXor": operator.xor,
}
_COMPARE = {
    "Eq": operator.eq, "NotEq": operator.ne, "Lt": operator.lt, "LtE": operator.le,
    "Gt": operator.gt, "GtE": operator.ge, "Is": operator.is_, "IsNot": operator.is_not,
    "In": lambda a, b: a in b, "NotIn": lambda a, b: a not in b,
}


class Exhausted(Exception):
    """The work set for the pass is used up."""


class Expressions:
    """Methods of the machine; state, findings and calls are those of its other parts."""

    def ev(self, node: Optional[ast.AST], st: State) -> Value:
        if node is None:
            return UNKNOWN
        self.steps -= 1
        if self.steps < 0 or (self.steps % 256 == 0 and time.process_time() > self.end):
            raise Exhausted()
        method = getattr(self, "on_" + type(node).__name__, None)
        return method(node, st) if method else self.others(node, st)

    def others(self, node, st) -> Value:
        """An expression of no special meaning: its marks are those of its parts."""
        found = UNKNOWN
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.expr):
                found = found.marked(st.deep(self.ev(child, st)))
        return found._replace(ident=fresh())

    def on_Constant(self, node, st):
        return constant(node.value)

    def on_Name(self, node, st):
        if node.id in st.names:
            return st.names[node.id]
        for scope in self.frame.scopes:
            if node.id in scope:
                return scope[node.id]
        if node.id in self.frame.module.names:
            return self.frame.module.names[node.id]
        if node.id == "__name__":
            return constant("__main__" if self.frame.module.is_main else self.frame.module.name)
        return Value(name=node.id)

    def on_NamedExpr(self, node, st):
        value = self.ev(node.value, st)
        self.assign(node.target, value, st)
        return value

    def on_Await(self, node, st):
        return self.ev(node.value, st)

    def on_Starred(self, node, st):
        return self.element(self.ev(node.value, st), st)

    def on_Yield(self, node, st):
        self.frame.returns.append((self.ev(node.value, st), None))
        return UNKNOWN

    on_YieldFrom = on_Yield

    def on_Lambda(self, node, st):
        return Value(code=self.function(node, st))

    def on_IfExp(self, node, st):
        yes = self.refine(node.test, True, st.copy())
        no = self.refine(node.test, False, st.copy())
        self.ev(node.test, st)
        if yes is None or no is None:
            return self.ev(node.orelse if yes is None else node.body, st)
        return join(self.ev(node.body, yes), self.ev(node.orelse, no))

    def on_BoolOp(self, node, st):
        values = []
        for each in node.values:
            value = self.ev(each, st)
            if value.single:
                truth = bool(value.constants[0])
                if truth == isinstance(node.op, ast.Or):
                    values.append(value)
                    break
                if each is not node.values[-1]:
                    continue
            values.append(value)
        found = values[0]
        for each in values[1:]:
            found = join(found, each)
        return found

    def on_UnaryOp(self, node, st):
        value = self.ev(node.operand, st)
        if value.single:
            one = value.constants[0]
            if isinstance(node.op, ast.Not):
                return constant(not one)
            if isinstance(node.op, ast.USub) and isinstance(one, (int, float)):
                return constant(-one)
        return UNKNOWN if isinstance(node.op, ast.Not) else Value(marks=value.marks)

    def on_Compare(self, node, st):
        left = self.ev(node.left, st)
        rights = [self.ev(each, st) for each in node.comparators]
        if len(rights) != 1:
            return UNKNOWN
        compare = _COMPARE.get(type(node.ops[0]).__name__)
        right = self.whole(rights[0], st)
        left = self.whole(left, st)
        if compare is None or left.constants is None or right.constants is None:
            return UNKNOWN
        answers = set()
        for a in left.constants:
            for b in right.constants:
                try:
                    answers.add(bool(compare(a, b)))
                except Exception:  # what Python would raise there ends that way
                    return UNKNOWN
        return constant(answers.pop()) if len(answers) == 1 else UNKNOWN

    def whole(self, value: Value, st: State) -> Value:
        """A list of which every part is known, as a constant."""
        record = st.record(value)
        if record is None or not record.exact or record.kind not in ("list", "tuple"):
            return value
        if all(each.single for each in record.fields.values()) and len(record.fields) <= 40:
            return constant(tuple(
                record.fields[i].constants[0] for i in sorted(record.fields, key=str)))
        return value

    def on_BinOp(self, node, st):
        left, right = self.ev(node.left, st), self.ev(node.right, st)
        return self.binary(type(node.op).__name__, left, right, st)

    def binary(self, name, left, right, st) -> Value:
        if left.single and right.single:
            a, b = left.constants[0], right.constants[0]
            numbers = isinstance(a, (int, float)) and isinstance(b, (int, float))
            texts = isinstance(a, (str, bytes)) and type(a) is type(b) and name == "Add"
            filled = name == "Mod" and isinstance(a, str) and isinstance(b, (str, int))
            small = not numbers or (abs(a) < 1e12 and abs(b) < 1e12)
            if (numbers and small) or texts or (filled and len(a) < 200 and "*" not in a):
                try:
                    return constant(_BINARY[name](a, b))
                except Exception:
                    return UNKNOWN
        marks = st.deep(left) | st.deep(right)
        made = left.made if name == "Div" and left.made in tables.PATH_MAKERS else None
        if name == "Add" and st.record(left) is not None and st.record(right) is not None:
            return self.concatenated(left, right, st)
        if name not in ("Add", "Mod", "Div", "Mult") and not made:
            return Value(marks=marks) if name == "BitOr" else UNKNOWN
        prefix = left.prefix
        if name == "Add" and left.single and isinstance(left.constants[0], str):
            prefix = left.constants[0] + right.prefix
        elif name == "Mod":
            prefix = left.prefix.split("%")[0]
        if made or name == "Div":
            marks = frozenset(mark._replace(normal=False) for mark in marks)
        return Value(marks=marks, made=made, prefix=prefix[:200], ident=fresh(),
                     parts=st.pieces(left) | st.pieces(right))

    def concatenated(self, left, right, st) -> Value:
        a, b = st.record(left), st.record(right)
        if a.exact and b.exact and a.kind == b.kind and a.kind in ("list", "tuple"):
            fields = dict(a.fields)
            for i in sorted(b.fields):
                fields[len(fields)] = b.fields[i]
            return st.new(Record(a.kind, fields))
        return st.new(a.blurred(b.everything()))

    def on_JoinedStr(self, node, st):
        text, prefix, marks, parts, known = "", None, frozenset(), frozenset(), True
        for piece in node.values:
            value = self.ev(getattr(piece, "value", piece), st) if isinstance(
                piece, ast.FormattedValue) else self.ev(piece, st)
            marks |= st.deep(value)
            parts |= st.pieces(value)
            plain = getattr(piece, "format_spec", None) is None
            plain = plain and getattr(piece, "conversion", -1) == -1
            if known and value.single and plain:
                text += str(value.constants[0])[:2000]
            else:
                if known:
                    prefix = text + value.prefix
                known = False
        if known and not marks:
            return constant(text)
        return Value(marks=marks, prefix=(prefix or text)[:200], ident=fresh(), parts=parts)

    def on_List(self, node, st, kind="list"):
        fields, blurred = {}, None
        for each in node.elts:
            value = self.ev(each, st)
            if isinstance(each, ast.Starred):
                blurred = value if blurred is None else join(blurred, value)
            else:
                fields[len(fields)] = value
        record = Record(kind, fields)
        return st.new(record if blurred is None else record.blurred(blurred))

    def on_Tuple(self, node, st):
        return self.on_List(node, st, "tuple")

    on_Set = on_List

    def on_Dict(self, node, st):
        record = Record("dict", {})
        for key, each in zip(node.keys, node.values):
            value = self.ev(each, st)
            name = self.ev(key, st) if key is not None else UNKNOWN
            if key is not None and name.single and self.hashable(name.constants[0]):
                record = record._replace(fields={**record.fields, name.constants[0]: value})
            else:
                inner = Value(marks=st.deep(value) | name.marks)
                record = record._replace(rest=join(record.rest, inner), exact=False)
        return st.new(record)

    @staticmethod
    def hashable(key) -> bool:
        return isinstance(key, (str, bytes, int, float, tuple, type(None)))

    def comprehension(self, node, st, *results):
        inner = st.copy()
        for each in node.generators:
            self.assign(each.target, self.element(self.ev(each.iter, inner), inner), inner)
            for test in each.ifs:
                self.ev(test, inner)
                inner = self.refine(test, True, inner) or inner
        marks, parts = frozenset(), frozenset()
        for each in results:
            value = self.ev(each, inner)
            marks |= inner.deep(value)
            parts |= inner.pieces(value)
        kind = "dict" if len(results) == 2 else "list"
        return st.new(Record(kind, {}, Value(marks=marks, parts=parts, ident=fresh()), False))

    def on_ListComp(self, node, st):
        return self.comprehension(node, st, node.elt)

    on_SetComp = on_GeneratorExp = on_ListComp

    def on_DictComp(self, node, st):
        return self.comprehension(node, st, node.key, node.value)

    def element(self, value: Value, st: State) -> Value:
        """What a loop over it gives."""
        record = st.record(value)
        if record is not None:
            if record.kind == "dict":
                keys = [constant(key) for key in record.fields if self.hashable(key)]
                found = record.rest._replace(constants=None, ident=fresh())
            else:
                keys = list(record.fields.values())
                found = record.rest if not record.exact else None
            for each in keys:
                found = each if found is None else join(found, each)
            return UNKNOWN if found is None else found
        if value.made == "request":
            return Value(marks=self.mark("web", "request", None), ident=fresh())
        return Value(marks=value.marks, ident=fresh())

    def mark(self, reach, text, node):
        line = getattr(node, "lineno", 0) or self.line
        return frozenset([Mark(reach, line, text)])

    def on_Attribute(self, node, st):
        return self.attribute(self.ev(node.value, st), node.attr, node, st)

    def attribute(self, base: Value, attr: str, node, st: State) -> Value:
        if base.name in tables.REQUEST_NAMES or base.made == "request":
            if attr in tables.REQUEST_TRUSTED:
                return UNKNOWN
            if attr in ("path", "full_path") and self.frame.route is not None and attr == "path":
                return constant(self.frame.route)
            return Value(marks=self.mark("web", "request." + attr, node), ident=fresh())
        if base.made == "handler" and attr in tables.HANDLER_SOURCES:
            return Value(marks=self.mark("web", "self." + attr, node), ident=fresh())
        if base.made == "handler" and attr == "request":
            return Value(made="request")
        record = st.record(base)
        if record is not None and attr in record.fields:
            return record.fields[attr]
        if base.code is not None:
            found = self.member(base, attr)
            if found is not None:
                return found
        if base.name and not base.marks:
            dotted = base.name + "." + attr
            found = self.imported(dotted)
            if found is not None:
                return found
            for table, reach in ((tables.LOCAL_NAMES, "local"), (tables.ENVIRON_NAMES, "environ")):
                if dotted in table:
                    return Value(name=dotted, marks=self.mark(reach, table[dotted], node))
            return Value(name=dotted)
        if record is not None:
            return record.rest._replace(constants=None)
        if base.parsed:
            made = "url.host" if attr in tables.HOST_PARTS else "url.part"
            return Value(marks=base.marks, made=made, parsed=base.parsed, ident=fresh())
        if base.made in tables.PATH_MAKERS:
            marks = base.marks
            if attr in ("name", "stem", "suffix"):
                marks = frozenset(mark.without(frozenset(["path"])) for mark in marks)
            return Value(marks=marks, made=base.made if attr == "parent" else None, ident=fresh())
        return Value(marks=base.marks, ident=fresh() if base.marks else 0)

    def on_Subscript(self, node, st):
        base = self.ev(node.value, st)
        record = st.record(base)
        if isinstance(node.slice, ast.Slice):
            return self.sliced(base, record, node.slice, st)
        key = self.ev(node.slice, st)
        if base.name in tables.REQUEST_NAMES or base.made == "request":
            return Value(marks=self.mark("web", "request", node), ident=fresh())
        if record is not None and key.single and self.hashable(key.constants[0]):
            place = key.constants[0]
            if record.kind in ("list", "tuple") and isinstance(place, int) and place < 0:
                place += len(record.fields)
            if place in record.fields:
                return record.fields[place]
            return UNKNOWN if record.exact else record.rest._replace(constants=None)
        if record is not None:
            every = record.everything()
            return Value(marks=st.deep(base), ident=fresh(), parts=every.parts)
        if base.constants and key.constants:
            found = None
            for text in base.constants:
                for place in key.constants:
                    try:
                        one = constant(text[place])
                    except Exception:
                        return UNKNOWN
                    found = one if found is None else join(found, one)
            return found
        return Value(marks=base.marks, ident=fresh() if base.marks else 0)

    def sliced(self, base, record, node, st):
        bounds = [self.ev(each, st) if each else constant(None)
                  for each in (node.lower, node.upper, node.step)]
        if all(each.single for each in bounds):
            places = slice(*(each.constants[0] for each in bounds))
            try:
                if base.single:
                    return constant(base.constants[0][places])
                if record is not None and record.exact and record.kind in ("list", "tuple"):
                    kept = [record.fields[i] for i in sorted(record.fields)][places]
                    return st.new(Record(record.kind, dict(enumerate(kept))))
            except Exception:
                return UNKNOWN
        return Value(marks=st.deep(base), ident=fresh(), prefix="")

    def clean(self, value: Value, sinks=EVERY) -> Value:
        """The same text after something made it harmless to the sinks."""
        if not value.marks:
            return value
        marks = frozenset(mark.without(frozenset(sinks)) for mark in value.marks)
        return Value(marks=marks, prefix=value.prefix, ident=fresh(), made=value.made,
                     parts=value.parts)
