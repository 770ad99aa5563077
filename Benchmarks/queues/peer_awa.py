"""awa-pg: COPY for batches, its asyncio worker over its Rust runtime."""
import asyncio
import contextlib
import os
import signal
from dataclasses import dataclass

import awa

import tally

URL = os.environ["DATABASE_URL"]
QUEUE = "bench"


@dataclass
class Noop:
    at: int


@contextlib.contextmanager
def sender(single):
    client = awa.Client(URL)

    def one(times):
        for at in times:
            client.insert(Noop(at=at), queue=QUEUE)

    def many(times):
        client.enqueue_many_copy([Noop(at=at) for at in times], queue=QUEUE)

    yield one if single else many
    client.close()


def worker(concurrency):
    counts = tally.Tally()

    async def run():
        client = awa.AsyncClient(URL, max_connections=20)

        @client.task(Noop, queue=QUEUE)
        async def noop(job):
            counts.begin(job.args.at)

        tally.wait_for_gate()
        stop = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
        queue = {"name": QUEUE, "max_workers": concurrency}
        if "AWA_CLAIMERS" in os.environ:
            queue["claimers"] = int(os.environ["AWA_CLAIMERS"])
        await client.start([queue])
        await stop.wait()
        await client.shutdown()

    asyncio.run(run())


tally.main(sender, worker)
