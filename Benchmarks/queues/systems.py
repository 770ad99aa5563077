"""How each system is prepared, fed, run and asked what it completed."""
import contextlib
import json
import os
import signal
import shutil
import sqlite3
import subprocess
import sys
import time

import psycopg
import redis

import tally

HERE = os.path.dirname(os.path.abspath(__file__))


class System:
    """One queue beside the others. `rate` is a guess of its jobs a second, which only decides how
    many are prepared; `concurrency` is for each worker process, the best that was found here."""
    name = ""
    peer = ""
    label = ""
    durability = "PostgreSQL, synchronous_commit=on, fsync=on"
    has_postgres = True
    # Whoever enqueues is in the process of the workers.
    is_one_process = False
    rate = 1000
    concurrency = 10

    def __init__(self, folder, postgres, concurrency=None):
        self.folder = os.path.join(folder, self.name)
        self.postgres = postgres
        os.makedirs(self.folder, exist_ok=True)
        self.concurrency = concurrency or type(self).concurrency
        self.environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
        self.workers = []
        self.log = os.path.join(self.folder, "log")

    def command(self, *arguments):
        program = os.path.join(HERE, f"peer_{self.peer or self.name}.py")
        return [sys.executable, program, *map(str, arguments)]

    def prepare(self, url):
        """Makes the schema in an empty database."""

    def fresh(self):
        """An empty queue, and an empty folder for the counts."""
        if self.has_postgres:
            url = self.postgres.fresh(f"bench_{self.name}", self.prepare)
            self.environment["DATABASE_URL"] = url
        self.counts = os.path.join(self.folder, "counts")
        shutil.rmtree(self.counts, ignore_errors=True)
        os.mkdir(self.counts)
        self.environment["BENCH_TALLY"] = self.counts

    def ask(self, *arguments, timeout=180):
        done = subprocess.run(
            self.command(*arguments), env=self.environment, capture_output=True, text=True,
            timeout=timeout, check=False)
        if done.returncode:
            raise RuntimeError(f"{self.name} {arguments}: {done.stderr[-2000:]}")
        return json.loads(done.stdout.strip().splitlines()[-1])

    @contextlib.contextmanager
    def working(self, workers):
        """Worker processes that have loaded everything; they take jobs once `open` is called."""
        with open(self.log, "ab") as log:
            self.workers = [
                subprocess.Popen(
                    command, env=self.environment, stdout=log, stderr=log, start_new_session=True)
                for command in self.worker_commands(workers)]
        try:
            self.wait_until_ready(workers)
            yield
        finally:
            for worker in self.workers:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(worker.pid, signal.SIGTERM)
            for worker in self.workers:
                try:
                    worker.wait(timeout=10)
                except subprocess.TimeoutExpired:
                    pass
                # Also children that outlive their parent.
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(worker.pid, signal.SIGKILL)
                worker.wait()
            self.workers = []

    def worker_commands(self, workers):
        return [self.command("work", self.concurrency) for _ in range(workers)]

    def processes_that_get_ready(self, workers):
        return workers

    def wait_until_ready(self, workers):
        limit = time.monotonic() + 60
        while True:
            ready = [name for name in os.listdir(self.counts) if name.startswith("ready-")]
            if len(ready) >= self.processes_that_get_ready(workers):
                return
            for worker in self.workers:
                if worker.poll() is not None or time.monotonic() > limit:
                    raise RuntimeError(f"a worker of {self.name} does not start: see {self.log}")
            time.sleep(0.01)

    def open(self):
        with open(os.path.join(self.counts, "gate"), "w", encoding="ascii"):
            pass

    def handled(self):
        return tally.read(self.counts)

    def completed(self):
        """Jobs that the store has as completed; `None` where it keeps none."""
        return None

    def one(self, statement):
        with psycopg.connect(self.environment["DATABASE_URL"], autocommit=True) as connection:
            connection.execute("SET statement_timeout = '20s'")
            return int(connection.execute(statement).fetchone()[0])


class Stet(System):
    """Worker processes of QueueBench, as `stet worker` runs them."""
    name = "stet"
    label = "Stet"
    rate = 12000
    concurrency = 500

    def __init__(self, folder, postgres, bench, concurrency=None):
        super().__init__(folder, postgres, concurrency)
        self.bench = bench

    def database(self):
        return self.environment["DATABASE_URL"]

    def command(self, command, *numbers):
        names = {
            "enqueue": ["count", "batch", "seconds"], "produce": ["rate", "seconds"],
            "work": ["concurrency", "workers"]}
        words = [self.bench, command, "--database", self.database()]
        for name, number in zip(names[command], numbers):
            words += [f"--{name}", str(number)]
        return words

    def prepare(self, url):
        subprocess.run(
            [self.bench, "migrate", "--database", url], check=True, capture_output=True)

    def completed(self):
        return self.one("SELECT count(*) FROM jobs WHERE state = 'completed'")


