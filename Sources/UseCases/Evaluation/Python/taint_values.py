"""What the taint pass knows of a value: its possible constants, the marks of what it came from, and
what it refers to. Values never change; what changes lives in the heap of a state, as records."""

import itertools
import os
from typing import Any, Dict, FrozenSet, NamedTuple, Optional, Tuple

EVERY = frozenset(
    "code shell sql path load template ldap xpath redirect html request xml trust".split()
)
MOST_CONSTANTS = 4
LONGEST_CONSTANT = 2000

_numbers = itertools.count(1)


def fresh() -> int:
    return next(_numbers)


class Mark(NamedTuple):
    """Where untrusted data came in, and the sinks that it may no longer harm."""

    reach: str  # web: anybody; local: whoever starts the program; environ; weak: a guessable number
    line: int
    text: str
    safe: FrozenSet[str] = frozenset()
    normal: bool = False  # a path without `..` or links: comparing its beginning proves something

    def without(self, sinks: FrozenSet[str]) -> "Mark":
        return self._replace(safe=self.safe | sinks)


class Value(NamedTuple):
    constants: Optional[Tuple[Any, ...]] = None  # all that it may be, where that is known
    marks: FrozenSet[Mark] = frozenset()
    name: Optional[str] = None  # dotted: what it refers to, such as `os.system`
    made: Optional[str] = None  # dotted: what made it, such as `pathlib.Path`
    ref: Optional[int] = None  # of a record in the heap
    code: Any = None  # a function or class of the analysed sources
    prefix: str = ""  # the text that it surely begins with
    ident: int = 0  # equal for values that are the same text
    parts: FrozenSet[int] = frozenset()  # idents of the texts that stand in it
    parsed: int = 0  # ident of the text of which this is a parsed piece

    def marked(self, marks: FrozenSet[Mark]) -> "Value":
        return self if marks <= self.marks else self._replace(marks=self.marks | marks)

    @property
    def single(self) -> bool:
        return self.constants is not None and len(self.constants) == 1


UNKNOWN = Value()


def constant(value: Any) -> Value:
    if isinstance(value, (str, bytes)) and len(value) > LONGEST_CONSTANT:
        prefix = value[:200] if isinstance(value, str) else ""
        return Value(prefix=prefix)
    prefix = value if isinstance(value, str) else ""
    return Value(constants=(value,), prefix=prefix)


def same(a: Any, b: Any) -> bool:
    """Equality that keeps 1, 1.0 and True apart."""
    return type(a) is type(b) and a == b


def join_constants(a, b):
    if a is None or b is None:
        return None
    found = list(a)
    for each in b:
        if not any(same(each, other) for other in found):
            found.append(each)
    return tuple(found) if len(found) <= MOST_CONSTANTS else None


def join_marks(a: FrozenSet[Mark], b: FrozenSet[Mark]) -> FrozenSet[Mark]:
    """Of marks of one source, each is kept: what is safe on one way may not be on the other."""
    both = a | b
    if len(both) <= 12:
        return both
    merged: Dict[Tuple[str, int, str], Mark] = {}
    for mark in both:
        key = mark[:3]
        old = merged.get(key)
        merged[key] = mark if old is None else mark._replace(
            safe=mark.safe & old.safe, normal=mark.normal and old.normal)
    return frozenset(sorted(merged.values(), key=lambda m: (m.line, m.text))[:12])


def join(a: Value, b: Value) -> Value:
    if a is b or a == b:
        return a
    common = ""
    if a.prefix and b.prefix:
        common = os.path.commonprefix([a.prefix, b.prefix])
    return Value(
        constants=join_constants(a.constants, b.constants),
        marks=join_marks(a.marks, b.marks),
        name=a.name if a.name == b.name else None,
        made=a.made if a.made == b.made else (a.made or b.made),
        ref=a.ref if a.ref == b.ref else (a.ref or b.ref),
        code=a.code if a.code is b.code else (a.code or b.code),
        prefix=common,
        ident=a.ident if a.ident == b.ident else fresh(),
        parts=a.parts | b.parts if len(a.parts) + len(b.parts) < 40 else frozenset(),
        parsed=a.parsed if a.parsed == b.parsed else 0,
    )


