"""A forge, Stet's processes before it, deliveries that arrive all the while, and the account."""

import base64
import os
import pathlib
import queue
import shutil
import sqlite3
import subprocess
import tempfile
import threading
import time

from chaos.forge import Forge, Standing
from chaos.postgres import Cluster
from chaos.programs import Program, ask, free_port, until
from chaos.proxy import Network, Proxy

SENDERS = 4
# Kept short, so that a soft stop under a handler that does not end shows what it does in time.
GRACE = 5
# Seconds. No look back is planned for so late a time by a clock that is right.
FAR_AHEAD = 600


class Stet(Program):
    """A `stet serve` or `stet worker` with proxies of its own to the forge and the database."""

    def __init__(self, world, name, role):
        self.role = role
        self.folder = world.folder / name
        self.folder.mkdir(mode=0o700)
        self.forge = Proxy(world.network, "127.0.0.1", world.forge.port)
        self.database = None
        env = {
            "PATH": os.environ["PATH"], "HOME": str(self.folder), "LC_ALL": "C.UTF-8",
            "STET_DATA_DIR": str(world.data or self.folder),
            "GITHUB_API_URL": f"http://127.0.0.1:{self.forge.port}", "GITHUB_APP_ID": "4711",
            "GITHUB_APP_PRIVATE_KEY": str(world.forge.private),
            "GITHUB_WEBHOOK_SECRET": world.forge.secret, "LLM_PROVIDER": "none",
            "STET_GRACE": str(GRACE), "STET_REQUESTS_PER_MINUTE": "100000",
            "SWIFT_BACKTRACE": "enable=no"}
        self.url = None
        if role == "serve":
            port = free_port()
            self.url = f"http://127.0.0.1:{port}"
            env["STET_LISTEN"] = f"127.0.0.1:{port}"
        if world.cluster:
            self.database = Proxy(world.network, "127.0.0.1", world.cluster.port)
            env |= {"DATABASE_URL": world.cluster.url(self.database.port),
                    "STET_SECRET_KEY": world.key}
        super().__init__(name, [world.options.stet, role], env, world.logs / f"{name}.log",
                         ready=r"serves on http" if role == "serve" else None)


