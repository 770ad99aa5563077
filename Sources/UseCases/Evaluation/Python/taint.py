"""Follows data from where anybody can send it to where it must not arrive unchecked.

`analyse(source, modules)` reads one module; functions of its own and of the modules given with it
are followed with the very values that each call hands them. Nothing is run. The answer is a list of
findings and whether the work set for the pass sufficed."""

import ast
import time
from typing import Any, Dict, List, Optional, Tuple

import taint_tables as tables
from taint_calls import Calls
from taint_expressions import Exhausted, Expressions
from taint_flow import Flow
from taint_guards import Guards
from taint_scopes import Class, Frame, Function, Module
from taint_values import UNKNOWN, Mark, Record, State, Value, constant, fresh, join, join_states

STEPS = 600_000
SECONDS = 2.0
DEEPEST = 7
SEVERITIES = ("low", "medium", "high")


class Machine(Flow, Calls, Guards, Expressions):
    def __init__(self, source: str, modules: Dict[str, str], steps: int = STEPS):
        self.steps, self.line = steps, 1
        self.end = time.process_time() + SECONDS
        State.base = {}
        self.sources = modules
        self.modules: Dict[str, Optional[Module]] = {}
        self.main = Module("__judged__", source, True)
        self.findings: Dict[Tuple[int, str], dict] = {}
        self.waiting: List[Function] = []
        self.classes: List[Class] = []
        self.stack: List[Any] = []
        self.known: Dict[Any, tuple] = {}  # answers of calls that nothing untrusted goes into
        self.frame = Frame(self.main)

    # Findings.

    def found(self, node, rule, cwe, severity, message, source_line=None) -> None:
        if not self.frame.module.is_main:
            return
        key = (getattr(node, "lineno", self.line), rule)
        old = self.findings.get(key)
        if old is None or SEVERITIES.index(severity) > SEVERITIES.index(old["severity"]):
            self.findings[key] = {
                "line": key[0], "rule": rule, "cwe": cwe, "severity": severity,
                "message": message, "from": source_line}

    def sink(self, sink: str, value: Value, node, text: str, st: State) -> None:
        rule, cwe, verb, severities = tables.RULES[sink]
        fixed = value.prefix
        if sink in ("redirect", "request") and value.constants is None:
            fixed_host = fixed.startswith(("http://", "https://")) and "/" in fixed[8:]
            inner = fixed.startswith("/") and len(fixed) > 1 and fixed[1] not in "/\\"
            if fixed_host or (inner and sink == "redirect"):
                return
        worst: Optional[Tuple[int, Mark, str]] = None
        for mark in st.deep(value):
            if sink in mark.safe or mark.reach == "weak":
                continue
            severity = severities[("web", "local", "environ").index(mark.reach)]
            if severity is None:
                continue
            rank = SEVERITIES.index(severity)
            if worst is None or (rank, -mark.line) > (worst[0], -worst[1].line):
                worst = (rank, mark, severity)
        if worst is not None:
            mark = worst[1]
            how = "" if sink in ("html", "trust", "xml") else " unchecked"
            self.found(node, rule, cwe, worst[2],
                       f"What {mark.text} gives in line {mark.line} {verb} {text}{how}.",
                       mark.line)

    def weak(self, value: Value, node, where: str, st: State) -> None:
        for mark in st.deep(value):
            if mark.reach == "weak":
                self.found(node, "weak-random", 330, "medium",
                           f"{mark.text} in line {mark.line} can be guessed, and {where} rests on "
                           "it. Use the module secrets.", mark.line)
                return

    def returned(self, node, value: Value, st: State) -> None:
        if tables.SECRET_NAMES.search(self.frame.name):
            self.weak(value, node, "what " + self.frame.name + " returns", st)
        if not self.frame.page:
            return
        record = st.record(value)
        if record is not None and record.kind in ("list", "dict"):
            return  # sent as JSON
        if record is not None and record.kind == "tuple":
            value = record.fields.get(0, UNKNOWN)
        self.sink("html", value, node, "what the handler returns", st)

    # Modules.

    def imported(self, dotted: str) -> Optional[Value]:
        """A module of the sources given, or what such a one defines."""
        if dotted in self.sources:
            self.run_module(dotted)
            return None
        package, _, last = dotted.rpartition(".")
        module = self.run_module(package) if package in self.sources else None
        if module is None:
            return None
        return module.names.get(last)

    def run_module(self, name: str) -> Optional[Module]:
        if name not in self.modules:
            try:
                self.modules[name] = Module(name, self.sources[name], False)
            except (SyntaxError, ValueError, RecursionError, MemoryError):
                self.modules[name] = None
        module = self.modules[name]
        if module is not None and module.state == 0:
            self.run_body(module)
        return module

    def run_body(self, module: Module) -> None:
        module.state = 1
        outer, self.frame = self.frame, Frame(module)
        end = self.block(module.tree.body, State(module.names, {}))
        if end is not None:
            module.names = end.names
            State.base.update(end.heap)
        self.frame = outer
        module.state = 2

    # Functions and classes.

    def scopes_of(self, st: State):
        inner = (st.names,) if self.frame.node is not None else ()
        return inner + tuple(self.frame.scopes)

    def function(self, node, st: State, owner=None) -> Function:
        heap = st.heap if self.frame.node is not None else {}
        made = Function(node, self.frame.module, self.scopes_of(st), heap, owner)
        if self.frame.module.is_main and not isinstance(node, ast.Lambda):
            if not any(each.node is node for each in self.waiting):
                self.waiting.append(made)
        return made

    def class_of(self, node: ast.ClassDef, st: State) -> Class:
        bases = [self.ev(each, st) for each in node.bases]
        made = Class(node, self.frame.module, {}, bases)
        inner = State(dict(st.names), st.heap)
        for statement in node.body:
            if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef)):
                made.members[statement.name] = Value(code=self.function(statement, st, made))
            else:
                before = dict(inner.names)
                inner = self.block([statement], inner) or inner
                for name, value in inner.names.items():
                    if before.get(name) is not value:
                        made.members[name] = value
        if self.frame.module.is_main:
            self.classes.append(made)
        return made

    def member(self, base: Value, attr: str) -> Optional[Value]:
        """A method or a class's own value, seen from a class or an instance."""
        code = base.code
        if not isinstance(code, Class):
            return None
        found = code.find(attr)
        if found is None:
            return code.kept.get(attr)
        if isinstance(found.code, Function) and base.ref:
            bound = Function(found.code.node, found.code.module, found.code.scopes,
                             found.code.heap, found.code.owner)
            bound.receiver = base
            return Value(code=bound)
        return found

    def keep_attribute(self, base: Value, attr: str, value: Value, st: State) -> None:
        if isinstance(base.code, Class):
            old = base.code.kept.get(attr)
            flat = Value(marks=st.deep(value), made=value.made, name=value.name, ident=fresh())
            base.code.kept[attr] = flat if old is None else join(old, flat)

    def invoke(self, callee: Value, args, named, node, st: State) -> Value:
        code = callee.code
        if isinstance(code, Class):
            made = st.new(Record("object", {}))._replace(code=code)
            maker = code.find("__init__")
            if maker is not None and isinstance(maker.code, Function):
                self.invoke(self.member(made, "__init__"), args, named, node, st)
            elif not maker:
                fields = [n for n, v in code.members.items() if not v.code]
                st.heap[made.ref] = Record(
                    "object", {**dict(zip(fields, args)), **named},
                    Value(marks=self.given(args, named, st)), False)
            return made
        if not isinstance(code, Function) or len(self.stack) >= DEEPEST or \
                self.stack.count(code.node) > 1:
            return Value(marks=self.given(args, named, st), ident=fresh())
        values = ([code.receiver] if code.receiver is not None else []) + list(args)
        key = self.plain_call(code, values, named, st)
        if key in self.known:
            return self.recalled(self.known[key], values, named, st)
        before = dict(st.heap)
        inner = State(self.bound(code.node, values, named, st), {**code.heap, **st.heap})
        outer, line = self.frame, self.line
        self.frame = Frame(code.module, code.scopes, outer.depth + 1, code.node, outer.route,
                           False, code.name)
        self.stack.append(code.node)
        try:
            value, end = self.body(code.node, inner)
        finally:
            self.stack.pop()
            self.frame, self.line = outer, line
        if end is not None:
            if key is not None:
                self.known[key] = (value, end.record(value), end.deep(value))
            st.heap = self.reachable(before, end, value)
        return value

    def plain_call(self, code, values, named, st: State):
        """What a call is known by where nothing untrusted goes into it; `None` where it does."""
        parts = [id(code.node), len(values)]
        for name, value in [("", each) for each in values] + sorted(named.items()):
            if value.made in ("request", "handler") or st.deep(value):
                return None
            if value.name in tables.REQUEST_NAMES or (value.code and not value.ref):
                return None
            known = tuple((type(each), each) for each in value.constants or ())
            parts.append((name, known, value.name, value.made, id(value.code), bool(value.ref)))
        try:
            hash(tuple(parts))
        except TypeError:
            return None
        return tuple(parts)

    def recalled(self, known, values, named, st: State) -> Value:
        """The answer of such a call again. What it may have changed is no longer exact."""
        for each in list(values) + list(named.values()):
            record = st.record(each)
            if record is not None:
                loose = {k: v._replace(constants=None, prefix="") for k, v in record.fields.items()}
                st.heap[each.ref] = record._replace(fields=loose, exact=False) \
                    if record.kind == "object" else record.blurred(UNKNOWN)
        value, record, marks = known
        if record is None:
            return value
        made = st.new(Record(record.kind, {}, Value(marks=marks), False))
        return made._replace(code=value.code, made=value.made)

    @staticmethod
    def reachable(before, end: State, value: Value):
        """The heap after a call: what was there, and what can still be come by."""
        kept = {ref: end.heap.get(ref, record) for ref, record in before.items()}
        waiting = [value.ref]
        for ref, record in kept.items():
            if record is not before[ref]:
                waiting += [each.ref for each in record.fields.values()] + [record.rest.ref]
        while waiting:
            ref = waiting.pop()
            if ref and ref in end.heap and ref not in kept:
                record = kept[ref] = end.heap[ref]
                waiting += [each.ref for each in record.fields.values()] + [record.rest.ref]
        return kept

    def body(self, node, st: State):
        if isinstance(node, ast.Lambda):
            return self.ev(node.body, st), st
        end = self.block(node.body, st)
        values = [value for value, _ in self.frame.returns]
        if end is not None:
            values.append(constant(None))
        for _, each in self.frame.returns:
            end = join_states(end, each)
        kept = [v for v in values if v.constants != (None,)] or values
        return self.joined(kept), end

    def bound(self, node, values, named, st: State) -> Dict[str, Value]:
        arguments = node.args
        names = {}
        places = [each.arg for each in
                  list(getattr(arguments, "posonlyargs", [])) + arguments.args]
        defaults = dict(zip(reversed(places), reversed(arguments.defaults)))
        for each, default in zip(arguments.kwonlyargs, arguments.kw_defaults):
            if default is not None:
                defaults[each.arg] = default
        for name, value in zip(places, values):
            names[name] = value
        for name in places + [each.arg for each in arguments.kwonlyargs]:
            if name in named:
                names[name] = named[name]
            elif name not in names:
                names[name] = self.ev(defaults[name], st) if name in defaults else UNKNOWN
        if arguments.vararg:
            more = values[len(places):]
            names[arguments.vararg.arg] = st.new(Record("tuple", dict(enumerate(more))))
        if arguments.kwarg:
            more = {k: v for k, v in named.items() if k not in names}
            names[arguments.kwarg.arg] = st.new(Record("dict", more))
        return names

    # Ways in.

    def enter(self, code: Function) -> None:
        """Follows a function as if called from outside."""
        node, st = code.node, State({}, dict(code.heap))
        self.frame = Frame(code.module, code.scopes, 0, node, name=code.name)
        handler, page, route = self.handler(code, st)
        self.frame.page, self.frame.route = page, route
        names = self.bound(node, [], {}, st)
        places = list(getattr(node.args, "posonlyargs", [])) + node.args.args
        for i, each in enumerate(places + node.args.kwonlyargs):
            note = ast.unparse(each.annotation) if each.annotation is not None and \
                hasattr(ast, "unparse") else ""
            if i == 0 and code.owner is not None and each.arg in ("self", "cls"):
                own = st.new(Record("object", dict(code.owner.kept)))
                made = "handler" if code.owner.is_view else None
                names[each.arg] = own._replace(code=code.owner, made=made)
            elif each.arg in ("request", "req") or note.rsplit(".", 1)[-1] in (
                    "Request", "HttpRequest", "HTTPConnection"):
                names[each.arg] = Value(made="request")
            elif handler and not note.startswith(("int", "float", "bool", "UUID")) and \
                    "Depends" not in ast.unparse(node.args):
                names[each.arg] = Value(
                    marks=self.mark("web", "the parameter " + each.arg, each), ident=fresh())
        st.names = names
        self.stack = [node]
        self.block(node.body, st)

    def handler(self, code: Function, st: State):
        """Whether a function answers requests, whether its answer is a page, and its one path."""
        node = code.node
        routes, decorated = [], False
        for each in node.decorator_list:
            call = each if isinstance(each, ast.Call) else None
            func = call.func if call else each
            if isinstance(func, ast.Attribute) and func.attr in tables.ROUTES and call:
                decorated = True
                first = call.args[0] if call.args else None
                routes.append(first.value if isinstance(first, ast.Constant) else None)
        view = code.owner is not None and code.owner.is_view and node.name in tables.VIEW_METHODS
        first = next(iter(node.args.args), None)
        lambda_ = node.name in ("lambda_handler",) and first is not None
        django = first is not None and first.arg == "request" and code.module.uses("django")
        page = (decorated or view) and not any(
            code.module.uses(each) for each in tables.JSON_FRAMEWORKS)
        route = None
        if len(routes) == 1 and isinstance(routes[0], str) and not set("<{:*") & set(routes[0]):
            route = routes[0]
        return decorated or view or lambda_ or django, page, route

    def analyse(self) -> bool:
        """Each function has a share of the work, so that a large one leaves some to the others."""
        complete, total = self.within(self.steps, lambda: self.run_body(self.main)), self.steps
        for _ in range(2 if self.classes else 1):
            place = 0
            while place < len(self.waiting):
                code = self.waiting[place]
                place += 1
                share = min(total, max(total // 10, 20_000))
                complete = self.within(share, lambda code=code: self.enter(code)) and complete
                total -= share - max(self.steps, 0)
        return complete

    def within(self, steps: int, work) -> bool:
        self.steps = steps
        try:
            work()
        except (Exhausted, RecursionError):
            return False
        finally:
            self.stack = []
        return True


def analyse(source: str, modules: Optional[Dict[str, str]] = None, steps: int = STEPS):
    machine = Machine(source, modules or {}, steps)
    complete = machine.analyse()
    found = sorted(machine.findings.values(), key=lambda each: (each["line"], each["rule"]))
    return found, complete
