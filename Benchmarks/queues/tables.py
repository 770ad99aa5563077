"""The figures as Markdown."""


def number(value):
    if value is None:
        return ""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.1f}" if abs(value) >= 1 else f"{value:.2f}"


def markdown(figures):
    systems = figures["systems"]
    rows = []

    def row(title, measure, key):
        values = [found.get(measure, {}).get(key) for found in systems.values()]
        if any(value is not None for value in values):
            rows.append([title, *map(number, values)])

    row("enqueue in batches, jobs/s", "enqueue", "batches")
    row("enqueue one by one, jobs/s", "enqueue", "one by one")
    for workers in (1, 4, 8):
        row(f"claim and complete, {workers} workers, jobs/s", f"work, {workers}", "jobs/s")
    for title, measure in [
        ("at half load", "latency"), ("at 100 jobs/s", "latency, 100/s")]:
        row(f"pickup {title}, p50, ms", measure, "p50 ms")
        row(f"pickup {title}, p99, ms", measure, "p99 ms")
    row("half load, jobs/s", "latency", "offered/s")
    row("idle transaction, 4 workers, jobs/s", "work, idle transaction", "jobs/s")
    row("idle transaction, pickup p50, ms", "latency, idle transaction", "p50 ms")
    row("idle transaction, pickup p99, ms", "latency, idle transaction", "p99 ms")
    for workers in (1, 4, 8):
        row(f"jobs per commit, {workers} workers", f"work, {workers}", "jobs per commit")
        row(f"share of the commits/s possible just before, {workers} workers", f"work, {workers}",
            "share of possible commits")
    for key in ["WAL bytes per job, enqueue", "WAL bytes per job, work", "bytes stored per job",
                "dead rows per job"]:
        row(key, "work, 4", key)
    for key, title in [("jobs/s", "enqueue by 100, claim, complete, jobs/s")]:
        row(title, "cycle", key)
    for finished in (0, 100_000, 1_000_000):
        row(f"claim of 100 beside {finished:,} finished, ms", f"claims, {finished}", "claim ms")
        row(f"their completion, ms", f"claims, {finished}", "complete ms")
    for key in ["MB at a tenth", "MB at the end", "jobs/s of the first tenth", "jobs/s of the rest"]:
        row(f"memory: {key}", "memory", key)
    head = ["", *(found["label"] for found in systems.values())]
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    lines += ["| " + " | ".join(line) + " |" for line in rows]
    commits = ", ".join(f"{count} clients {number(rate)}" for count, rate in
                        figures["commits/s"].items())
    lines += ["", f"Commits a second by pgbench, one INSERT each: {commits}. "
              f"Load {figures['load']:.1f} before, {figures['load at the end']:.1f} after."]
    lines += [f"{found['label']}: {found['durability']}; {found['concurrency']} jobs at once in "
              "each worker." for found in systems.values()]
    return "\n".join(lines)
