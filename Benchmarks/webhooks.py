#!/usr/bin/env python3
"""Stet's server beside FastAPI with uvloop: signed webhooks of 20 KB, each stored durably together
with its job before it is acknowledged (SQLite, WAL, synchronous=FULL on both sides).

One run measures both by turns: webhooks stored per second over 32 connections, counted in the
database afterwards; the latency of an acknowledgement on an idle server; the time from start to the
first 200 of /healthz; the memory of an idle server. What the load generator can send to a server
that stores nothing is measured too, so that nobody takes its limit for the servers'.
Standard library only; the peer's packages go into a venv of their own in Benchmarks/out.
Then, where the product FakeGitHub is built, the same while reviews run: webhooks_busy.py.
usage: webhooks.py [--stet PATH] [--fake PATH] [--peer PYTHON] [--rounds N] [--seconds S]
                   [--no-peer] [--no-stet] [--no-busy]
"""
import argparse
import hashlib
import hmac
import json
import multiprocessing
import os
import select
import shutil
import signal
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
OUT = os.path.join(ROOT, "Benchmarks", "out")
PEER = ["fastapi==0.165.0", "uvicorn==0.54.0", "uvloop==0.23.0", "httptools==0.9.0"]
SECRET = "a-secret-of-the-benchmark"
SIZE = 20_000
CONNECTIONS = 32
PROCESSES = 2

# What Stet promises: issue "service", part F.
LIMITS = {"ack p99 ms": 10, "boot s": 0.5, "idle MB": 60}
RATIO = 3


# The webhook

def pull_request_body():
    """The parts before and after what makes a delivery one of its own: a labelled pull request."""
    api = "https://api.github.com/repos/acme/shop"
    links = {
        f"{name}_url": f"{api}/{name}{{/sha}}"
        for name in ["keys", "hooks", "events", "branches", "tags", "blobs", "refs", "trees",
                     "statuses", "languages", "stargazers", "contributors", "subscribers",
                     "commits", "comments", "contents", "compare", "merges", "archive",
                     "downloads", "issues", "pulls", "milestones", "notifications", "labels",
                     "releases", "deployments"]}

    def user(login, number):
        home = f"https://api.github.com/users/{login}"
        return {"login": login, "id": number, "node_id": f"MDQ6VXNlcj{number}",
                "avatar_url": f"https://avatars.githubusercontent.com/u/{number}?v=4",
                "url": home, "html_url": f"https://github.com/{login}", "type": "User",
                "followers_url": f"{home}/followers", "gists_url": f"{home}/gists{{/gist_id}}",
                "organizations_url": f"{home}/orgs", "repos_url": f"{home}/repos",
                "events_url": f"{home}/events{{/privacy}}", "site_admin": False}

    def repository(number):
        return {"id": number, "name": "shop", "full_name": "acme/shop", "private": True,
                "owner": user("acme", 4242), "html_url": "https://github.com/acme/shop",
                "description": "A shop.", "fork": False, "url": api, **links,
                "created_at": "2024-01-02T03:04:05Z", "updated_at": "2026-01-02T03:04:05Z",
                "pushed_at": "2026-02-03T04:05:06Z", "size": 4711, "language": "Python",
                "open_issues_count": 12, "default_branch": "main"}

    pull = {"url": f"{api}/pulls/7", "number": 7, "html_url": "https://github.com/acme/shop/pull/7",
            "state": "open", "locked": False, "title": "Count what is sold",
            "user": user("octocat", 583231), "created_at": "2026-02-03T04:05:06Z",
            "closed_at": None, "merged_at": None, "labels": [], "draft": False, "merged": False,
            "requested_reviewers": [user("reviewer", 99)], "comments": 0, "review_comments": 0,
            "commits": 1, "additions": 10, "deletions": 2, "changed_files": 1,
            "head": {"label": "acme:count", "ref": "count", "sha": "a1" * 20,
                     "user": user("acme", 4242), "repo": repository(1296269)},
            "base": {"label": "acme:main", "ref": "main", "sha": "b2" * 20,
                     "user": user("acme", 4242), "repo": repository(1296269)},
            "body": ""}
    event = {"action": "labeled", "number": 7, "label": {"id": 5, "name": "bug"},
             "repository": repository(1296269), "sender": user("octocat", 583231),
             "installation": {"id": 77}, "pull_request": pull}
    words = "the order is counted once for each line and its price is kept beside it. ".split(" ")
    text, number = [], 1
    while len(json.dumps(event)) + len(" ".join(text)) < SIZE - 160:
        number = number * 48271 % 2147483647
        text.append(words[number % len(words)] + (f" {number:x}" if number % 3 == 0 else ""))
    pull["body"] = " ".join(text)
    whole = json.dumps(event)
    if not whole.endswith("}}"):
        raise RuntimeError("the pull request must come last")
    return (whole[:-2] + ', "updated_at": "2026-02-03T04:05:07Z", "id": ').encode(), b"}}"


