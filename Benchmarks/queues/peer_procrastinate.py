"""procrastinate: batch_defer for batches, its asyncio worker with LISTEN/NOTIFY."""
import asyncio
import contextlib
import os
import signal

import procrastinate

import tally

URL = os.environ["DATABASE_URL"]
counts = tally.Tally()


def application(connector):
    app = procrastinate.App(connector=connector)

    @app.task(queue="bench", name="noop")
    async def noop(at):
        counts.begin(at)

    return app, noop


@contextlib.contextmanager
def sender(single):
    app, noop = application(procrastinate.SyncPsycopgConnector(conninfo=URL))

    def one(times):
        for at in times:
            noop.defer(at=at)

    def many(times):
        noop.batch_defer(*({"at": at} for at in times))

    with app.open():
        yield one if single else many


def worker(concurrency):
    # A connection for each job that runs, up to 20: the pool's default is 4.
    app, _ = application(
        procrastinate.PsycopgConnector(conninfo=URL, max_size=max(4, min(concurrency, 20))))

    async def run():
        async with app.open_async():
            tally.wait_for_gate()
            task = asyncio.create_task(
                app.run_worker_async(
                    queues=["bench"], concurrency=concurrency, install_signal_handlers=False,
                    shutdown_graceful_timeout=1))
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
            with contextlib.suppress(asyncio.CancelledError):
                await task

    asyncio.run(run())


tally.main(sender, worker)
