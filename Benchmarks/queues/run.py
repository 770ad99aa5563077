"""All measurements, each of every system before the next, so that a busy machine slows all."""
import os
import statistics
import sys
import time

import measures
import systems
from cluster import Postgres, Redis

WORKERS = [1, 4, 8]


def say(*words):
    print(*words, file=sys.stderr, flush=True)


def median(results):
    """Of each figure over the rounds."""
    merged = {}
    for key in results[0]:
        values = [result[key] for result in results if result.get(key) is not None]
        merged[key] = statistics.median(values) if values else None
    return merged


def everything(folder, options):
    seconds = options.seconds or (2 if options.quick else 5)
    postgres, redis = Postgres(folder), Redis(folder)
    try:
        return measure(folder, options, seconds, postgres, redis)
    finally:
        redis.stop()
        postgres.stop()


def measure(folder, options, seconds, postgres, redis):
    present = [
        systems.Awa(folder, postgres), systems.Procrastinate(folder, postgres),
        systems.Celery(folder, postgres, redis), systems.Huey(folder, postgres)]
    if options.bench:
        bench = os.path.abspath(options.bench)
        present.insert(0, systems.Stet(folder, postgres, bench))
        present.insert(-1, systems.StetOnSQLite(folder, postgres, bench))
    if options.only:
        present = [system for system in present if system.name in options.only.split(",")]
    figures = {
        "load": os.getloadavg()[0], "seconds": seconds, "rounds": options.rounds,
        "date": time.strftime("%Y-%m-%d"), "cores": os.cpu_count(), "batch": measures.BATCH,
        "commits/s": {}, "systems": {}}
    for clients in WORKERS:
        figures["commits/s"][clients] = postgres.commits(clients, max(1, int(seconds / 2)))
    say("commits/s", figures["commits/s"])
    for system in present:
        figures["systems"][system.name] = {
            "label": system.label, "durability": system.durability,
            "concurrency": system.concurrency}

    def each(title, take, which=None):
        taken = {}
        for _ in range(options.rounds):
            for system in present if which is None else which:
                try:
                    result = take(system)
                except Exception as error:
                    say(f"{system.name}: {title}: {error}")
                    result = None
                say(f"{title:34} {system.name:14}", {
                    key: round(value, 1) if isinstance(value, float) else value
                    for key, value in (result or {}).items()})
                if result:
                    taken.setdefault(system.name, []).append(result)
        for name, results in taken.items():
            figures["systems"][name][title] = median(results)

    each("enqueue", lambda system: measures.enqueue(system, seconds / 2))
    for workers in WORKERS:
        each(f"work, {workers}", lambda system: measures.work(system, workers, seconds))

    def half(system):
        found = figures["systems"][system.name]
        return max(1, found["work, 4"]["jobs/s"] / 2)

    each("latency", lambda system: measures.latency(system, 4, half(system), seconds))
    each("latency, 100/s", lambda system: measures.latency(system, 4, 100, seconds))
    on_postgres = [system for system in present if system.has_postgres]
    each("work, idle transaction",
         lambda system: measures.work(system, 4, seconds, idle=True), on_postgres)
    each("latency, idle transaction",
         lambda system: measures.latency(system, 4, half(system), seconds, idle=True), on_postgres)
    ours = [system for system in present if hasattr(system, "bench")]
    jobs = 5_000 if options.quick else 30_000
    each("cycle", lambda system: measures.cycle(system, jobs, 100), ours)
    for finished in [0, 100_000] if options.quick else [0, 100_000, 1_000_000]:
        each(f"claims, {finished}", lambda system: measures.claims(system, finished), ours)
    if options.memory:
        each("memory", lambda system: measures.memory(system, options.memory), ours)
    figures["load at the end"] = os.getloadavg()[0]
    return figures