class Deliveries:
    """Signed requests, no two alike; the signature of the common beginning is computed once."""

    def __init__(self, path, salt):
        self.before, self.after = pull_request_body()
        self.mac = hmac.new(SECRET.encode(), self.before, hashlib.sha256)
        self.path = path
        self.salt = salt
        self.count = 0

    def next(self):
        self.count += 1
        tail = b"%d%09d" % (self.salt, self.count) + self.after
        mac = self.mac.copy()
        mac.update(tail)
        head = (
            f"POST {self.path} HTTP/1.1\r\nhost: 127.0.0.1\r\nuser-agent: GitHub-Hookshot/bench\r\n"
            f"content-type: application/json\r\naccept: */*\r\nx-github-event: pull_request\r\n"
            f"x-github-delivery: {self.salt:08x}-0000-4000-8000-{self.count:012x}\r\n"
            f"x-hub-signature-256: sha256={mac.hexdigest()}\r\n"
            f"content-length: {len(self.before) + len(tail)}\r\n\r\n").encode()
        return [head, self.before, tail]


# The load

def answer_status(data):
    """The status of one whole answer with a content-length, or 0 while it is not whole."""
    end = data.find(b"\r\n\r\n")
    if end < 0:
        return 0
    place = data[:end].lower().find(b"content-length:")
    if place < 0:
        raise RuntimeError(f"an answer without content-length: {data[:200]!r}")
    length = int(data[place + 15:end].split(b"\r\n", 1)[0])
    return int(data[9:12]) if len(data) >= end + 4 + length else 0


def connect(port):
    connection = socket.create_connection(("127.0.0.1", port))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def send(connection, parts):
    size = sum(map(len, parts))
    sent = connection.sendmsg(parts)
    if sent < size:
        connection.sendall(b"".join(parts)[sent:])


def load(port, salt, connections, seconds, result):
    """Keeps each connection busy with one request after another."""
    deliveries = Deliveries("/webhooks/github", salt)
    poll = select.epoll()
    sockets, buffers = {}, {}
    for _ in range(connections):
        connection = connect(port)
        sockets[connection.fileno()] = connection
        buffers[connection.fileno()] = b""
        poll.register(connection.fileno(), select.EPOLLIN)
    stored, others = 0, {}
    started = time.monotonic()
    ends = started + seconds
    busy = 0
    for connection in sockets.values():
        send(connection, deliveries.next())
        busy += 1
    while busy:
        for number, _ in poll.poll(10):
            data = sockets[number].recv(65536)
            if not data:
                raise RuntimeError("the server closed a connection")
            buffers[number] += data
            status = answer_status(buffers[number])
            if not status:
                continue
            buffers[number] = b""
            if status == 202:
                stored += 1
            else:
                others[status] = others.get(status, 0) + 1
            if time.monotonic() < ends:
                send(sockets[number], deliveries.next())
            else:
                busy -= 1
    result.put((stored, others, time.monotonic() - started))


