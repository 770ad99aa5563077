"""The calls of the taint pass: sources, sinks, what libraries do to what they are given, and the
functions of the analysed sources, which are followed with the very values they get."""

import ast
from typing import Dict, List, Optional

import taint_tables as tables
from taint_values import UNKNOWN, Record, State, Value, constant, fresh, join

PURE = frozenset(
    "strip lstrip rstrip lower upper title replace split rsplit join startswith endswith encode "
    "decode find index count splitlines partition capitalize isdigit isalpha".split())
MUTATORS = frozenset(
    "append add insert extend appendleft update set put write writelines setdefault push "
    "setFeature add_section __setitem__".split())


class Calls:
    def on_Call(self, node: ast.Call, st: State) -> Value:
        receiver = attr = None
        if isinstance(node.func, ast.Attribute):
            receiver, attr = self.ev(node.func.value, st), node.func.attr
            callee = self.attribute(receiver, attr, node.func, st)
        else:
            callee = self.ev(node.func, st)
        args: List[Value] = [self.ev(each, st) for each in node.args]
        named: Dict[str, Value] = {}
        for each in node.keywords:
            named[each.arg or "**"] = self.ev(each.value, st)
        text = ast.unparse(node.func)[:60] if hasattr(ast, "unparse") else attr or "a call"
        if callee.code is not None:
            return self.called(callee, receiver, args, named, node, st)
        if callee.name is not None and (receiver is None or not receiver.marks):
            return self.library(callee.name, args, named, node, text, st)
        if callee.name in tables.ENVIRON_NAMES or (
                receiver is not None and receiver.name in tables.ENVIRON_NAMES):
            return Value(marks=receiver.marks, ident=fresh())
        if receiver is not None:
            return self.method(receiver, attr, args, named, node, text, st)
        return Value(marks=self.given(args, named, st), ident=fresh())

    def given(self, args, named, st):
        marks = frozenset()
        for each in list(args) + list(named.values()):
            marks |= st.deep(each)
        return marks

    # Functions of the analysed sources.

    def called(self, callee, receiver, args, named, node, st) -> Value:
        code = callee.code
        name = getattr(code, "name", "")
        sinks = tables.named_sanitiser(name) if name else None
        if sinks and args:
            marks = frozenset(m.without(sinks) for m in self.given(args, named, st))
            return Value(marks=marks, ident=fresh(), parts=st.pieces(args[0]))
        return self.invoke(callee, args, named, node, st)

    # Functions of libraries.

    def library(self, name, args, named, node, text, st) -> Value:
        first = args[0] if args else next(iter(named.values()), UNKNOWN)
        self.reach_library(name, args, named, node, text, st)
        if name in tables.LOCAL_SOURCES:
            return Value(marks=self.mark("local", tables.LOCAL_SOURCES[name], node), ident=fresh())
        if name in tables.ENVIRON_SOURCES:
            return Value(marks=self.mark("environ", tables.ENVIRON_SOURCES[name], node),
                         ident=fresh())
        if tables.WEAK_NUMBERS.match(name):
            return Value(marks=self.mark("weak", name + "()", node), ident=fresh())
        if name.startswith("sys.argv"):
            return Value(marks=self.mark("local", "sys.argv", node), ident=fresh())
        if name in tables.CLEAN_CALLS:
            if name == "len" and first.single and isinstance(first.constants[0], (str, bytes)):
                return constant(len(first.constants[0]))
            weak = frozenset(m for m in self.given(args, named, st) if m.reach == "weak")
            return Value(marks=weak)
        if name in tables.SANITISERS:
            sinks = tables.SANITISERS[name]
            return self.clean(Value(marks=self.given(args, named, st), ident=fresh(),
                                    parts=st.pieces(first)), sinks)
        if name in tables.UNDOING:
            return Value(marks=frozenset(m._replace(safe=frozenset()) for m in first.marks),
                         ident=fresh())
        if name in tables.NORMALISERS:
            return Value(marks=frozenset(m._replace(normal=True) for m in first.marks),
                         ident=fresh(), parts=st.pieces(first))
        if name in tables.URL_PARSERS:
            return Value(marks=first.marks, parsed=first.ident, ident=fresh(), made="url")
        if name in ("str", "copy.copy", "copy.deepcopy", "typing.cast", "os.fspath", "repr"):
            value = args[-1] if args else constant("")
            if name == "str" and value.single and isinstance(value.constants[0], (str, int)):
                return constant(str(value.constants[0]))
            record = st.record(value)
            return value._replace(made=None, marks=st.deep(value)) if record is None or \
                name != "str" else Value(marks=st.deep(value), ident=fresh())
        return self.other_library(name, args, named, first, st)

    def other_library(self, name, args, named, first, st) -> Value:
        marks = self.given(args, named, st)
        parts = frozenset()
        for each in args:
            parts |= st.pieces(each)
        if name in tables.NO_PAGE:
            return Value(marks=frozenset(m.without(frozenset(["html"])) for m in marks),
                         made="answer", ident=fresh())
        if name in ("flask.make_response", "make_response", "flask.Response", "Response"):
            kind = named.get("mimetype", named.get("content_type", UNKNOWN))
            record = st.record(first)
            body = record.fields.get(0, first) if record and record.kind == "tuple" else first
            other = kind.single and "html" not in str(kind.constants[0])
            marks = st.deep(body)
            if other:
                marks = frozenset(m.without(frozenset(["html"])) for m in marks)
            return Value(marks=marks, made="flask.Response", ident=fresh())
        if name in ("list", "tuple", "set", "sorted", "reversed", "iter", "frozenset"):
            record = st.record(first)
            listed = record is not None and record.kind in ("list", "tuple")
            if listed and name in ("list", "tuple"):
                return st.new(record._replace(kind=name))
            return st.new(Record("list", {}, Value(marks=marks, ident=fresh(), parts=parts), False))
        if name == "dict":
            record = st.record(first)
            if args and record is not None and record.kind == "dict":
                return st.new(record)
            return st.new(Record("dict", dict(named), Value(marks=marks if args else frozenset()),
                                 not args))
        if name == "re.compile":
            return Value(made=name, prefix=first.prefix if first.single else "")
        if name in ("os.path.join", "posixpath.join") or name in tables.PATH_MAKERS:
            made = name if name in tables.PATH_MAKERS else None
            marks = frozenset(m._replace(normal=False) for m in marks)
            if len(args) == 1:
                return Value(marks=marks, made=made, ident=first.ident or fresh(),
                             parts=parts, prefix=first.prefix)
            return Value(marks=marks, made=made, ident=fresh(), parts=parts, prefix=first.prefix)
        if name == "getattr" and len(args) >= 2 and args[1].single:
            return self.attribute(first, str(args[1].constants[0]), None, st)
        sinks = tables.named_sanitiser(name)
        if sinks:
            return Value(marks=frozenset(m.without(sinks) for m in marks), ident=fresh(),
                         parts=parts)
        if name in tables.PARSED_ARGUMENTS:
            return Value(made=name)
        asked = any(v.made == "request" or v.name in tables.REQUEST_NAMES for v in args)
        if asked and tables.WRAPPERS.search(name):
            return Value(made="request")
        if name.rsplit(".", 1)[-1][:1].isupper() or name.endswith(("parser", "connect")):
            return st.new(Record("object", {}, Value(marks=marks, parts=parts), False), made=name)
        return Value(marks=marks, made=name, ident=fresh(), parts=frozenset())

    # Methods of things.

    def method(self, receiver, attr, args, named, node, text, st) -> Value:
        first = args[0] if args else UNKNOWN
        if receiver.single and attr in PURE and not named:
            known = self.pure(receiver.constants[0], attr, args, st)
            if known is not None:
                return known
        if receiver.made in ("request", "handler") or receiver.name in tables.REQUEST_NAMES:
            if attr in tables.REQUEST_TRUSTED:
                return UNKNOWN
            if receiver.made != "handler" or attr in tables.HANDLER_CALLS:
                return Value(marks=self.mark("web", "request." + attr + "()", node), ident=fresh())
        self.reach_method(receiver, attr, args, named, node, text, st)
        if receiver.made in tables.PARSED_ARGUMENTS and attr in ("parse_args", "parse_known_args"):
            return Value(marks=self.mark("local", "the command line", node), ident=fresh())
        record = st.record(receiver)
        if record is not None:
            found = self.stored(receiver, record, attr, args, named, st)
            if found is not None:
                return found
        marks = receiver.marks | self.given(args, named, st)
        if attr in tables.CLEAN_METHODS:
            return Value(marks=frozenset(m for m in marks if m.reach == "weak"))
        if attr == "resolve" and receiver.made in tables.PATH_MAKERS:
            return Value(marks=frozenset(m._replace(normal=True) for m in marks),
                         made=receiver.made, ident=fresh(), parts=receiver.parts)
        if attr == "joinpath" or (receiver.made in tables.PATH_MAKERS and attr.startswith("with_")):
            return Value(marks=marks, made=receiver.made, ident=fresh(), parts=st.pieces(first))
        if attr in ("replace", "translate") and receiver.marks:
            return self.replaced(receiver, args, st)
        if attr in ("join", "format", "format_map"):
            parts = frozenset()
            for each in list(args) + list(named.values()):
                parts |= st.pieces(each)
            prefix = receiver.prefix.split("{")[0] if attr == "format" else ""
            if attr == "join" and st.record(first) is not None and 0 in st.record(first).fields:
                prefix = st.record(first).fields[0].prefix
            return Value(marks=marks, ident=fresh(), prefix=prefix, parts=parts)
        if attr in ("strip", "lstrip", "rstrip", "decode", "encode", "lower", "upper", "casefold",
                    "read", "readline", "as_posix", "__str__"):
            return Value(marks=marks, ident=receiver.ident or fresh(), parts=receiver.parts)
        if not receiver.marks and tables.LOOKUPS.match(attr):
            return UNKNOWN
        return Value(marks=marks, ident=fresh())

    @staticmethod
    def pure(text, attr, args, st) -> Optional[Value]:
        record = st.record(args[0]) if args else None
        if attr == "join" and record is not None and record.exact:
            values = [record.fields[i] for i in sorted(record.fields, key=str)]
            if not all(each.single for each in values):
                return None
            plain = [[each.constants[0] for each in values]]
        elif all(each.single for each in args):
            plain = [each.constants[0] for each in args]
        else:
            return None
        try:
            found = getattr(text, attr)(*plain)
        except Exception:
            return None
        if isinstance(found, (list, tuple)):
            return st.new(Record("list", {i: constant(x) for i, x in enumerate(found[:50])}))
        return constant(found)

    def replaced(self, receiver, args, st) -> Value:
        marks = receiver.marks
        gone = args[0].constants[0] if args and args[0].single else None
        if isinstance(gone, str):
            sinks = set()
            if gone in ("'", '"'):
                sinks = {"xpath", "sql"}
            elif gone == "..":
                sinks = {"path"}
            elif gone in ("/", "\\"):
                sinks = {"path"}
            elif gone == "<":
                sinks = {"html"}
            marks = frozenset(m.without(frozenset(sinks)) for m in marks)
        if len(args) > 1:
            marks |= st.deep(args[1])
        return Value(marks=marks, ident=fresh())

    def stored(self, receiver, record, attr, args, named, st) -> Optional[Value]:
        """What a list, a dictionary or a thing that keeps values under keys does."""
        def put(changed):
            st.heap[receiver.ref] = changed
            return UNKNOWN

        keys = [each.constants[0] for each in args if each.single and self.hashable(
            each.constants[0])]
        if record.kind in ("list", "tuple"):
            fields = [record.fields[i] for i in sorted(record.fields)]
            if attr == "append" and record.exact and args and len(fields) < 200:
                return put(Record("list", {**record.fields, len(fields): args[0]}))
            if attr == "pop" and record.exact and fields and (not args or keys):
                place = keys[0] if args else -1
                if isinstance(place, int) and -len(fields) <= place < len(fields):
                    gone = fields.pop(place)
                    put(Record("list", dict(enumerate(fields))))
                    return gone
            if attr == "insert" and record.exact and len(args) == 2 and args[0].single:
                if isinstance(args[0].constants[0], int):
                    fields.insert(args[0].constants[0], args[1])
                    return put(Record("list", dict(enumerate(fields))))
            if attr == "clear":
                return put(Record("list", {}))
        elif attr in ("get", "pop") and args:
            place = keys[0] if keys and record.kind == "dict" else tuple(keys)
            asked = args[:1] if record.kind == "dict" else args
            if len(keys) >= len(asked) and (place in record.fields):
                return record.fields[place]
            if record.kind == "dict" and record.exact and keys:
                return args[1] if len(args) > 1 else constant(None)
            if record.kind == "object" and record.fields and len(keys) == len(args):
                return record.rest._replace(constants=None)
        elif record.kind == "dict" and attr == "update" and args:
            other = st.record(args[0])
            if other is not None and other.kind == "dict":
                return put(Record("dict", {**record.fields, **other.fields},
                                  join(record.rest, other.rest), record.exact and other.exact))
        elif record.kind == "object" and attr in ("set", "put", "__setitem__") and len(args) >= 2:
            places = args[:-1]
            if all(each.single and self.hashable(each.constants[0]) for each in places):
                key = tuple(each.constants[0] for each in places)
                return put(record._replace(fields={**record.fields, key: args[-1]}))
        marks = self.given(args, named, st)
        if attr in MUTATORS and args:
            inner = Value(marks=marks)
            for each in args:
                inner = inner._replace(parts=inner.parts | st.pieces(each))
            if record.kind == "object":
                rest = record.rest.marked(marks)
                return put(record._replace(rest=rest._replace(
                    parts=rest.parts | inner.parts, constants=None)))
            return put(record.blurred(inner))
        if attr in ("values", "items", "keys", "copy", "getvalue", "read", "getbuffer"):
            every = record.everything()
            if attr == "copy":
                return st.new(record)
            if attr == "getvalue":
                return Value(marks=st.deep(receiver), parts=every.parts, ident=fresh())
            return st.new(Record("list", {}, Value(
                marks=st.deep(receiver), parts=every.parts, ident=fresh()), False))
        if record.kind == "object" and attr not in tables.CLEAN_METHODS:
            if marks and not tables.LOOKUPS.match(attr) and attr not in tables.METHOD_SINKS and \
                    attr not in ("set_cookie", "search"):
                st.heap[receiver.ref] = record._replace(rest=record.rest.marked(marks))
            else:
                marks = frozenset()
            return Value(marks=record.rest.marks | marks, ident=fresh())
        return None

    # Where data must not arrive.

    def chosen(self, places, args, named) -> List[Value]:
        found = []
        for place in places:
            if isinstance(place, int):
                if place < len(args):
                    found.append(args[place])
            elif place in named:
                found.append(named[place])
        return found

    def reach_library(self, name, args, named, node, text, st) -> None:
        if name in tables.SINKS:
            sink, places = tables.SINKS[name]
            for value in self.chosen(places, args, named):
                self.sink(sink, value, node, text, st)
        if name in tables.YAML_LOADS and args:
            loader = args[1] if len(args) > 1 else named.get("Loader", UNKNOWN)
            if (loader.name or "").rsplit(".", 1)[-1] not in tables.SAFE_LOADERS:
                self.sink("load", args[0], node, text, st)
        if name in tables.PROCESSES:
            self.process(args, named, node, text, st)
        if name in tables.XML_READERS and args:
            parser = args[1] if len(args) > 1 else named.get("parser", UNKNOWN)
            record = st.record(parser)
            if record is not None and record.fields.get("external") == constant(True):
                self.sink("xml", args[0], node, text, st)
        weak = tables.HASHES.get(name)
        if name == "hashlib.new" and args and args[0].single:
            weak = str(args[0].constants[0]).lower()
        security = named.get("usedforsecurity", UNKNOWN)
        if weak in tables.WEAK_HASHES and security != constant(False):
            self.found(node, "weak-hash", 328, "medium",
                       f"{weak} is broken: what it protects can be forged. Use sha256, or say "
                       "usedforsecurity=False where nothing rests on it.")

    def process(self, args, named, node, text, st) -> None:
        command = args[0] if args else named.get("args", UNKNOWN)
        shell = named.get("shell", constant(False))
        record = st.record(command)
        if shell.constants != (False,):
            self.sink("shell", command, node, text, st)
        elif record is not None and record.kind in ("list", "tuple") and record.fields:
            program = record.fields.get(0, UNKNOWN)
            self.sink("shell", program, node, text, st)
            names = {str(each).rsplit("/", 1)[-1] for each in program.constants or ()}
            if names & tables.SHELLS:
                self.sink("shell", command, node, text, st)
        elif record is None:
            self.sink("shell", command, node, text, st)

    def reach_method(self, receiver, attr, args, named, node, text, st) -> None:
        if attr in tables.METHOD_SINKS:
            sink, places = tables.METHOD_SINKS[attr]
            for value in self.chosen(places, args, named):
                self.sink(sink, value, node, text, st)
        if attr == "search" and self.frame.module.uses("ldap", "ldap3") and len(args) >= 2:
            self.sink("ldap", args[1], node, text, st)
        elif attr == "search" and "search_filter" in named:
            self.sink("ldap", named["search_filter"], node, text, st)
        if attr in tables.PATH_METHODS and receiver.made in tables.PATH_MAKERS:
            self.sink("path", receiver, node, text, st)
        if receiver.made in ("lxml.etree.XPath", "re.compile"):
            return
        if attr in ("find", "findall", "iterfind", "findtext") and args and \
                receiver.made and "etree" in receiver.made.lower():
            self.sink("xpath", args[0], node, text, st)
        if attr == "setFeature" and len(args) == 2:
            record = st.record(receiver)
            feature = args[0].name or (args[0].constants or ("",))[0]
            if record is not None and "external" in str(feature):
                st.heap[receiver.ref] = record._replace(
                    fields={**record.fields, "external": args[1]})
        if attr == "set_cookie":
            secure = named.get("secure", constant(False))
            if secure in (constant(False), constant(None)):
                self.found(node, "insecure-cookie", 614, "low",
                           "The cookie is set without secure=True: it travels in the clear.")
            if len(args) > 1 or "value" in named:
                value = named.get("value", args[1] if len(args) > 1 else UNKNOWN)
                self.weak(value, node, "a cookie", st)
        if attr in ("set", "__setitem__") and receiver.name in (
                "flask.session", "session") and args:
            self.sink("trust", args[0], node, text, st)
