"""What a test proves of the values in it: `if ".." in name: return` makes `name` a harmless path
for what follows."""

import ast
import re
from typing import Optional

from taint_values import EVERY, State, Value

QUOTES = frozenset(["sql", "xpath", "ldap"])
PLAIN = re.compile(r"^(isalnum|isalpha|isdigit|isdecimal|isnumeric|isidentifier)$")
CHECKS = {
    "url_has_allowed_host_and_scheme": frozenset(["redirect", "request"]),
    "is_safe_url": frozenset(["redirect", "request"]),
    "is_relative_to": frozenset(["path"]),
}


class Guards:
    def refine(self, test: ast.AST, truth: bool, st: State) -> Optional[State]:
        """The state where the test came out so; `None` where it cannot."""
        if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
            return self.refine(test.operand, not truth, st)
        if isinstance(test, ast.BoolOp):
            if isinstance(test.op, ast.And) == truth:  # every part came out so
                for part in test.values:
                    st = self.refine(part, truth, st)
                    if st is None:
                        return None
                return st
            possible = None
            for part in test.values:
                if self.refine(part, truth, st.copy()) is not None:
                    possible = st
            return possible
        value = self.ev(test, st)
        if value.single and bool(value.constants[0]) != truth:
            return None
        if isinstance(test, ast.Compare) and len(test.ops) == 1:
            self.compared(test, truth, st)
        elif isinstance(test, ast.Call):
            self.asked(test, truth, st)
        return st

    def proves(self, value: Value, sinks, st: State) -> None:
        if value.parsed and value.made == "url.host":
            st.cleanse(value.parsed, frozenset(["redirect", "request"]), value.marks)
        st.cleanse(value.ident, frozenset(sinks), value.marks)

    def compared(self, test: ast.Compare, truth: bool, st: State) -> None:
        op, left, right = test.ops[0], test.left, test.comparators[0]
        positive = isinstance(op, (ast.In, ast.Eq, ast.Is)) == truth
        if isinstance(op, (ast.In, ast.NotIn)):
            holder = self.ev(right, st)
            asked = self.ev(left, st)
            if positive:
                if asked.marks and not st.deep(holder):  # one of a set that nobody outside chose
                    self.proves(asked, EVERY, st)
            elif asked.single and isinstance(asked.constants[0], str):
                self.lacks(right, holder, asked.constants[0], st)
        elif isinstance(op, (ast.Eq, ast.NotEq)) and positive:
            for one, other in ((left, right), (right, left)):
                value, fixed = self.ev(one, st), self.ev(other, st)
                if value.marks and not st.deep(fixed):
                    self.proves(value, EVERY, st)
                if self.is_call(one, "commonpath", "commonprefix", "dirname"):
                    self.beneath(one, st)
        elif isinstance(op, (ast.Is, ast.IsNot)) and isinstance(left, ast.Call):
            nothing = isinstance(right, ast.Constant) and right.value is None
            if nothing and isinstance(op, ast.IsNot) == truth:
                self.asked(left, True, st)
        if isinstance(op, (ast.GtE, ast.NotEq, ast.Gt)) and isinstance(left, ast.Call):
            return

    def lacks(self, node, holder: Value, text: str, st: State) -> None:
        """`text` does not stand in the value."""
        if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Slice):
            whole = self.ev(node.value, st)
            if text in ("'", '"') and whole.ident:
                ends = {(whole.ident, "starts" + text), (whole.ident, "ends" + text)}
                if ends <= st.facts:  # a plain string literal, no more
                    self.proves(whole, ["code"], st)
            return
        if ".." in text or text in ("/", "\\"):
            self.proves(holder, ["path"], st)
        if text in ("'", '"'):
            self.proves(holder, QUOTES - {"ldap"}, st)
        if text in ("(", ")", "*", "&"):
            self.proves(holder, ["ldap"], st)
        if text in ("<", "&lt;"):
            self.proves(holder, ["html"], st)
        if text in ("://", "//", ":"):
            self.proves(holder, ["redirect"], st)
        if text in ("{", "{{"):
            self.proves(holder, ["template"], st)

    @staticmethod
    def is_call(node, *names) -> bool:
        func = getattr(node, "func", None)
        last = getattr(func, "attr", getattr(func, "id", None))
        return isinstance(node, ast.Call) and last in names

    def beneath(self, call: ast.Call, st: State) -> None:
        for each in ast.walk(call):
            if isinstance(each, (ast.Name, ast.Attribute)):
                value = self.ev(each, st)
                if any(mark.normal for mark in value.marks):
                    self.proves(value, ["path"], st)

    def asked(self, call: ast.Call, truth: bool, st: State) -> None:
        """What the answer of a call proves of its receiver or its argument."""
        func = call.func
        last = getattr(func, "attr", getattr(func, "id", ""))
        if isinstance(func, ast.Attribute):
            receiver = self.ev(func.value, st)
            if truth and PLAIN.match(last) and not call.args:
                self.proves(receiver, EVERY, st)
            if last in ("startswith", "endswith") and call.args and truth:
                self.begins(receiver, last, call, st)
            if truth and last == "is_relative_to" and any(m.normal for m in receiver.marks):
                self.proves(receiver, ["path"], st)
            if not truth and last == "startswith" and call.args:
                begin = self.ev(call.args[0], st)
                if begin.single and begin.constants[0] in ("http", "//", "http://"):
                    return
        if last in CHECKS and truth and call.args and last != "is_relative_to":
            self.proves(self.ev(call.args[0], st), CHECKS[last], st)
        if last == "isinstance" and truth and len(call.args) == 2:
            names = {getattr(each, "id", None) for each in ast.walk(call.args[1])}
            names.discard(None)
            if names and names <= {"int", "float", "bool", "complex"}:
                self.proves(self.ev(call.args[0], st), EVERY, st)
        if last in ("match", "fullmatch", "search") and truth:
            self.matched(call, last, st)

    def begins(self, value: Value, last: str, call, st: State) -> None:
        begin = self.ev(call.args[0], st)
        text = begin.constants[0] if begin.single else None
        if isinstance(text, str) and text in ("'", '"') and value.ident:
            side = "starts" if last == "startswith" else "ends"
            st.facts = st.facts | {(value.ident, side + text)}
        if last != "startswith":
            return
        if value.marks and any(mark.normal for mark in value.marks):
            self.proves(value, ["path"], st)
        host = isinstance(text, str) and re.match(r"https?://[^/]+/", text)
        if host:
            self.proves(value, ["redirect", "request"], st)

    def matched(self, call: ast.Call, last: str, st: State) -> None:
        arguments = [self.ev(each, st) for each in call.args]
        func = call.func
        if len(arguments) >= 2 and arguments[0].single:
            pattern, value = arguments[0].constants[0], arguments[1]
        elif len(arguments) == 1 and isinstance(func, ast.Attribute):
            made = self.ev(func.value, st)
            pattern = made.prefix if made.made == "re.compile" else None
            value = arguments[0]
        else:
            return
        if not isinstance(pattern, str) or not value.marks:
            return
        ends = pattern.endswith(("$", r"\Z")) or last == "fullmatch"
        starts = pattern.startswith(("^", r"\A")) or last in ("match", "fullmatch")
        inner = re.sub(r"\\.|\[[^^\]][^\]]*\]", "", pattern.strip("^$"))
        if ends and starts and "." not in inner and "[^" not in pattern and r"\S" not in pattern:
            self.proves(value, EVERY, st)
