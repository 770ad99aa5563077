"""The statements of the taint pass, in the order in which they run: what every way through a
function does to the values, each loop until it brings nothing new."""

import ast
from typing import List, Optional

import taint_tables as tables
from taint_values import UNKNOWN, Record, State, Value, constant, fresh, join, join_states

ROUNDS = 3


class Flow:
    def block(self, body: List[ast.stmt], st: Optional[State], seen=None) -> Optional[State]:
        for statement in body:
            if st is None:
                return None  # nothing comes here
            self.line = statement.lineno
            if seen is not None:
                seen.append(st.copy())
            method = getattr(self, "do_" + type(statement).__name__, None)
            st = method(statement, st) if method else self.plain(statement, st)
        if seen is not None and st is not None:
            seen.append(st.copy())
        return st

    def plain(self, node, st):
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.expr):
                self.ev(child, st)
        return st

    def do_Import(self, node, st):
        for each in node.names:
            name = each.name if each.asname else each.name.split(".")[0]
            st.names[each.asname or name] = Value(name=name)
        return st

    def do_ImportFrom(self, node, st):
        package = node.module or ""
        for each in node.names:
            dotted = package + "." + each.name if package else each.name
            found = self.imported(dotted)
            st.names[each.asname or each.name] = found if found is not None else Value(name=dotted)
        return st

    def do_Assign(self, node, st):
        value = self.ev(node.value, st)
        if value.marks and not value.ident:
            value = value._replace(ident=fresh())
        for target in node.targets:
            self.assign(target, value, st)
        return st

    def do_AnnAssign(self, node, st):
        if node.value is not None:
            self.assign(node.target, self.ev(node.value, st), st)
        return st

    def do_AugAssign(self, node, st):
        old = self.ev(node.target, st)
        value = self.ev(node.value, st)
        if st.record(old) is not None and st.record(value) is not None:
            self.assign(node.target, self.concatenated(old, value, st), st)
        else:
            self.assign(node.target, self.binary(type(node.op).__name__, old, value, st), st)
        return st

    def assign(self, target, value: Value, st: State) -> None:
        if isinstance(target, ast.Name):
            st.names[target.id] = value
            if tables.SECRET_NAMES.search(target.id):
                self.weak(value, target, target.id, st)
        elif isinstance(target, ast.Starred):
            self.assign(target.value, st.new(Record("list", {}, value, False)), st)
        elif isinstance(target, (ast.Tuple, ast.List)):
            record = st.record(value)
            exact = record is not None and record.exact and \
                len(record.fields) == len(target.elts)
            for i, each in enumerate(target.elts):
                part = record.fields.get(i, UNKNOWN) if exact else self.element(value, st)
                self.assign(each, part, st)
        elif isinstance(target, ast.Attribute):
            self.assign_attribute(target, value, st)
        elif isinstance(target, ast.Subscript):
            self.assign_item(target, value, st)

    def assign_attribute(self, target, value, st):
        base = self.ev(target.value, st)
        if tables.SECRET_NAMES.search(target.attr):
            self.weak(value, target, target.attr, st)
        record = st.record(base)
        if record is not None:
            st.heap[base.ref] = record._replace(fields={**record.fields, target.attr: value})
        self.keep_attribute(base, target.attr, value, st)

    def assign_item(self, target, value, st):
        base = self.ev(target.value, st)
        text = ast.unparse(target.value)[:60] if hasattr(ast, "unparse") else "it"
        last = (base.name or "").rsplit(".", 1)[-1] or getattr(
            target.value, "attr", getattr(target.value, "id", ""))
        key = UNKNOWN
        if not isinstance(target.slice, ast.Slice):
            key = self.ev(target.slice, st)
        if last == "session" and not isinstance(target.slice, ast.Slice):
            for each in (key, value):
                self.sink("trust", each, target, text, st)
        named = key.constants[0] if key.single else ""
        if tables.SECRET_NAMES.search(last) or tables.SECRET_NAMES.search(str(named)[:80]):
            self.weak(value, target, last or str(named), st)
        record = st.record(base)
        if record is None:
            return
        if key.single and self.hashable(key.constants[0]):
            place = key.constants[0]
            if record.kind in ("list", "tuple") and isinstance(place, int) and place < 0:
                place += len(record.fields)
            st.heap[base.ref] = record._replace(fields={**record.fields, place: value})
        else:
            inner = Value(marks=st.deep(value) | key.marks, parts=st.pieces(value))
            st.heap[base.ref] = record.blurred(inner) if record.kind != "object" else \
                record._replace(rest=record.rest.marked(inner.marks))

    def do_Delete(self, node, st):
        for target in node.targets:
            if isinstance(target, ast.Name):
                st.names.pop(target.id, None)
        return st

    def do_Expr(self, node, st):
        self.ev(node.value, st)
        return st

    def do_Return(self, node, st):
        value = self.ev(node.value, st) if node.value else constant(None)
        self.returned(node, value, st)
        self.frame.returns.append((value, st))
        return None

    def do_Raise(self, node, st):
        self.plain(node, st)
        return None

    def do_Assert(self, node, st):
        return self.refine(node.test, True, st)

    def do_Break(self, node, st):
        if self.frame.loops:
            self.frame.loops[-1][0].append(st)
        return None

    def do_Continue(self, node, st):
        if self.frame.loops:
            self.frame.loops[-1][1].append(st)
        return None

    def do_If(self, node, st):
        yes = self.refine(node.test, True, st.copy())
        no = self.refine(node.test, False, st.copy())
        return join_states(self.block(node.body, yes), self.block(node.orelse, no))

    def do_While(self, node, st):
        return self.loop(
            node, st, lambda at: self.refine(node.test, True, at),
            lambda at: self.refine(node.test, False, at))

    def do_For(self, node, st):
        def enter(at):
            self.assign(node.target, self.element(self.ev(node.iter, at), at), at)
            return at

        return self.loop(node, st, enter, lambda at: at)

    do_AsyncFor = do_For

    def loop(self, node, st, enter, leave):
        at, left = st, None
        breaks = []
        for _ in range(ROUNDS):
            left = join_states(left, leave(at.copy()))
            self.frame.loops.append((breaks, []))
            end = enter(at.copy())
            end = self.block(node.body, end) if end is not None else None
            continues = self.frame.loops.pop()[1]
            for each in continues:
                end = join_states(end, each)
            if end is None:
                break
            at = join_states(at.copy(), end)
        else:
            left = join_states(left, leave(at.copy()))
        left = self.block(node.orelse, left) if left is not None else None
        for each in breaks:
            left = join_states(left, each)
        return left

    def do_Try(self, node, st):
        seen: List[State] = []
        end = self.block(node.body, st.copy(), seen)
        before = st
        for each in seen:
            before = join_states(before.copy(), each)
        end = self.block(node.orelse, end)
        for handler in node.handlers:
            at = before.copy()
            if handler.name:
                at.names[handler.name] = UNKNOWN
            end = join_states(end, self.block(handler.body, at))
        if node.finalbody:
            if end is None:
                self.block(node.finalbody, before.copy())
                return None
            end = self.block(node.finalbody, end)
        return end

    do_TryStar = do_Try

    def do_With(self, node, st):
        for item in node.items:
            value = self.ev(item.context_expr, st)
            if item.optional_vars is not None:
                self.assign(item.optional_vars, value, st)
        return self.block(node.body, st)

    do_AsyncWith = do_With

    def do_Match(self, node, st):
        subject = self.ev(node.subject, st)
        left, end = st, None
        for case in node.cases:
            if left is None:
                break
            at = left.copy()
            fits = self.fits(case.pattern, subject, at)
            if fits is False:
                continue
            if case.guard is not None:
                at = self.refine(case.guard, True, at)
            end = join_states(end, self.block(case.body, at) if at is not None else None)
            if fits is True and case.guard is None:
                left = None
        return join_states(end, left)

    def fits(self, pattern, subject: Value, st) -> Optional[bool]:
        """Whether a pattern takes the subject; `None` where that is not known."""
        kind = type(pattern).__name__
        if kind == "MatchValue":
            value = self.ev(pattern.value, st)
            if subject.constants is None or not value.single:
                return None
            same = [each == value.constants[0] for each in subject.constants]
            return all(same) if all(same) or not any(same) else None
        if kind == "MatchOr":
            answers = [self.fits(each, subject, st) for each in pattern.patterns]
            if any(each is True for each in answers):
                return True
            return False if all(each is False for each in answers) else None
        if kind == "MatchAs":
            answer = True
            if pattern.pattern is not None:
                answer = self.fits(pattern.pattern, subject, st)
            if pattern.name:
                st.names[pattern.name] = subject
            return answer
        for each in ast.walk(pattern):
            name = getattr(each, "name", None) or getattr(each, "rest", None)
            if isinstance(name, str):
                st.names[name] = Value(marks=st.deep(subject), ident=fresh())
        return None

    def do_Global(self, node, st):
        return st

    do_Nonlocal = do_Pass = do_Global

    def do_FunctionDef(self, node, st):
        st.names[node.name] = Value(code=self.function(node, st))
        return st

    do_AsyncFunctionDef = do_FunctionDef

    def do_ClassDef(self, node, st):
        st.names[node.name] = Value(code=self.class_of(node, st))
        return st

    @staticmethod
    def joined(values) -> Value:
        found = None
        for value in values:
            found = value if found is None else join(found, value)
        return UNKNOWN if found is None else found
