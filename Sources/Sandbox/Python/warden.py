"""The warden of one run: it stands between the run socket and the judged process, holds the
deadline, bounds what comes out, kills the whole tree, collects files, and tells the result.

Ninth of the joined files; see seccomp.py for their order. It forks the judged process before it
reads the request, so that neither nonce nor another request is ever in that one's memory.

On the run socket, both ways: one byte of type, four bytes of big-endian length, the payload.
To Swift: R ready, o and e output, V a cell's outcome, F a file, Z the result, X nothing was run.
From Swift: T the task, C a cell, I interrupt, K kill. What is silent in the brief was decided thus:
- V bears `lost_output` and `lost_error` of its cell too. Its `error.name` is `TimedOut` for a cell
  that was stopped at its limit, `Interrupted` after an I. SystemExit ends the cell alone.
- Cells that come while one runs wait for their turn, 16 at most.
- K gives a Z with `{"signaled": 9}`; the end of the socket gives nothing, for nobody listens.
- `collects` takes "." for the whole folder. A session collects nothing.
- `report` is the text of a JSON value of at most 1 MiB in UTF-8 with 100 000 values at most (commas and opening
  brackets are counted, in strings too), without NaN or Infinity.
- Frames of more than 128 MiB are refused.
"""

import collections
import json
import marshal
import os
import select
import struct
import time

if "Collection" not in globals():
    from collection import Collection, Invalid, write_files
    from confinement import COUNTS
    from request import ReportLines, Stream, Task
    from run_socket import RunSocket

LARGEST_OUTCOME = 4 << 20
# How long a cell that was interrupted at its limit may take to stop.
GRACE = 1.0
# After how long an interrupt that has not reached the cell is sent again: one that comes before the
# cell has begun, or while the interpreter is between two, is lost.
REPETITION = 0.1
# How long to wait for a reader that does not read, once all is over.
PATIENCE = 20.0


