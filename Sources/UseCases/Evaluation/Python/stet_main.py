"""Supervises the processes that run tests: their time, their end, and what they told.

This process never loads judged code. It forks one that does for each text of tests, notes what it
tells line by line, and goes on with the rest where a test hangs or ends the process.
"""

import binascii
import faulthandler
import json
import os
import platform
import re
import select
import signal
import sys
import time

MOST_HANGS = 3
SLACK = 10
MOST_ENDS = 20
LONGEST_LINE = 1 << 16


class Supervisor:
    def __init__(self, task, tell):
        self.task = task
        self.tell = tell
        self.limit = task["limit"]
        self.end = time.monotonic() + task["time"]
        self.texts = []
        self.tools = {"Python": platform.python_version()}
        self.peak = 0
        self.last_told = 0.0
        self.complete = False

    def run(self):
        for source in self.task["sources"]:
            text = {
                "path": source["path"],
                "results": [],
                "broken": [],
                "tampered": [],
                "canaries": 0,
                "unfinished": None,
                "late": False,
            }
            self.texts.append(text)
            if time.monotonic() >= self.end:
                _out_of_time(text)
                continue
            Text(self, source, text).run()
        self.complete = True
        self.report()

    def report(self):
        self.last_told = time.monotonic()
        self.tell(
            {
                "complete": self.complete,
                "texts": self.texts,
                "tools": self.tools,
                "peak": self.peak,
            }
        )

    def report_sometimes(self):
        """So that something is known where the whole run is killed."""
        if time.monotonic() - self.last_told > 0.5:
            self.report()


class Text:
    """One text of tests, in as many processes as it takes."""

    def __init__(self, supervisor, source, text):
        self.supervisor = supervisor
        self.source = source
        self.text = text
        self.done = set()
        self.hangs = 0
        self.ends = 0
        self.current = None
        self.traced = []
        self.gone = None

    def run(self):
        while True:
            finished = self.process()
            if finished or self.text["broken"] or self.text["unfinished"]:
                return
            if self.hangs >= MOST_HANGS:
                self.text["unfinished"] = "%d tests before did not end in time" % self.hangs
                return
            if self.ends >= MOST_ENDS:
                self.text["unfinished"] = "%d tests before ended the process" % self.ends
                return

    def process(self):
        token = binascii.hexlify(os.urandom(12)).decode() + " "
        read, write = os.pipe()
        sys.stdout.flush()
        child = os.fork()
        if child == 0:
            os.close(read)
            _work(self.supervisor.task, self.source, write, token, self.done)
        os.close(write)
        self.current = ("import", None)
        self.traced = []
        self.gone = None
        finished = self.listen(read, token.encode(), child)
        os.close(read)
        status, usage = self.reaped(child)
        self.supervisor.peak = max(self.supervisor.peak, usage.ru_maxrss)
        if not finished and self.current is not None:
            self.ended(status)
        self.supervisor.report_sometimes()
        return finished

    def reaped(self, child):
        """Kills what is left of it. - Returns: how it ended, of itself where it did."""
        deadline = time.monotonic() + (0 if self.current is None else 0.5)
        while self.gone is None and time.monotonic() < deadline:
            self.look(child)
            if self.gone is None:
                time.sleep(0.01)
        _kill(child, self.gone is None)
        if self.gone is None:
            _, status, usage = os.wait4(child, 0)
            self.gone = (status, usage)
        return self.gone

    def look(self, child):
        pid, status, usage = os.wait4(child, os.WNOHANG)
        if pid:
            self.gone = (status, usage)

    def listen(self, read, token, child):
        """- Returns: true where the process told that it was through."""
        buffer = b""
        grace = 0
        began = time.monotonic()
        while True:
            now = time.monotonic()
            left = min(began + self.allowed() + grace, self.supervisor.end) - now
            is_own = now >= began + self.allowed()
            if left <= 0 and not is_own:
                # The time for all of them is no fault of the test that runs.
                self.current = None
                _out_of_time(self.text)
                return False
            if left <= 0 and grace == 0:
                # It tells where it is, if it still can.
                grace = 0.3
                _signal(child, signal.SIGUSR1)
                continue
            if left <= 0:
                self.late()
                return False
            if not select.select([read], [], [], min(left, 0.2))[0]:
                # What it has started may hold the pipe open when it is gone itself.
                if self.gone is not None:
                    return False
                self.look(child)
                continue
            chunk = os.read(read, 65_536)
            if not chunk:
                return False
            buffer += chunk
            while b"\n" in buffer:
                line, _, buffer = buffer.partition(b"\n")
                if not line.startswith(token):
                    self.trace(line)
                    continue
                try:
                    event = json.loads(line[len(token) :])
                except ValueError:
                    continue
                if "start" in event or "end" in event:
                    began = time.monotonic()
                    grace = 0
                if event.get("done"):
                    self.supervisor.tools.update(event["tools"])
                    self.current = None
                    return True
                self.note(event)
            buffer = buffer[-LONGEST_LINE:]

    def allowed(self):
        """Seconds for what it does now; a tool may take its time between two tests."""
        between = self.current is not None and self.current[0] == "between"
        return self.supervisor.limit + (SLACK if between else 0)

    def trace(self, line):
        """Where it was when its time was up, as faulthandler wrote it."""
        match = re.match(rb'\s+File "(.{1,400})", line (\d+) in', line)
        if match:
            self.traced.append((os.fsdecode(match.group(1)), int(match.group(2))))

    def note(self, event):
        text = self.text
        if "start" in event:
            self.current = (event["start"], event.get("name"))
            self.traced = []
        elif event.get("end") == "import":
            self.current = ("between", None)
        elif "end" in event:
            self.current = ("between", None)
            self.result(
                event["end"],
                event.get("name"),
                event["outcome"],
                event.get("detail"),
                event.get("cpu"),
            )
        elif "broken" in event:
            self.current = ("between", None)
            text["broken"].append(dict(event["broken"], importing=event.get("importing", False)))
            if event.get("importing"):
                self.current = None
        elif "tampered" in event:
            self.tampered(event["tampered"])
        elif "canaries" in event:
            text["canaries"] += event["count"] - len(event["passed"])
            for name in event["passed"]:
                self.tampered("a test that must fail passed: %s" % name)

    def tampered(self, message):
        if message not in self.text["tampered"] and len(self.text["tampered"]) < 8:
            self.text["tampered"].append(message)

    def result(self, number, name, outcome, detail, cpu=None):
        self.text["results"].append(
            {"number": number, "name": name, "outcome": outcome, "detail": detail, "cpu": cpu}
        )
        # Parameters are told apart by their names.
        self.done.add(number if name is None or "[" not in name else name)

    def late(self):
        """The test that runs hangs."""
        number, name = self.current or ("between", None)
        line = None
        for file, at in self.traced:
            if file == self.supervisor.task["file"]:
                line = at
                break
        place = " in line %d of the code" % line if line else ""
        message = "it did not end within %g seconds%s" % (self.supervisor.limit, place)
        detail = {"kind": "timeout", "message": message, "line": line, "test_line": None}
        self.hangs += 1
        self.stopped(number, name, detail)

    def stopped(self, number, name, detail):
        self.current = None
        if number == "import":
            detail["message"] = "its import: " + detail["message"]
            self.text["broken"].append(dict(detail, importing=True))
        elif number == "between":
            detail["message"] = "between two tests: " + detail["message"]
            self.text["broken"].append(detail)
        else:
            self.result(number, name, "failed", detail)

    def ended(self, status):
        number, name = self.current
        if os.WIFSIGNALED(status):
            told = signal.strsignal(os.WTERMSIG(status)) or "a signal"
            message = "the process was ended by signal %d (%s)" % (os.WTERMSIG(status), told)
        else:
            message = "the process was ended with status %d, as os._exit does" % (
                os.WEXITSTATUS(status)
            )
        detail = {"kind": "exited", "message": message, "line": None, "test_line": None}
        self.ends += 1
        self.stopped(number, name, detail)


