"""Processes that are started, killed and started again, and HTTP to ask them."""

import json
import os
import re
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request

OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def ask(url, data=None, headers=None, timeout=10, method=None):
    """- Returns: status and JSON; an answer that refuses is an answer too."""
    body = json.dumps(data).encode() if isinstance(data, (dict, list)) else data
    request = urllib.request.Request(url, data=body, headers=headers or {}, method=method)
    try:
        with OPENER.open(request, timeout=timeout) as answer:
            return answer.status, json.loads(answer.read() or b"null")
    except urllib.error.HTTPError as error:
        with error:
            text = error.read()
        try:
            return error.code, json.loads(text or b"null")
        except ValueError:
            return error.code, {"detail": text.decode(errors="replace")}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def until(limit, what, check, pause=0.05):
    """- Returns: the first true value of `check`. - Raises: `TimeoutError`."""
    end = time.monotonic() + limit
    while True:
        value = check()
        if value:
            return value
        if time.monotonic() > end:
            raise TimeoutError(f"{what}: not within {limit} s")
        time.sleep(pause)


class Program:
    """A process that writes into a log file, over all its lives."""

    def __init__(self, name, command, env, log, ready=None, cwd=None):
        self.name, self.command, self.env, self.log = name, command, env, log
        self.ready, self.cwd = ready, cwd
        self.process = None
        self.starts = 0
        self.stopped = False

    @property
    def pid(self):
        return self.process.pid if self.process else None

    @property
    def is_up(self):
        return self.process is not None and self.process.poll() is None

    def start(self, extra=None, wait=30):
        """- Raises: `RuntimeError` where it ends before it is ready."""
        with open(self.log, "ab") as file:
            file.write(f"--- {self.name}, life {self.starts + 1}\n".encode())
            offset = file.tell()
            self.process = subprocess.Popen(
                self.command, env=self.env | (extra or {}), cwd=self.cwd,
                stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT)
        self.starts += 1
        self.stopped = False
        if self.ready is None or not wait:
            return None
        end = time.monotonic() + wait
        while time.monotonic() < end:
            said = self.said(offset)
            match = re.search(self.ready, said)
            if match:
                return match
            if not self.is_up:
                raise RuntimeError(
                    f"{self.name} ended with {self.process.returncode}: {said[-600:].strip()}")
            time.sleep(0.02)
        raise RuntimeError(f"{self.name} was not ready within {wait} s: {self.said(offset)[-600:]}")

    def said(self, offset=0):
        with open(self.log, "rb") as file:
            file.seek(offset)
            return file.read().decode(errors="replace")

    def size(self):
        return os.path.getsize(self.log) if os.path.exists(self.log) else 0

    def signal(self, number):
        if self.is_up:
            self.process.send_signal(number)

    def freeze(self):
        self.signal(signal.SIGSTOP)
        self.stopped = True

    def thaw(self):
        self.signal(signal.SIGCONT)
        self.stopped = False

    def kill(self):
        if self.process is None:
            return
        self.signal(signal.SIGKILL)
        self.process.wait()

    def end(self, limit=60):
        """SIGTERM. - Returns: exit status and seconds; it is killed after `limit`."""
        began = time.monotonic()
        self.signal(signal.SIGTERM)
        try:
            status = self.process.wait(limit)
        except subprocess.TimeoutExpired:
            self.kill()
            status = None
        return status, time.monotonic() - began