class Record(NamedTuple):
    """A thing that can change: a list, a dictionary, an instance. `rest` stands for what lies at
    places that are not known; `exact` says that there is no such."""

    kind: str  # list, dict, object
    fields: Dict[Any, Value]
    rest: Value = UNKNOWN
    exact: bool = True

    def everything(self) -> Value:
        found = self.rest
        for value in self.fields.values():
            found = found.marked(value.marks)._replace(parts=found.parts | value.parts)
        return found

    def blurred(self, value: Value) -> "Record":
        """After something was stored at a place that is not known."""
        every = self.everything()
        rest = every.marked(value.marks)._replace(parts=every.parts | value.parts)
        return Record(self.kind, {}, rest._replace(constants=None, prefix=""), False)


def join_records(a: Record, b: Record) -> Record:
    if a is b:
        return a
    if a.kind == "list" and (len(a.fields) != len(b.fields) or not (a.exact and b.exact)):
        return a.blurred(b.everything())
    fields = {}
    for key in {**a.fields, **b.fields}:
        if key in a.fields and key in b.fields:
            fields[key] = join(a.fields[key], b.fields[key])
        else:
            only = a.fields.get(key, b.fields.get(key))
            fields[key] = only._replace(constants=None, prefix="")
    return Record(a.kind, fields, join(a.rest, b.rest), a.exact and b.exact)


class State:
    """The names and the heap at one point of a function."""

    __slots__ = ("names", "heap", "facts")
    base: Dict[int, Record] = {}  # what the modules' own bodies left behind; a state lies over it

    def __init__(self, names, heap, facts=frozenset()):
        self.names: Dict[str, Value] = names
        self.heap: Dict[int, Record] = heap
        self.facts: FrozenSet[Tuple[int, str]] = facts

    def copy(self) -> "State":
        return State(dict(self.names), dict(self.heap), self.facts)

    def new(self, record: Record, made: Optional[str] = None) -> Value:
        ref = fresh()
        self.heap[ref] = record
        return Value(ref=ref, made=made, ident=ref)

    def record(self, value: Value) -> Optional[Record]:
        if not value.ref:
            return None
        found = self.heap.get(value.ref)
        return found if found is not None else self.base.get(value.ref)

    def deep(self, value: Value, depth: int = 3) -> FrozenSet[Mark]:
        """The marks of a value and of all that lies in it."""
        record = self.record(value)
        if record is None or depth == 0:
            return value.marks
        found = value.marks | self.deep(record.rest, depth - 1)
        for each in record.fields.values():
            found |= self.deep(each, depth - 1)
        return join_marks(found, frozenset())

    def pieces(self, value: Value) -> FrozenSet[int]:
        record = self.record(value)
        own = value.parts | ({value.ident} if value.ident else frozenset())
        return own if record is None else own | record.everything().parts

    def cleanse(self, ident: int, sinks: FrozenSet[str], of: FrozenSet[Mark]) -> None:
        """Marks what a check has proved of the text `ident`, wherever it stands."""
        if not ident or not of:
            return
        sources = {mark[:3] for mark in of}

        def cleansed(value: Value) -> Value:
            if not value.marks or (value.ident != ident and ident not in value.parts):
                return value
            return value._replace(marks=frozenset(
                mark.without(sinks) if mark[:3] in sources else mark for mark in value.marks))

        for key, value in self.names.items():
            self.names[key] = cleansed(value)
        for ref, record in self.heap.items():
            if record.rest.marks or any(v.marks for v in record.fields.values()):
                self.heap[ref] = record._replace(
                    fields={k: cleansed(v) for k, v in record.fields.items()},
                    rest=cleansed(record.rest))


def join_states(a: Optional[State], b: Optional[State]) -> Optional[State]:
    if a is None or b is None:
        return b if a is None else a
    names = {}
    for key in {**a.names, **b.names}:
        if key in a.names and key in b.names:
            names[key] = join(a.names[key], b.names[key])
        else:
            names[key] = a.names.get(key, b.names.get(key, UNKNOWN))
    heap = dict(a.heap)
    for ref, record in b.heap.items():
        old = heap.get(ref) or State.base.get(ref)
        heap[ref] = record if old is None else join_records(old, record)
    for ref, record in a.heap.items():
        if ref not in b.heap and ref in State.base:
            heap[ref] = join_records(record, State.base[ref])
    return State(names, heap, a.facts & b.facts)
