"""What was asked for, checked, and what is kept of what a run says.

Sixth of the joined files; see seccomp.py for their order.
"""

import base64
import collections
import json

if "Invalid" not in globals():
    from collection import Invalid, steps_of
    from confinement import COUNTS

LARGEST_REPORT = 1 << 20
# Small values are what makes a report costly to read: it takes a hundred times its text.
MOST_VALUES = 100_000


# What reading a task that is not as it should be can raise.
WRONG = (ValueError, KeyError, TypeError, AttributeError, RecursionError, OverflowError)


class Task:
    """A request, checked. Raises `Invalid`."""

    def __init__(self, payload):
        try:
            fields = json.loads(payload)
            self.nonce = str(fields["nonce"])
            self.mode = fields["mode"]
            self.program = fields.get("program", "")
            self.arguments = [str(word) for word in fields.get("arguments", [])]
            self.files = [
                (file["path"], base64.b64decode(file["content"], validate=True))
                for file in fields.get("files", [])
            ]
            self.input = base64.b64decode(fields.get("input", ""), validate=True)
            self.environment = {str(k): str(v) for k, v in fields.get("environment", {}).items()}
            self.collects = [str(path) for path in fields.get("collects", [])]
            limits = fields["limits"]
            self.limits = {name: int(limits[name]) for name in COUNTS}
            self.limits["time"] = float(limits["time"])
            self.limits["processor_time"] = float(limits["processor_time"])
        except WRONG as error:
            raise Invalid(f"the task is not as it should be: {type(error).__name__}") from None
        self.check()

    def check(self):
        if self.mode not in ("python", "command", "session"):
            raise Invalid("the mode is none of python, command and session")
        words = self.program if self.mode == "command" else [self.program]
        if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
            raise Invalid("the program is not as its mode asks")
        if self.mode == "command" and (not words or not words[0]):
            raise Invalid("the command has no program")
        texts = [*self.environment, *self.environment.values(), *self.arguments]
        if self.mode == "command":
            texts += words
        if any("\0" in text for text in texts):
            raise Invalid("an argument or a variable holds a zero byte")
        if any(not name or "=" in name for name in self.environment):
            raise Invalid("the name of a variable is empty or holds an equals sign")
        for path, _ in self.files:
            steps_of(path)
        for name, value in self.limits.items():
            # The kernel counts seconds as nanoseconds, and wraps.
            if not 0 <= value <= (1 << 50 if name in COUNTS else 1e6):
                raise Invalid(f"the limit of {name} is out of range")


class Stream:
    """Output or error: what may still be passed on, and what was lost."""

    def __init__(self, kind):
        self.kind = kind
        self.left = 0
        self.lost = 0

    def begin(self, most):
        self.left, self.lost = most, 0

    def admit(self, data):
        kept = data[: self.left]
        self.left -= len(kept)
        self.lost += len(data) - len(kept)
        return kept


class ReportLines:
    """The last lines of the report pipe. They are looked at when the run is over, newest first."""

    def __init__(self):
        self.lines = collections.deque()
        self.size = 0
        self.partial = bytearray()
        self.is_skipping = False

    def feed(self, data):
        *lines, rest = data.split(b"\n")
        for line in lines:
            self.extend(line)
            self.end_line()
        self.extend(rest)

    def extend(self, part):
        if self.is_skipping or len(self.partial) + len(part) > LARGEST_REPORT:
            self.is_skipping = True
            self.partial.clear()
        else:
            self.partial += part

    def end_line(self):
        line, self.partial = bytes(self.partial), bytearray()
        if line.strip() and not self.is_skipping:
            self.lines.append(line)
            self.size += len(line) + 64
            while self.size > LARGEST_REPORT + 64:
                self.size -= len(self.lines.popleft()) + 64
        self.is_skipping = False

    def last_valid(self):
        self.end_line()
        while self.lines:
            line = self.lines.pop()
            if sum(map(line.count, (b",", b"[", b"{"))) > MOST_VALUES:
                continue
            try:
                text = line.decode("utf-8")
                # Numbers are left as they stand: making them could take for ever.
                json.loads(text, parse_int=len, parse_float=len, parse_constant=refuse)
                return text
            except (ValueError, RecursionError):
                continue
        return None


def refuse(name):
    raise ValueError(name)
