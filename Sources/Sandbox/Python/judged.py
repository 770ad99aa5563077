"""The process that runs what is judged: it locks itself in, waits for its order, and obeys it.

Fourth of the joined files; see seccomp.py for their order. Nothing here is a secret from the code
that it runs: it was forked before its warden read the request, and holds no descriptor but its
standard three, the report's, and, in a session, the two of its cells.

The order is four bytes of big-endian length and a `marshal` of: mode, program, arguments,
environment, limits. In a session each cell is then sent the same way, as
`{"code", "number"}`, and answered by four bytes of length and JSON; a length of 0 says before that
that an interrupt has reached the cell.
"""

import ast
import atexit
import builtins
import gc
import io
import json
import linecache
import marshal
import os
import signal
import struct
import sys
import threading
import time
import traceback
import types

if "libc" not in globals():
    from confinement import (
        CHANGED_SIGNALS,
        COUNTS,
        MOST_DESCRIPTORS,
        REPORT_DESCRIPTOR,
        default_signals,
        libc,
    )

PROGRAM_NAME = "<program>"
LONGEST_TEXT = 64 << 10
WRITERS = (io.TextIOWrapper, io.BufferedWriter, io.BufferedRandom)


def read_exactly(file, count):
    """`None` at the end of the file."""
    parts = []
    while count:
        part = os.read(file, min(count, 1 << 20))
        if not part:
            return None
        parts.append(part)
        count -= len(part)
    return b"".join(parts)


def read_order(file):
    head = read_exactly(file, 4)
    text = head and read_exactly(file, struct.unpack(">I", head)[0])
    return None if text is None else marshal.loads(text)


def write_all(file, data):
    view = memoryview(data)
    while view:
        view = view[os.write(file, view) :]


def place_descriptors(ends):
    """Puts standard input, output and error, report, order, cells and the ready channel at 0 to 6
    and closes all else."""
    # First out of the way, so that no target is still the source of another.
    ends = [os.dup2(end, 64 + place) for place, end in enumerate(ends)]
    for place, end in enumerate(ends):
        os.dup2(end, place, inheritable=place <= REPORT_DESCRIPTOR)
    os.closerange(len(ends), MOST_DESCRIPTORS)


def judge(ends, settings):
    """Never returns. `settings` is the nursery's `Settings`."""
    status = 70
    try:
        os.setsid()
        place_descriptors(ends)
        order_file, cells, ready = 4, 5, 6
        default_signals(CHANGED_SIGNALS)
        # A session may be interrupted before it has a handler of its own.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        for name in ("SIGPIPE", "SIGXFSZ"):
            if hasattr(signal, name):
                signal.signal(getattr(signal, name), signal.SIG_IGN)
        os.umask(0o022)
        os.chdir(settings.folder)
        refresh_streams()
        if "numpy.random" in sys.modules:
            sys.modules["numpy.random"].seed()
        prepare_interpreter(settings.folder)
        settings.confine()
        rehearse(settings)
        gc.enable()
        os.write(ready, b"r" + struct.pack(">d", time.process_time()))
        order = read_order(order_file)
        os.close(ready)
        if order is None:
            os._exit(0)
        settings.limit_judged(order)
        replace_environment(order)
        if order["mode"] != "session":
            # As the interpreter has it when it starts.
            signal.signal(signal.SIGINT, signal.default_int_handler)
            os.close(order_file)
            os.close(cells)
        if order["mode"] == "command":
            run_command(order)
        sys.argv = ["program", *order["arguments"]]
        if order["mode"] == "session":
            run_session(order_file, cells)
        else:
            status = run_program(order["program"])
    except BaseException:
        try:
            os.write(2, traceback.format_exc().encode("utf-8", "backslashreplace"))
        except BaseException:
            pass
    finally:
        os._exit(status)


def refresh_streams():
    """Standard streams as those of a fresh interpreter in UTF-8; what cannot be written is escaped
    instead of failing. Output goes out by the line, so that what a killed run said is not lost."""
    sys.stdin = sys.__stdin__ = io.TextIOWrapper(
        open(0, "rb", closefd=False), "utf-8", "surrogateescape"
    )
    for name, file in (("stdout", 1), ("stderr", 2)):
        stream = io.TextIOWrapper(
            open(file, "wb", closefd=False), "utf-8", "backslashreplace", line_buffering=True
        )
        stream.mode = "w"
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)


