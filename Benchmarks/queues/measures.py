"""What is measured of each system. Everything has a limit in time."""
import contextlib
import json
import subprocess
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

    The clock runs from the first job that begins until the store has all as completed, or to the
    limit, where those count that began.
    """
    system.fresh()
    count = int(system.rate * seconds)
    postgres = system.postgres if system.has_postgres else None
    with contextlib.ExitStack() as stack:
        if idle and postgres:
            stack.enter_context(postgres.idle_transaction(f"bench_{system.name}"))
        possible = postgres.commits(workers, 1) if postgres else 0
        before = postgres.written() if postgres else 0
        stored = system.ask("enqueue", count, BATCH, 1.5 * seconds)["jobs"]
        if hasattr(system, "note_stored"):
            system.note_stored(stored)
        between = postgres.written() if postgres else 0
        commits = -postgres.committed(f"bench_{system.name}") if postgres else 0
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
            # The last ones are still being written: the clock runs until the store has them all.
            completed, limit = system.completed(), time.monotonic() + 5
            while completed is not None and completed < stored and handled >= stored:
                if time.monotonic() > limit:
                    break
                time.sleep(0.01)
                completed, now = system.completed(), time.monotonic()
            rate = (handled - first[1]) / max(now - first[0], 0.001)
        after = postgres.written() if postgres else 0
        result = {"jobs/s": rate, "jobs": handled, "completed in the store": completed}
        if postgres:
            time.sleep(1.2)  # Statistics of the tables come a second late.
            size, dead = postgres.stored(f"bench_{system.name}")
            commits += postgres.committed(f"bench_{system.name}")
            result |= {
                "commits/s possible": possible,
                "jobs per commit": handled / max(commits, 1),
                "share of possible commits": rate * commits / handled / possible,
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
        if system.is_one_process:
            done = ask(
                system, "latency", "--rate", rate, "--seconds", seconds, "--concurrency",
                system.concurrency, "--workers", workers)
        else:
            stack.enter_context(system.working(workers))
            system.open()
            time.sleep(1)
            done = system.ask("produce", rate, seconds, timeout=seconds * 4 + 60)
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


def cycle(system, count, batch):
    """Stet on SQLite: enqueue in batches, then claim and complete, in one process."""
    system.fresh()
    return ask(system, "cycle", "--count", count, "--batch", batch, "--concurrency",
               system.concurrency)


def claims(system, finished):
    """What a claim and its completion cost beside finished jobs."""
    system.fresh()
    return ask(system, "claims", "--finished", finished, "--batch", 100)


def memory(system, count):
    """The resident set early and late, while jobs go through one process."""
    system.fresh()
    # A file of counts that is mapped would grow in it, by 8 bytes for each job.
    del system.environment["BENCH_TALLY"]
    return ask(system, "memory", "--count", count, "--concurrency", system.concurrency)


def ask(system, command, *words):
    done = subprocess.run(
        [system.bench, command, "--database", system.database(), *map(str, words)],
        env=system.environment, capture_output=True, text=True, timeout=900, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    return tally_line(done.stdout)


def tally_line(out):
    return json.loads(out.strip().splitlines()[-1])


def part(ordered, share):
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]