class StetOnSQLite(Stet):
    """One process, as SQLite wants it, with so many workers in it."""
    name = "stet-sqlite"
    label = "Stet on SQLite"
    durability = "SQLite, WAL, synchronous=FULL"
    has_postgres = False
    is_one_process = True
    rate = 8000

    def fresh(self):
        super().fresh()
        self.number = getattr(self, "number", 0) + 1
        self.path = os.path.join(self.folder, f"stet-{self.number}.db")

    def database(self):
        return self.path

    def worker_commands(self, workers):
        return [self.command("work", self.concurrency, workers)]

    def processes_that_get_ready(self, workers):
        return 1

    def completed(self):
        with contextlib.closing(sqlite3.connect(self.path)) as connection:
            return connection.execute(
                "SELECT count(*) FROM jobs WHERE state = 'completed'").fetchone()[0]


class Awa(System):
    name = "awa"
    label = "awa-pg"
    rate = 6000
    concurrency = 500

    def prepare(self, url):
        subprocess.run(
            [sys.executable, "-m", "awa", "--database-url", url, "migrate"], check=True,
            capture_output=True)
        # What the first start of a worker does in a new installation; COPY wants it before.
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("SELECT awa.storage_auto_finalize_if_fresh('awa')")

    def completed(self):
        # Completions stand in rows of many until their part of the ring is emptied.
        return self.one(
            "SELECT (SELECT coalesce(sum(completed_count), 0) FROM awa.receipt_completion_batches)"
            " + (SELECT count(*) FROM awa.done_entries)"
            " + (SELECT coalesce(sum(pruned_completed_count), 0) FROM awa.queue_terminal_rollups)")


class Procrastinate(System):
    name = "procrastinate"
    label = "procrastinate"
    rate = 500
    concurrency = 10

    def prepare(self, url):
        import procrastinate
        app = procrastinate.App(connector=procrastinate.SyncPsycopgConnector(conninfo=url))
        with app.open():
            app.schema_manager.apply_schema()

    def completed(self):
        return self.one("SELECT count(*) FROM procrastinate_jobs WHERE status = 'succeeded'")


class Celery(System):
    """Its workers are the children of one process, as it is meant to run."""
    name = "celery"
    label = "Celery on Redis"
    durability = "Redis, appendonly=yes, appendfsync=always, acks_late"
    has_postgres = False
    rate = 2500
    concurrency = 1

    def __init__(self, folder, postgres, server, concurrency=None):
        super().__init__(folder, postgres, concurrency)
        self.server = server
        self.environment["REDIS_URL"] = server.url
        self.environment["CELERY_QUEUES"] = "idle"
        self.environment["PYTHONPATH"] = HERE
        self.client = redis.Redis.from_url(server.url)

    def fresh(self):
        super().fresh()
        self.client.flushall()

    def worker_commands(self, workers):
        return [self.command("work", workers * self.concurrency)]

    def wait_until_ready(self, workers):
        from celery import Celery as Application
        app = Application("bench", broker=self.server.url)
        limit = time.monotonic() + 60
        while not app.control.ping(timeout=0.5):
            if self.workers[0].poll() is not None or time.monotonic() > limit:
                raise RuntimeError(f"celery's worker does not start: see {self.log}")

    def open(self):
        subprocess.run(self.command("open"), env=self.environment, check=True, capture_output=True)

    def completed(self):
        left = self.client.llen("bench") + self.client.hlen("unacked")
        return self.stored - left

    def note_stored(self, count):
        self.stored = count


class Huey(System):
    name = "huey"
    label = "huey on SQLite"
    durability = "SQLite, WAL, synchronous=FULL (fsync=True); a job is deleted when it is taken"
    has_postgres = False
    rate = 1500
    concurrency = 1

    def fresh(self):
        super().fresh()
        self.number = getattr(self, "number", 0) + 1
        self.environment["HUEY_FILE"] = os.path.join(self.folder, f"huey-{self.number}.db")

    def worker_commands(self, workers):
        return [self.command("work", workers)]

    def processes_that_get_ready(self, workers):
        return 1