def _out_of_time(text):
    text["unfinished"] = "the time for all tests was up"
    text["late"] = True


def _kill(child, is_there):
    for target in (-child, child) if is_there else (-child,):
        _signal(target, signal.SIGKILL)


def _signal(target, number):
    try:
        os.kill(target, number)
    except OSError:
        pass


def _work(task, source, descriptor, token, done):
    """In the child: never returns."""
    import stet_worker

    status = 1
    try:
        os.setsid()
        report = stet_worker.Report(descriptor, token)
        here = os.environ.pop("STET_REPORT", None)
        if here is not None:
            os.close(int(here))
        # Its own thread writes it, between two steps or in the midst of one that does not end.
        faulthandler.register(signal.SIGUSR1, file=descriptor, all_threads=False)
        stet_worker.run(task, source, report, done)
        tools = {}
        for name in ("pytest", "hypothesis"):
            module = sys.modules.get(name)
            if module is not None and name in source["tools"]:
                tools[name] = str(getattr(module, "__version__", ""))[:40]
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except BaseException:
                pass
        report.event(done=True, tools=tools)
        status = 0
    except BaseException as error:
        os.write(2, ("the tests' runner failed: %r\n" % error).encode("utf-8", "replace"))
    finally:
        os._exit(status)


def main(task):
    import stet_forms  # noqa: F401  loaded before any fork
    import stet_runners  # noqa: F401

    wanted = {tool for source in task["sources"] for tool in source["tools"]}
    if "pytest" in wanted:
        import stet_pytest

        stet_pytest.prepare()
    target = int(os.environ["STET_REPORT"])

    def tell(report):
        data = (json.dumps(report) + "\n").encode("utf-8", "backslashreplace")
        while data:
            data = data[os.write(target, data) :]

    task["folder"] = folder = os.getcwd()
    task["file"] = folder + "/" + task["path"]
    task["test_folders"] = []
    for source in task["sources"]:
        source["file"] = folder + "/" + source["file"]
        holder = os.path.dirname(source["file"])
        if holder not in task["test_folders"] and holder != folder:
            task["test_folders"].append(holder)
    Supervisor(task, tell).run()