class Warden:
    """- tree: what `tree.py` of the joined files makes: the judged process and all it starts."""

    def __init__(self, channel, settings, tree):
        self.poll = select.poll()
        self.channel = RunSocket(channel, self.poll)
        self.settings = settings
        self.tree = tree
        self.output, self.error = Stream(b"o"), Stream(b"e")
        self.report = ReportLines()
        self.outcomes = bytearray()
        self.cells = collections.deque()
        self.cell = None
        self.interrupts_again = None
        self.task = None
        self.input = memoryview(b"")
        self.orders = memoryview(b"")
        self.deadline = None
        self.started = 0.0
        self.is_out_of_memory = False
        self.timed_out = self.interrupted = self.is_stopping = False

    @property
    def is_session(self):
        return self.task is not None and self.task.mode == "session"

    # The life of a run.

    def run(self):
        """From readiness to the result. Fails with `OSError` where nothing could be confined."""
        self.tree.start()
        self.rehearse()
        self.channel.send(b"R", json.dumps({"measures": self.settings.measures()}).encode())
        self.poll.register(self.tree.watched, select.POLLIN)
        os.set_blocking(self.tree.orders, False)
        for end in (self.tree.output, self.tree.error, self.tree.report, self.tree.cells):
            os.set_blocking(end, False)
            self.poll.register(end, select.POLLIN)
        while not self.channel.is_alone and not self.tree.has_ended():
            self.turn()
        self.tree.kill()
        if not self.tree.wait(PATIENCE):
            self.fail("lost", "the run could not be killed")
        elif self.task is None:
            if not self.channel.is_alone:
                self.fail("lost", "the process that was to run it ended before it was asked to")
        elif not self.channel.is_alone:
            self.tell_result()
        self.channel.flush(PATIENCE)

    def rehearse(self):
        """As the judged process does while it waits, see there."""
        limits = {**dict.fromkeys(COUNTS, 1), "time": 1.0, "processor_time": 1.0}
        fields = {"nonce": "", "mode": "python", "program": "", "limits": limits}
        marshal.dumps(self.order_of(Task(json.dumps(fields).encode())))

    def turn(self):
        wait = None
        if self.deadline is not None:
            wait = max(0.0, self.deadline - time.monotonic())
        if self.tree.needs_reaping or self.task is not None:
            wait = 0.1 if wait is None else min(wait, 0.1)
        ready = self.poll.poll(None if wait is None else int(wait * 1000) + 1)
        if self.deadline is not None and time.monotonic() >= self.deadline:
            self.deadline_passed()
        if self.interrupts_again is not None and time.monotonic() >= self.interrupts_again:
            self.interrupt()
        for file, event in ready:
            self.handle(file, event)
        self.tree.reap()
        if self.task is not None and self.tree.uses_more_than(self.task.limits["memory"]):
            self.is_out_of_memory = True
            self.tree.kill()

    def handle(self, file, event):
        tree = self.tree
        if file == self.channel.number:
            if event & select.POLLOUT:
                self.channel.write_out()
            if event & ~select.POLLOUT:
                self.read_channel()
        elif file == tree.output:
            self.pass_on(file, self.output)
        elif file == tree.error:
            self.pass_on(file, self.error)
        elif file == tree.report:
            self.read_report()
        elif file == tree.cells:
            self.read_outcomes()
        elif file == tree.input:
            self.write_input()
        elif file == tree.orders:
            self.write_orders()

    def deadline_passed(self):
        if self.cell is None or self.is_stopping:
            self.timed_out = True
            self.deadline = None
            self.tree.kill()
        else:
            self.is_stopping = True
            self.deadline = time.monotonic() + GRACE
            self.interrupt()

    def interrupt(self):
        """Until the cell says that it has been, or has ended."""
        self.tree.interrupt()
        self.interrupts_again = time.monotonic() + REPETITION

    # What comes from Swift.

    def read_channel(self):
        try:
            for kind, payload in self.channel.read_frames():
                self.obey(kind, payload)
        except Invalid as reason:
            self.give_up(str(reason))

    def obey(self, kind, payload):
        if kind == b"T" and self.task is None:
            try:
                self.begin(Task(payload))
            except Invalid as reason:
                self.give_up(str(reason))
            except OSError as error:
                self.give_up(f"the run could not be started: {error.strerror}", "lost")
        elif kind == b"K":
            self.tree.kill()
        elif kind == b"I" and self.cell is not None:
            self.interrupted = True
            self.interrupt()
        elif kind == b"C" and self.is_session and len(self.cells) < 16:
            self.cells.append(payload)
            self.next_cell()

    def begin(self, task):
        limits = task.limits
        self.tree.limit(limits)
        write_files(self.tree.folder, task.files)
        order = marshal.dumps(self.order_of(task))
        self.task = task
        self.output.begin(limits["output"])
        self.error.begin(limits["output"])
        self.started = time.monotonic()
        if task.mode != "session":
            self.deadline = self.started + limits["time"]
        self.order(order)
        self.input = memoryview(task.input)
        if self.input and task.mode != "session":
            os.set_blocking(self.tree.input, False)
            self.poll.register(self.tree.input, select.POLLOUT)
        else:
            self.tree.close_input()

    def give_up(self, reason, code="invalid"):
        """Nothing is run."""
        self.fail(code, reason)
        self.channel.flush(PATIENCE)
        self.channel.is_alone = True

    def write_input(self):
        try:
            self.input = self.input[os.write(self.tree.input, self.input[: 1 << 16]) :]
        except BlockingIOError:
            return
        except OSError:
            self.input = memoryview(b"")  # nobody reads it any more
        if not self.input:
            self.poll.unregister(self.tree.input)
            self.tree.close_input()

    def order_of(self, task):
        return {
            "mode": task.mode,
            "program": task.program,
            "arguments": task.arguments,
            "environment": {**self.settings.environment(), **task.environment},
            "limits": task.limits,
        }

    def order(self, text):
        self.orders = memoryview(bytes(self.orders) + struct.pack(">I", len(text)) + text)
        self.write_orders()

    def write_orders(self):
        """As far as the pipe takes it: hostile code may answer a cell and read no more."""
        try:
            while self.orders:
                self.orders = self.orders[os.write(self.tree.orders, self.orders) :]
        except BlockingIOError:
            self.poll.register(self.tree.orders, select.POLLOUT)
            return
        except OSError:
            self.orders = memoryview(b"")
            self.tree.kill()
        try:
            self.poll.unregister(self.tree.orders)
        except KeyError:
            pass

    # What comes from the judged process.

    def read(self, file):
        """`None` where there is nothing now; nothing at the end of the file."""
        try:
            data = os.read(file, 1 << 17)
        except BlockingIOError:
            return None
        if not data:
            try:
                self.poll.unregister(file)
            except KeyError:
                pass
        return data

    def pass_on(self, file, stream):
        data = self.read(file)
        if data:
            kept = stream.admit(data)
            if kept:
                self.channel.send(stream.kind, kept)
        return data

    def read_report(self):
        data = self.read(self.tree.report)
        if data:
            self.report.feed(data)
        return data

    def drain(self):
        """What is in the pipes now. Their other ends may still be held by something."""
        for file, stream in ((self.tree.output, self.output), (self.tree.error, self.error)):
            for _ in range(64):
                if not self.pass_on(file, stream):
                    break

    def next_cell(self):
        if self.cell is not None or not self.cells:
            return
        limits = self.task.limits
        try:
            fields = json.loads(self.cells.popleft())
            code = fields["code"].encode("utf-8", "replace").decode("utf-8")
            wanted = min(float(fields.get("time", limits["time"])), limits["time"])
        except (ValueError, KeyError, TypeError, AttributeError):
            self.give_up("a cell is not as it should be")
            return
        self.cell_number = getattr(self, "cell_number", 0) + 1
        self.output.begin(limits["output"])
        self.error.begin(limits["output"])
        self.interrupted = self.is_stopping = False
        self.cell = time.monotonic()
        self.deadline = self.cell + wanted
        self.limit_of_cell = wanted
        fields = {"code": code, "number": self.cell_number}
        self.order(marshal.dumps({**fields, "processor_time": limits["processor_time"]}))

    def read_outcomes(self):
        data = self.read(self.tree.cells)
        if not data:
            return
        self.outcomes += data
        while len(self.outcomes) >= 4:
            (length,) = struct.unpack_from(">I", self.outcomes)
            if length > LARGEST_OUTCOME or self.cell is None:
                self.tree.kill()  # not ours any more: no order is outstanding, or it is no answer
                self.outcomes.clear()
                return
            if len(self.outcomes) < 4 + length:
                return
            if length == 0:
                del self.outcomes[:4]
                self.interrupts_again = None
                continue
            text = bytes(memoryview(self.outcomes)[4 : 4 + length])
            del self.outcomes[: 4 + length]
            self.end_cell(text)

    def end_cell(self, text):
        seconds = time.monotonic() - self.cell
        try:
            answer = json.loads(text, parse_int=len, parse_float=len)
            value, error = answer.get("value"), answer.get("error")
            outcome = {"value": None if value is None else clean(value), "error": None}
            if error is not None:
                names = ("name", "message", "traceback")
                outcome["error"] = {name: clean(error[name]) for name in names}
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            self.tree.kill()
            return
        self.drain()
        failure = outcome["error"]
        if self.is_stopping:
            outcome["value"] = None
            outcome["error"] = {
                "name": "TimedOut",
                "message": f"the cell ran past its limit of {self.limit_of_cell:g} seconds",
                "traceback": failure["traceback"] if failure else "",
            }
        elif failure and self.interrupted and failure["name"] == "KeyboardInterrupt":
            failure["name"] = "Interrupted"
        outcome["seconds"] = seconds
        outcome["lost_output"], outcome["lost_error"] = self.output.lost, self.error.lost
        self.cell = self.deadline = self.interrupts_again = None
        self.channel.send(b"V", json.dumps(outcome).encode())
        self.next_cell()

    # The result.

    def tell_result(self):
        seconds = time.monotonic() - self.started
        self.drain()
        for _ in range(64):
            if not self.read_report():
                break
        left_out = {}
        if self.task.mode != "session" and self.task.collects:
            collection = Collection(self.tree.folder, self.task.limits["collected"])
            for path in self.task.collects:
                collection.collect(path)
            left_out = collection.left_out
            for path, content in collection.found:
                name = path.encode("utf-8")
                self.channel.send(b"F", struct.pack(">I", len(name)) + name + content)
        result = {
            "nonce": self.task.nonce,
            "end": self.end(),
            "lost_output": self.output.lost,
            "lost_error": self.error.lost,
            "report": self.report.last_valid(),
            "left_out": left_out,
            "seconds": seconds,
            "processor_seconds": max(0.0, self.tree.processor_seconds),
            "peak_memory": self.tree.peak_memory,
        }
        self.channel.send(b"Z", json.dumps(result).encode())

    def end(self):
        if self.timed_out:
            return "timed_out"
        if self.is_out_of_memory:
            return "out_of_memory"
        status = self.tree.status
        if status is None or os.WIFSIGNALED(status):
            number = 9 if status is None else os.WTERMSIG(status)
            if number == 9 and self.tree.killed_for_memory():
                return "out_of_memory"
            return {"signaled": number}
        return {"exited": os.WEXITSTATUS(status)}

    def fail(self, code, detail):
        self.channel.send(b"X", json.dumps({"code": code, "detail": detail}).encode())


def clean(text):
    if not isinstance(text, str):
        raise TypeError("text expected")
    return text.encode("utf-8", "replace").decode("utf-8")