def replace_environment(order):
    os.environ.clear()
    for name, value in order["environment"].items():
        os.environ[name] = value


def rehearse(settings):
    """Does once what an order will ask for: memory that a fork shares is copied when it is first
    touched, and this way that is over before anybody waits for it."""
    limits = {**dict.fromkeys(COUNTS, 1 << 40), "processor_time": 1e6}
    order = {"mode": "python", "limits": limits, "environment": settings.environment()}
    settings.limit_judged(marshal.loads(marshal.dumps(order)))
    replace_environment(order)
    remember_source(PROGRAM_NAME, "pass")
    exec(compile("pass", PROGRAM_NAME, "exec", dont_inherit=True), {})
    sys.stdout.flush()
    libc.fflush(None)


def prepare_interpreter(folder):
    sys.path.insert(0, folder)
    sys.dont_write_bytecode = True
    if "tempfile" in sys.modules:
        sys.modules["tempfile"].tempdir = None  # may have been looked for before there was one
    module = types.ModuleType("__main__")
    module.__dict__["__builtins__"] = builtins
    sys.modules["__main__"] = module


def remember_source(name, source):
    """So that tracebacks show lines of a text that is in no file."""
    linecache.cache[name] = (len(source), None, source.splitlines(True), name)


def run_program(source):
    """Python source as `__main__`. Ends the process as `python3` would, except that modules are not
    torn down, so no `__del__` runs for what is alive at the end."""
    space = sys.modules["__main__"].__dict__
    status = 0
    try:
        remember_source(PROGRAM_NAME, source)
        exec(compile(source, PROGRAM_NAME, "exec", dont_inherit=True), space)
    except SystemExit as stop:
        status = exit_status(stop)
    except KeyboardInterrupt as error:
        show_exception(error)
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        leave_threads_and_files()
        os.kill(os.getpid(), signal.SIGINT)
    except BaseException as error:
        show_exception(error)
        status = 1
    return leave_threads_and_files() or status


def exit_status(stop):
    code = stop.code
    if code is None:
        return 0
    if isinstance(code, int):
        return code & 0xFF
    try:
        print(code, file=sys.stderr)
    except BaseException:
        pass
    return 1


def leave_threads_and_files():
    """What the interpreter does before it ends. Returns 120 where output could not be written."""
    status = 0
    for action in (getattr(threading, "_shutdown", None), atexit._run_exitfuncs):
        try:
            if action is not None:
                action()
        except SystemExit as stop:
            status = exit_status(stop)
        except BaseException as error:
            show_exception(error)
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None:
                stream.flush()
        except BaseException:
            status = status or (120 if stream is sys.stdout else 0)
    flush_what_was_left_open()
    libc.fflush(None)
    return status


def flush_what_was_left_open():
    """An interpreter that ends collects what is left, and files are written then."""
    left = [each for each in gc.get_objects() if issubclass(type(each), WRITERS)]
    # A text's file is among the others and has to come after it.
    for each in sorted(left, key=lambda file: not issubclass(type(file), io.TextIOWrapper)):
        try:
            each.flush()
        except BaseException:
            pass


def own_frames_removed(trace):
    """Ours are the outermost, which called the program, and the innermost of an interrupt."""
    while trace is not None and trace.tb_frame.f_globals is globals():
        trace = trace.tb_next
    step = trace
    while step is not None:
        if step.tb_next is not None and step.tb_next.tb_frame.f_globals is globals():
            step.tb_next = None
        step = step.tb_next
    return trace


def show_exception(error):
    """As the interpreter shows one that nobody caught, with the program's own hook if it set one.
    What cannot be shown, for its size or because showing it fails, is named at least."""
    trace = own_frames_removed(error.__traceback__)
    try:
        error.__traceback__ = trace
        if sys.excepthook is not sys.__excepthook__:
            sys.excepthook(type(error), error, trace)
            return
        traceback.print_exception(type(error), error, trace)
    except SystemExit:
        pass
    except BaseException:
        try:
            text = f"{type(error).__name__} (it could not be shown)\n"
            os.write(2, text.encode("utf-8", "backslashreplace"))
        except BaseException:
            pass


