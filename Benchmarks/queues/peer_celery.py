"""Celery over Redis: a kept producer connection (it has no call for batches), acks_late, results
ignored, prefetching as its guide to optimising says for short tasks. Its worker is started with a
queue that stays empty; the queue of the jobs is added when the gate opens.
"""
import contextlib
import os
import sys

from celery import Celery

import tally

app = Celery("peer_celery", broker=os.environ.get("REDIS_URL", "redis://127.0.0.1:6379/0"))
app.conf.update(
    task_acks_late=True,
    task_ignore_result=True,
    task_default_queue="bench",
    task_create_missing_queues=True,
    worker_prefetch_multiplier=64,
    worker_hijack_root_logger=False,
    worker_enable_remote_control=True,
    task_send_sent_event=False,
    worker_send_task_events=False,
    broker_connection_retry_on_startup=True,
)
counts = tally.Tally()


@app.task(name="noop")
def noop(at):
    counts.begin(at)


@contextlib.contextmanager
def sender(single):
    with app.producer_pool.acquire(block=True) as producer:

        def send(times):
            for at in times:
                noop.apply_async((at,), producer=producer)

        yield send


def worker(concurrency):
    name = f"bench-{os.getpid()}@localhost"
    app.worker_main([
        "worker", "--pool", "prefork", "--concurrency", str(concurrency), "--queues",
        os.environ.get("CELERY_QUEUES", "bench"), "--hostname", name,
        "--without-gossip", "--without-mingle", "--without-heartbeat", "--loglevel", "ERROR"])


if __name__ == "__main__":
    if sys.argv[1] == "open":
        app.control.add_consumer("bench", reply=True, timeout=5)
    else:
        tally.main(sender, worker)
