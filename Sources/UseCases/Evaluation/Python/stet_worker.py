"""Loads the judged module and runs one text of tests, in a process of its own."""

import importlib.util
import json
import json.encoder
import os
import sys
import time
import types

import stet_guard
import stet_tell

CODE = "code"
# Taken before judged code is loaded, which can put others in their places.
_write = os.write


def _encoder():
    """JSON by the compiled encoder itself: it looks nothing up that judged code could replace."""
    make = getattr(json.encoder, "c_make_encoder", None)
    if make is None:
        return json.JSONEncoder().encode
    quoted = json.encoder.encode_basestring_ascii
    made = make(None, json.JSONEncoder().default, quoted, None, ": ", ", ", False, False, True)
    return lambda value: "".join(made(value, 0))


_encode = _encoder()


_thread_time, _process_time = time.thread_time, time.process_time
# A process with a limit of processor time has it counted by the tick alone, 4 to 10 ms long.
TICK = 0.01


def clock():
    return _thread_time(), _process_time()


def since(began):
    """Processor seconds since `clock()`: this thread's to the nanosecond, others' by the tick."""
    thread, process = _thread_time() - began[0], _process_time() - began[1]
    return max(thread, process - TICK)


class Report:
    """What the worker tells its supervisor: one line for each event, each with the token."""

    def __init__(self, descriptor, token):
        self._descriptor = descriptor
        self._token = token
        self._began = None

    def event(self, **members):
        # Processor time of each test; what measures it was taken before judged code was loaded.
        if "start" in members:
            self._began = clock()
        elif "end" in members and self._began is not None:
            members["cpu"] = since(self._began)
        line = self._token + _encode(members) + "\n"
        data = line.encode("utf-8", "backslashreplace")
        while data:
            data = data[_write(self._descriptor, data) :]

    def start(self, number):
        self.event(start=number)

    def passed(self, number, name=None):
        self.event(end=number, outcome="passed", name=name)

    def failed(self, number, detail, name=None):
        self.event(end=number, outcome="failed", detail=detail, name=name)

    def skipped(self, number, reason, name=None):
        message = "it was skipped" + (": " + stet_tell.cut(reason, 200) if reason else "")
        detail = {"kind": "skipped", "message": message, "line": None, "test_line": None}
        self.event(end=number, outcome="skipped", detail=detail, name=name)

    def broken(self, detail):
        """What kept tests from being run at all."""
        self.event(broken=detail)

    def canaries(self, kind, count, passed):
        """Of `count` tests that had to fail these passed."""
        self.event(canaries=kind, count=count, passed=passed)

    def tampered(self, message):
        self.event(tampered=message)


class Broken(Exception):
    """The judged module or the tests could not be loaded."""

    def __init__(self, detail):
        super().__init__(detail["message"])
        self.detail = detail


def module_names(path):
    """The names under which tests may import the judged file: (its own, all others)."""
    parts = path[:-3].split("/") if path.endswith(".py") else path.split("/")
    if parts[-1] == "__init__" and len(parts) > 1:
        parts.pop()
    name = parts[-1] if parts[-1].isidentifier() else "solution"
    known = getattr(sys, "stdlib_module_names", sys.builtin_module_names)
    if name in known or name in sys.modules:
        name = "solution"
    others = {"solution"}
    for first in range(len(parts) - 1):
        dotted = parts[first:]
        if all(part.isidentifier() for part in dotted) and dotted[0] not in known:
            others.add(".".join(dotted))
    return name, sorted(others - {name})


def load(path, file, where):
    """Imports the judged file as a module.

    - Raises: `Broken` with what its import came to, whatever it raised.
    """
    name, others = module_names(path)
    spec = importlib.util.spec_from_file_location(name, file)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    for other in others:
        sys.modules[other] = module
        parents = other.split(".")[:-1]
        for end in range(1, len(parents) + 1):
            package = ".".join(parents[:end])
            if package not in sys.modules:
                made = types.ModuleType(package)
                made.__path__ = []
                sys.modules[package] = made
    try:
        spec.loader.exec_module(module)
    except BaseException as error:
        detail = stet_tell.describe(error, where)
        if detail["kind"] == "exited":
            detail["message"] = "it ends the program while it is imported: " + detail["message"]
        elif isinstance(error, SyntaxError) and error.filename == file:
            detail["line"] = error.lineno
        raise Broken(detail) from None
    # A module may put another object in its own place.
    module = sys.modules.get(name, module)
    for other in others:
        sys.modules[other] = module
    return module


def public(module):
    """The names that tests without an import may use."""
    return {
        key: value
        for key, value in list(vars(module).items())
        if not key.startswith("__") and key not in ("test", "check")
    }


def settle(task):
    """Makes the process one in which judged code may run: no input, no way to our own modules.

    They go on as functions that know each other; no import finds them any more.
    """
    for name in [name for name in sys.modules if name.startswith("stet_")]:
        del sys.modules[name]
    sys.modules["__main__"] = types.ModuleType("__main__")
    read, write = os.pipe()
    os.close(write)
    os.dup2(read, 0)
    os.close(read)
    sys.stdin = open(0, encoding="utf-8", closefd=False)
    sys.argv = [task["file"]]
    sys.dont_write_bytecode = True
    here = task["folder"]
    sys.path[:] = [step for step in sys.path if step not in ("", here, os.getcwd())]
    sys.path.append(os.path.dirname(task["file"]))
    for folder in task["test_folders"]:
        sys.path.append(folder)


def run(task, source, report, skipped):
    """One text of tests, from the import of the judged code to the last canary."""
    import stet_runners  # after `Report`, which it needs

    where = stet_tell.Where(task["file"], task["code"], source["file"], source["text"])
    if source["form"] == "pytest":
        import stet_pytest

        stet_pytest.prepare()
        if source.get("hypothesis"):
            import hypothesis  # noqa: F401
    snapshot = stet_guard.Snapshot(task["code"], source["text"], source["file"])
    settle(task)
    report.event(start="import")
    module = None
    if stet_runners.needs_module(source):
        try:
            module = load(task["path"], task["file"], where)
        except Broken as broken:
            report.event(broken=broken.detail, importing=True)
            return
    report.event(end="import")
    watch(report, snapshot)
    try:
        stet_runners.run(task, source, module, report, where, skipped)
    except Broken as broken:
        report.broken(broken.detail)
    snapshot.tests_have_run()
    watch(report, snapshot)


def watch(report, snapshot):
    """Runs what must fail, and looks for what was replaced."""
    passed = stet_guard.plain()
    report.canaries("assert", len(stet_guard.PLAIN), passed)
    changed = snapshot.changed()
    if changed:
        report.tampered("it replaces " + ", ".join("`%s`" % name for name in changed))
    agreeing = snapshot.agreeing()
    if agreeing:
        report.tampered(
            "instances of %s are equal to anything, so that an assertion about them cannot fail"
            % ", ".join("`%s`" % name for name in agreeing)
        )