def run_command(order):
    """Becomes another program; 127 where there is none, 126 where it cannot be started, as in a
    shell."""
    words = order["program"]
    status = 127
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    if "/" in words[0]:
        candidates = [words[0]]
    elif words[0] in ("python", "python3"):
        candidates = [sys.executable]
    else:
        candidates = [folder + "/" + words[0] for folder in order["environment"]["PATH"].split(":")]
    reason = "not found"
    for candidate in candidates:
        try:
            os.execve(candidate, words, order["environment"])
        except FileNotFoundError:
            if os.path.exists(candidate):
                status, reason = 126, "its interpreter was not found"
        except (OSError, ValueError) as error:
            status, reason = 126, getattr(error, "strerror", None) or str(error)
    text = f"{words[0]}: {reason}\n"
    os.write(2, text.encode("utf-8", "backslashreplace"))
    os._exit(status)


class CellRunner:
    """Runs cells in one namespace and says what each came to."""

    def __init__(self, cells):
        self.cells = cells
        self.space = sys.modules["__main__"].__dict__
        self.owner = os.getpid()
        self.is_running = False

    def interrupted(self, *_):
        # Between cells there is nothing to interrupt, and one that comes late must not hurt.
        if self.is_running and os.getpid() == self.owner:
            try:
                os.write(self.cells, bytes(4))  # no need to send it again
            except OSError:
                pass
            raise KeyboardInterrupt

    def run(self, code, number):
        value, failure = None, None
        name = f"<cell {number}>"
        try:
            signal.signal(signal.SIGINT, self.interrupted)
            remember_source(name, code)
            self.is_running = True
            try:
                value = self.value_of(code, name)
            finally:
                self.is_running = False
        except BaseException as error:
            self.is_running = False
            failure = self.describe(error)
        # Whatever the cell made of it: an interrupt that comes late ends nothing.
        signal.signal(signal.SIGINT, self.interrupted)
        if os.getpid() != self.owner:
            # A fork in the cell: the child has come back here, where only its parent belongs.
            os._exit(leave_threads_and_files() if failure is None else 1)
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except BaseException:
                pass
        libc.fflush(None)
        return {"value": value, "error": failure}

    def value_of(self, code, name):
        tree = ast.parse(code, name)
        last = None
        if tree.body and isinstance(tree.body[-1], ast.Expr):
            last = ast.Expression(tree.body.pop().value)
        if tree.body:
            exec(compile(tree, name, "exec", dont_inherit=True), self.space)
        if last is None:
            return None
        value = eval(compile(last, name, "eval", dont_inherit=True), self.space)
        if value is None:
            return None
        self.space["_"] = value
        return printable(repr(value))

    def describe(self, error):
        trace = own_frames_removed(error.__traceback__)
        kind = type(error)
        try:
            message = printable(str(error))
        except BaseException:
            message = "(its message could not be made)"
        try:
            error.__traceback__ = trace
            lines = traceback.format_exception(kind, error, trace)
            text = printable("".join(lines))
        except BaseException:
            text = f"{kind.__name__}: {message}\n"
        return {"name": printable(kind.__name__), "message": message, "traceback": text}


def printable(text):
    """Bounded, with both ends kept, and free of what UTF-8 cannot say."""
    text = str.__str__(text)
    if len(text) > LONGEST_TEXT:
        half = LONGEST_TEXT // 2
        cut = f"\n… {len(text) - 2 * half} characters left out …\n"
        text = text[:half] + cut + text[-half:]
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def run_session(order_file, cells):
    runner = CellRunner(cells)
    signal.signal(signal.SIGINT, runner.interrupted)
    while True:
        order = read_order(order_file)
        if order is None:
            os._exit(0)
        runner_limits(order)
        answer = runner.run(order["code"], order["number"])
        text = json.dumps(answer).encode("ascii")
        try:
            write_all(cells, struct.pack(">I", len(text)) + text)
        except OSError:
            os._exit(70)  # a cell has closed what it is answered by


def runner_limits(order):
    """Each cell may use as much processor time as the first."""
    try:
        import resource

        used = resource.getrusage(resource.RUSAGE_SELF)
        _, hard = resource.getrlimit(resource.RLIMIT_CPU)
        soft = int(used.ru_utime + used.ru_stime + order["processor_time"]) + 1
        resource.setrlimit(resource.RLIMIT_CPU, (min(soft, hard) if hard >= 0 else soft, hard))
    except (OSError, ValueError):
        pass
