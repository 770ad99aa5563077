"""What is measured of each system. Everything has a limit in time."""
import contextlib
import time

import tally

BATCH = 500


def enqueue(system, seconds):
    """Jobs a second from one process: by the call for batches, and one by one."""
    rates = {}
    for name, batch in [("batches", BATCH), ("one by one", 1)]:
        system.fresh()
        done = system.ask("enqueue", 10_000_000, batch, seconds)
        rates[name] = done["jobs"] / done["seconds"]
    return rates


def work(system, workers, seconds, idle=False):
    """Claim and complete: jobs a second of jobs that do nothing and were all there before.

    The clock runs from the first job that begins to the last, or to the limit; what the store says
    it has completed is read afterwards.
    """
    system.fresh()
    count = int(system.rate * seconds)
    postgres = system.postgres if system.has_postgres else None
    with contextlib.ExitStack() as stack:
        if idle and postgres:
            stack.enter_context(postgres.idle_transaction(f"bench_{system.name}"))
        before = postgres.written() if postgres else 0
        stored = system.ask("enqueue", count, BATCH, 1.5 * seconds)["jobs"]
        if hasattr(system, "note_stored"):
            system.note_stored(stored)
        between = postgres.written() if postgres else 0
        with system.working(workers):
            system.open()
            opened = time.monotonic()
            first = None
            while True:
                handled, now = system.handled(), time.monotonic()
                if handled and first is None:
                    first = (now, handled)
                if handled >= stored or now > (first[0] if first else opened + 30) + 2 * seconds:
                    break
                time.sleep(0.01)
            if not handled:
                raise RuntimeError(f"{system.name} began no job: see {system.log}")
            rate = (handled - first[1]) / max(now - first[0], 0.001)
            # The last ones are still being written.
            completed, limit = system.completed(), time.monotonic() + 5
            while completed is not None and completed < stored and handled >= stored:
                if time.monotonic() > limit:
                    break
                time.sleep(0.05)
                completed = system.completed()
        after = postgres.written() if postgres else 0
        result = {"jobs/s": rate, "jobs": handled, "completed in the store": completed}
        if postgres:
            time.sleep(1.2)  # Statistics of the tables come a second late.
            size, dead = postgres.stored(f"bench_{system.name}")
            result |= {
                "WAL bytes per job, enqueue": (between - before) / stored,
                "WAL bytes per job, work": (after - between) / handled,
                "bytes stored per job": size / stored,
                "dead rows per job": (dead or 0) / handled,
            }
        return result


def latency(system, workers, rate, seconds, idle=False):
    """Milliseconds from the time a job was due to be enqueued to its handler's first line."""
    system.fresh()
    postgres = system.postgres if system.has_postgres else None
    with contextlib.ExitStack() as stack:
        if idle and postgres:
            stack.enter_context(postgres.idle_transaction(f"bench_{system.name}"))
        stack.enter_context(system.working(workers))
        system.open()
        time.sleep(1)
        producer = system.begin("produce", rate, seconds)
        out, _ = producer.communicate(timeout=seconds * 4 + 60)
        done = tally_line(out)
        limit = time.monotonic() + 5
        while system.handled() < done["jobs"] and time.monotonic() < limit:
            time.sleep(0.02)
        taken = sorted(tally.latencies(system.counts))
    if not taken:
        raise RuntimeError(f"{system.name} began no job: see {system.log}")
    return {
        "offered/s": rate, "enqueued/s": done["jobs"] / done["seconds"],
        "handled": len(taken) / done["jobs"], "p50 ms": part(taken, 0.5), "p99 ms": part(taken, 0.99),
    }


def tally_line(out):
    import json
    return json.loads(out.strip().splitlines()[-1])


def part(ordered, share):
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]