def throughput(port, salt, seconds):
    """Stored webhooks per second, and how many there were."""
    context = multiprocessing.get_context("fork")
    result = context.Queue()
    workers = [
        context.Process(target=load, args=(
            port, salt * PROCESSES + number, CONNECTIONS // PROCESSES, seconds, result))
        for number in range(PROCESSES)]
    for worker in workers:
        worker.start()
    parts = [result.get(timeout=seconds + 60) for _ in workers]
    for worker in workers:
        worker.join()
    others = {}
    for _, more, _ in parts:
        others.update(more)
    if others:
        print(f"  answers that were not 202: {others}", file=sys.stderr)
    stored = sum(part[0] for part in parts)
    return stored / max(part[2] for part in parts), stored


def latencies(port, salt, seconds, per_second=50):
    """Milliseconds from the first byte sent to the whole answer, one webhook at a time."""
    deliveries = Deliveries("/webhooks/github", salt)
    connection = connect(port)
    taken = []
    next_at = time.monotonic()
    while len(taken) < seconds * per_second:
        time.sleep(max(0, next_at - time.monotonic()))
        next_at += 1 / per_second
        parts = deliveries.next()
        started = time.perf_counter()
        send(connection, parts)
        data = b""
        while not answer_status(data):
            data += connection.recv(65536)
        taken.append((time.perf_counter() - started) * 1000)
        if answer_status(data) != 202:
            raise RuntimeError(f"not stored: {data[:300]!r}")
    connection.close()
    return taken


def percentile(values, part):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))]


class Sink:
    """Answers 202 and stores nothing: what the generator itself can do."""

    def __init__(self):
        context = multiprocessing.get_context("fork")
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = self.listener.getsockname()[1]
        self.process = context.Process(target=self.serve, daemon=True)
        self.process.start()

    def serve(self):
        poll = select.epoll()
        poll.register(self.listener.fileno(), select.EPOLLIN)
        before, after = pull_request_body()
        size = len(before) + len(after) + 10
        sockets, seen = {}, {}
        while True:
            for number, _ in poll.poll():
                if number == self.listener.fileno():
                    connection, _ = self.listener.accept()
                    sockets[connection.fileno()] = connection
                    seen[connection.fileno()] = 0
                    poll.register(connection.fileno(), select.EPOLLIN)
                    continue
                data = sockets[number].recv(262144)
                if not data:
                    poll.unregister(number)
                    sockets.pop(number).close()
                    continue
                # One request at a time on a connection: whole once a body and a head have come.
                seen[number] += len(data)
                if seen[number] > size and data.endswith(after):
                    seen[number] = 0
                    sockets[number].send(b"HTTP/1.1 202 Accepted\r\ncontent-length: 2\r\n\r\n{}")

    def end(self):
        self.process.terminate()
        self.process.join()
        self.listener.close()


# The servers

def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """A server in a folder of its own, and the time it took until it said that it lives."""

    def __init__(self, name, command, environment, folder, port):
        self.name = name
        self.port = port
        self.folder = folder
        self.log = os.path.join(folder, "server.log")
        started = time.monotonic()
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                command, env=environment, cwd=folder, stdin=subprocess.DEVNULL, stdout=log,
                stderr=log, start_new_session=True)
        while not self.lives():
            if self.process.poll() is not None or time.monotonic() - started > 60:
                self.end()
                with open(self.log, encoding="utf-8", errors="replace") as log:
                    raise RuntimeError(f"{name} does not start:\n{log.read()[-3000:]}")
            time.sleep(0.001)
        self.boot = time.monotonic() - started

    def lives(self):
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=2) as connection:
                connection.sendall(
                    b"GET /healthz HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n")
                return b" 200 " in connection.recv(4096)[:20]
        except OSError:
            return False

    def megabytes(self):
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as status:
            for line in status:
                if line.startswith("VmRSS:"):
                    return int(line.split()[1]) / 1024
        raise RuntimeError("no memory figure")

    def cpu_seconds(self):
        with open(f"/proc/{self.process.pid}/stat", encoding="ascii") as stat:
            fields = stat.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def end(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(timeout=30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


def plain_environment(**more):
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "TMPDIR") if name in os.environ}
    return kept | {"GITHUB_WEBHOOK_SECRET": SECRET} | more


