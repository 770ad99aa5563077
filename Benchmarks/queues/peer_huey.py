"""huey over SQLite, WAL. `fsync=True` is its own setting for synchronous=FULL. It deletes a task
when it takes it, before it runs: what a crash interrupts is lost, and completing writes nothing.
"""
import contextlib
import os

from huey import SqliteHuey

import tally

huey = SqliteHuey(
    "bench", filename=os.environ["HUEY_FILE"], fsync=True, results=False, utc=True)
counts = tally.Tally()


@huey.task(name="noop")
def noop(at):
    counts.begin(at)


@contextlib.contextmanager
def sender(single):
    def send(times):
        for at in times:
            noop(at)

    yield send


def worker(concurrency):
    tally.wait_for_gate()
    huey.create_consumer(
        workers=concurrency, worker_type=os.environ.get("HUEY_WORKERS", "process"), periodic=False,
        initial_delay=0.01, max_delay=0.05, check_worker_health=False).run()


tally.main(sender, worker)