class World:
    def __init__(self, options, engine, name, disk=0, rate=None):
        """- Parameter disk: MiB of a file system of its own for the database; 0: a plain folder."""
        self.options, self.engine, self.name = options, engine, name
        self.rate = rate or options.rate
        self.logs = pathlib.Path(options.out) / f"{engine}-{name}"
        shutil.rmtree(self.logs, ignore_errors=True)
        self.logs.mkdir(parents=True)
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix=f"stet-chaos-{engine}-"))
        self.folder.chmod(0o755)
        self.key = base64.b64encode(os.urandom(32)).decode()
        self.network = Network()
        self.data = self.cluster = None
        self.disk = self.folder / "disk"
        self.disk.mkdir()
        if disk:
            subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={disk}m", "stet-chaos",
                            self.disk], check=True)
        self.has_disk = bool(disk)
        self.forge = Forge(options.fake, self.folder, self.logs / "forge.log")
        if engine == "sqlite":
            self.data = self.disk / "data"
            self.data.mkdir(mode=0o700)
            roles = {"server": "serve"}
        else:
            self.cluster = Cluster(self.disk, self.logs / "postgresql.log", small=bool(disk))
            roles = {"server-1": "serve", "server-2": "serve", "worker": "worker"}
        self.stets = {name: Stet(self, name, role) for name, role in roles.items()}
        self.servers = [stet for stet in self.stets.values() if stet.role == "serve"]

        self.lock = threading.Lock()
        self.deliveries = []
        self.by_key = {}
        self.refusals = 0
        self.duplicates = 0
        self.broken = []
        self.doubled_for = {}
        self.waiting = queue.Queue()
        self.is_sending = threading.Event()
        self.is_over = threading.Event()
        self.threads = []

    # Life

    def start(self):
        for stet in self.stets.values():
            stet.start()
        for work in [self.pace, self.watch] + [self.send] * SENDERS:
            thread = threading.Thread(target=self.guarded, args=(work,), daemon=True)
            thread.start()
            self.threads.append(thread)
        self.is_sending.set()
        return self

    def guarded(self, work):
        while not self.is_over.is_set():
            try:
                return work()
            except Exception as error:  # It is told of, and the load goes on.
                self.broken.append(f"{work.__name__}: {error!r}")
                time.sleep(0.5)

    def close(self):
        self.is_over.set()
        for stet in self.stets.values():
            if stet.stopped:
                stet.thaw()
            stet.kill()
        self.forge.program.kill()
        if self.cluster:
            self.cluster.forget()
            self.cluster.stop("immediate")
        for thread in self.threads:
            thread.join(10)
        self.network.close()
        if self.has_disk:
            subprocess.run(["umount", "-l", self.disk], check=False)
        shutil.rmtree(self.folder, ignore_errors=True)

    # Deliveries

    def pace(self):
        due = time.monotonic()
        while not self.is_over.is_set():
            due = max(due + 1 / self.rate, time.monotonic() - 1)
            time.sleep(max(0, due - time.monotonic()))
            if self.is_sending.is_set() and self.waiting.qsize() < 200:
                self.deliver(self.forge.next_delivery())

    def deliver(self, delivery, poisoned=False):
        delivery.is_poisoned = poisoned
        delivery.created_at = time.monotonic()
        with self.lock:
            self.deliveries.append(delivery)
            self.by_key[delivery.key] = delivery
        self.waiting.put(delivery)
        return delivery

    def send(self):
        """Sends what waits, again and again until it is taken, as a person would who sees a
        delivery marked as failed. Each time the other server is asked."""
        turn = 0
        while not self.is_over.is_set():
            try:
                delivery = self.waiting.get(timeout=0.2)
            except queue.Empty:
                continue
            turn += 1
            server = self.servers[turn % len(self.servers)]
            status = None
            try:
                status, answer = ask(f"{server.url}/webhooks/github", delivery.body,
                                     delivery.headers, timeout=10)
            except (OSError, ValueError):
                pass
            if status in (200, 202):
                delivery.accepted_at = time.monotonic()
                if turn % 10 == 0:
                    self.send_again(server, delivery)
                continue
            with self.lock:
                self.refusals += 1
            if status not in (None, 503):
                self.broken.append(f"a delivery was answered with {status}: {answer}")
            time.sleep(0.3)
            self.waiting.put(delivery)

    def send_again(self, server, delivery):
        try:
            status, answer = ask(f"{server.url}/webhooks/github", delivery.body, delivery.headers)
        except (OSError, ValueError):
            return
        with self.lock:
            self.duplicates += status == 200
        if status == 202:
            self.broken.append(f"the delivery {delivery.id} was accepted twice: {answer}")

    def watch(self):
        """Sees when reviews arrive, and writes that on their deliveries."""
        while not self.is_over.is_set():
            for one in self.forge.news():
                parts = one["path"].split("?")[0].strip("/").split("/")
                if (one["method"] == "POST" and one["status"] == 200 and len(parts) == 6
                        and parts[5] == "reviews"):
                    self.reviewed(("/".join(parts[1:3]).lower(), int(parts[4])))
            time.sleep(0.2)

    def reviewed(self, key):
        delivery = self.by_key.get(key)
        if delivery and delivery.reviewed_at is None:
            delivery.reviewed_at = time.monotonic()

    # How it goes

    def accepted(self, before=None, since=0):
        with self.lock:
            return [d for d in self.deliveries if d.accepted_at and not d.is_poisoned
                    and since <= d.accepted_at <= (before or float("inf"))]

    def missing(self, before=None):
        return [d for d in self.accepted(before) if d.reviewed_at is None]

    def settle(self, healed, patience):
        """Waits until all that was accepted is reviewed, and something that came later too.
        - Returns: seconds from `healed` until what was accepted before it was reviewed, and the
        first of what came after it. - Raises: `TimeoutError`."""
        now = time.monotonic()
        until(patience, "reviews of what was accepted", lambda: not self.missing(now))
        until(patience, "a review of what came later", lambda: any(
            d.reviewed_at for d in self.accepted(since=healed)))
        before = max((d.reviewed_at for d in self.accepted(healed)), default=healed)
        after = min(d.reviewed_at for d in self.accepted(since=healed) if d.reviewed_at)
        return max(0, before - healed, after - healed)

    def longest_wait(self, since, before):
        """Seconds from a delivery's acceptance to its review."""
        return max((d.reviewed_at - d.accepted_at for d in self.accepted(before, since)
                    if d.reviewed_at), default=0)

    def sql(self, text):
        """Rows of texts, of either engine; the harness's own look, never the product's."""
        if self.cluster:
            return self.cluster.sql(text)
        base = sqlite3.connect(self.data / "stet.db", timeout=10)
        try:
            with base:
                return [["" if value is None else str(value) for value in row]
                        for row in base.execute(text)]
        finally:
            base.close()

    def jobs(self, condition="true", columns="id, kind, state, attempt, errors"):
        return self.sql(f"SELECT {columns} FROM jobs WHERE {condition} ORDER BY id")

    def open_jobs(self):
        """A look back planned while a clock ran ahead is none: it waits until that clock's time."""
        return self.jobs(
            "state IN ('available', 'running', 'scheduled', 'retryable') AND NOT (kind = "
            "'reconcile-publication' AND state = 'scheduled' "
            f"AND scheduled_at > {time.time() + FAR_AHEAD})")

    def left(self):
        return [row for row in self.open_jobs() if not self.is_poisoned_job(row)]

    def standing(self, delivery):
        return Standing(self.forge.state()[delivery.repository.lower()], delivery)

    # The account

    def account(self, patience):
        """Ends the deliveries, waits until all is done, and judges every pull request."""
        self.is_sending.clear()
        problems = []
        try:
            until(patience, "the last deliveries accepted",
                  lambda: not any(d.accepted_at is None for d in self.deliveries))
            until(patience, "every review", lambda: not self.missing())
            until(patience, "no job left", lambda: not self.left(), pause=0.5)
        except (TimeoutError, RuntimeError, sqlite3.Error) as error:
            problems.append(f"{error}; left: {self.safely(self.left)}")
        state = self.forge.state()
        figures = {
            "sent": len(self.deliveries), "accepted": 0, "reviews": 0, "comments": 0,
            "checks": 0, "lost": 0, "doubled": 0, "refused": self.refusals,
            "duplicates": self.duplicates, "taken_back": 0, "spare_checks": 0}
        for delivery in self.deliveries:
            if delivery.is_poisoned:
                continue
            standing = Standing(state[delivery.repository.lower()], delivery)
            figures["accepted"] += delivery.accepted_at is not None
            figures["reviews"] += standing.reviews
            figures["comments"] += standing.comments
            figures["checks"] += standing.checks
            figures["spare_checks"] += standing.cancelled_checks + standing.agreeing_checks
            figures["taken_back"] += standing.taken_back
            if delivery.accepted_at and not standing.is_whole:
                figures["lost"] += 1
                problems.append(f"lost: {delivery.repository}#{delivery.number}: {standing}"
                                f"; {self.told(delivery)}")
            if standing.is_double:
                figures["doubled"] += 1
                problems.append(f"doubled: {delivery.repository}#{delivery.number}: {standing}"
                                f"; {self.told(delivery)}")
        problems += sorted(set(self.broken))[:20]
        figures["jobs"] = self.safely(lambda: {
            f"{kind} {state}": f"{count}, attempt up to {most}" for kind, state, count, most in
            self.sql("SELECT kind, state, count(*), max(attempt) FROM jobs GROUP BY kind, state")})
        figures["doubles_healed"] = [
            {"pull_request": f"{name}#{number}", "seconds": seconds}
            for (name, number), seconds in self.doubled_for.items()]
        return figures, problems

    def is_poisoned_job(self, row):
        return any(d.is_poisoned for d in self.deliveries)

    def told(self, delivery):
        rows = self.safely(lambda: self.jobs(
            f"arguments LIKE '%{delivery.repository.split('/')[1]}%' AND "
            f"(unique_key LIKE '%#{delivery.number} %')",
            "id, kind, state, attempt, interruptions, worker, note, errors"))
        return f"jobs {rows}"

    @staticmethod
    def safely(look):
        try:
            return look()
        except (RuntimeError, sqlite3.Error, subprocess.SubprocessError, OSError) as error:
            return f"not to be read: {error}"