def start_stet(binary, folder, more=None):
    port = free_port()
    environment = plain_environment(
        HOME=folder, STET_DATA_DIR=os.path.join(folder, "data"), LLM_PROVIDER="none",
        STET_LISTEN=f"127.0.0.1:{port}", SWIFT_BACKTRACE="enable=no",
        STET_LOG_LEVEL="notice", STET_GRACE="1") | (more or {})
    return Server("stet", [binary, "serve"], environment, folder, port)


def start_peer(python, folder, groups):
    port = free_port()
    environment = plain_environment(
        HOME=folder, PEER_DATABASE=os.path.join(folder, "peer.sqlite"),
        PEER_GROUPS="1" if groups else "0", PYTHONDONTWRITEBYTECODE="1")
    command = [
        python, "-m", "uvicorn", "--app-dir", os.path.join(ROOT, "Benchmarks"), "--host",
        "127.0.0.1", "--port", str(port), "--loop", "uvloop", "--http", "httptools",
        "--no-access-log", "--log-level", "warning", "webhooks_peer:app"]
    return Server("fastapi", command, environment, folder, port)


def rows(folder, table):
    """How many rows a table has in the one SQLite file below a folder that has it."""
    for place, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(place, name)
            if name.endswith(("-wal", "-shm")) or os.path.getsize(path) == 0:
                continue
            try:
                with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as database:
                    return database.execute(f"select count(*) from {table}").fetchone()[0]
            except sqlite3.Error:
                continue
    return None


def peer_python(given):
    if given:
        return given
    home = os.path.join(OUT, "webhooks-venv")
    python = os.path.join(home, "bin", "python")
    stamp = os.path.join(home, "packages")
    wanted = "\n".join(PEER)
    if not os.path.exists(stamp) or open(stamp, encoding="ascii").read() != wanted:
        print("installing " + ", ".join(PEER), file=sys.stderr)
        shutil.rmtree(home, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", home], check=True)
        subprocess.run(
            [python, "-m", "pip", "install", "-q", "--disable-pip-version-check", *PEER],
            check=True)
        with open(stamp, "w", encoding="ascii") as file:
            file.write(wanted)
    return python


# The run

def measure_round(start, folder, salt, seconds, figures):
    """One start, one idle spell, one load; then what the database holds."""
    server = start(folder)
    try:
        figures["boot s"].append(server.boot)
        time.sleep(1.5)
        figures["idle MB"].append(server.megabytes())
        latencies(server.port, salt + 1, 0.2)
        figures["ack"] += latencies(server.port, salt + 2, min(seconds, 6))
        cpu = server.cpu_seconds()
        rate, stored = throughput(server.port, salt + 3, seconds)
        figures["CPU s"].append((server.cpu_seconds() - cpu) / seconds)
        figures["stored/s"].append(rate)
        figures["loaded MB"].append(server.megabytes())
    finally:
        server.end()
    expected = stored + 10 + int(min(seconds, 6) * 50)
    found = rows(folder, "deliveries")
    if found != expected:
        raise RuntimeError(f"{server.name} acknowledged {expected} and holds {found}")
    figures["rows"].append(found)


def print_table(names, results):
    median = statistics.median
    lines = [
        ("webhooks stored per second", "stored/s", median, "{:,.0f}"),
        ("acknowledged, idle, p50 ms", "ack", lambda values: percentile(values, 0.5), "{:.2f}"),
        ("acknowledged, idle, p99 ms", "ack", lambda values: percentile(values, 0.99), "{:.2f}"),
        ("start to first 200, s", "boot s", median, "{:.3f}"),
        ("memory idle, MB", "idle MB", median, "{:.1f}"),
        ("memory after the load, MB", "loaded MB", median, "{:.1f}"),
        ("CPU seconds per second of load", "CPU s", median, "{:.2f}"),
    ]
    values = {}
    # Each ratio is the first column to another.
    print(f"{'':34}" + "".join(f"{name:>17}" for name in names) + f"{'ratios':>14}")
    for title, key, summary, form in lines:
        row = [summary(results[name][key]) for name in names]
        values[title] = dict(zip(names, row))
        ratios = "  ".join(f"{row[0] / other:.2f}" for other in row[1:])
        print(f"{title:34}" + "".join(f"{form.format(value):>17}" for value in row)
              + f"{ratios:>14}")
    return values


def sign(payload):
    return "sha256=" + hmac.new(SECRET.encode(), payload, hashlib.sha256).hexdigest()


def measure_busy(binary, fake):
    """Prints the figures taken while reviews run, and returns what is not as promised."""
    import webhooks_busy

    before, after = pull_request_body()
    with tempfile.TemporaryDirectory(dir=OUT) as folder:
        figures = webhooks_busy.measure(
            lambda place, more: start_stet(binary, place, more), fake, folder,
            before + b"1" + after, sign, latencies, percentile)
    print(f"\n{webhooks_busy.REVIEWS} reviews by {webhooks_busy.WORKERS} workers:")
    for name, value in figures.items():
        print(f"  {name:32}{value:>10.3g}")
    return [f"{name} is {figures[name]:.3g}, promised below {limit}"
            for name, limit in webhooks_busy.LIMITS.items() if figures[name] >= limit]


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--stet", default=os.path.join(ROOT, ".build/release/stet"))
    options.add_argument("--peer", help="a Python that has FastAPI, uvicorn and uvloop")
    options.add_argument("--fake", default=os.path.join(ROOT, ".build/release/FakeGitHub"))
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--seconds", type=float, default=6)
    options.add_argument("--no-peer", action="store_true")
    options.add_argument("--no-stet", action="store_true")
    options.add_argument("--no-busy", action="store_true")
    chosen = options.parse_args()
    starters = {}
    if not chosen.no_stet:
        binary = os.path.abspath(chosen.stet)
        starters["stet"] = lambda folder: start_stet(binary, folder)
    if not chosen.no_peer:
        python = peer_python(chosen.peer)
        starters["fastapi"] = lambda folder: start_peer(python, folder, False)
        starters["fastapi, groups"] = lambda folder: start_peer(python, folder, True)
    keys = ["stored/s", "ack", "boot s", "idle MB", "loaded MB", "CPU s", "rows"]
    results = {name: {key: [] for key in keys} for name in starters}

    sink = Sink()
    own, _ = throughput(sink.port, 900, 2)
    sink.end()
    os.makedirs(OUT, exist_ok=True)
    for turn in range(chosen.rounds):
        order = list(starters) if turn % 2 == 0 else list(reversed(starters))
        for name in order:
            with tempfile.TemporaryDirectory(dir=OUT) as folder:
                measure_round(
                    starters[name], folder, 1000 + turn * 10, chosen.seconds, results[name])
    size = sum(map(len, pull_request_body())) + 10
    print(f"{size:,} bytes each, {CONNECTIONS} connections, {chosen.rounds} rounds of "
          f"{chosen.seconds:g} s; the generator alone sends {own:,.0f} per second")
    values = print_table(list(starters), results)
    failed = []
    if "stet" in results:
        checks = {
            "ack p99 ms": values["acknowledged, idle, p99 ms"]["stet"],
            "boot s": values["start to first 200, s"]["stet"],
            "idle MB": values["memory idle, MB"]["stet"],
        }
        failed = [f"{name} is {checks[name]:.3g}, promised below {limit}"
                  for name, limit in LIMITS.items() if checks[name] >= limit]
        if "fastapi" in results:
            rates = values["webhooks stored per second"]
            if rates["stet"] < RATIO * rates["fastapi"]:
                failed.append(
                    f"stored {rates['stet'] / rates['fastapi']:.2f} times as many as FastAPI, "
                    f"promised {RATIO}")
    if "stet" in results and not chosen.no_busy:
        if os.path.exists(chosen.fake):
            failed += measure_busy(binary, os.path.abspath(chosen.fake))
        else:
            print(f"not measured while reviews run: {chosen.fake} is not built "
                  "(swift build -c release --product FakeGitHub)")
    for line in failed:
        print("NOT MET: " + line)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
