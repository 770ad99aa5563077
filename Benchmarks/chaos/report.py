"""What was played and what came of it, as JSON and as Markdown."""

import datetime
import os
import platform
import subprocess


def version(command):
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=20,
                              check=False).stdout.strip()
    except OSError:
        return "absent"


def surroundings(options):
    return {
        "command": options.command,
        "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
        "stet": version([options.stet, "--version"]),
        "postgresql": version(["/usr/lib/postgresql/15/bin/postgres", "--version"]),
        "sqlite": version(["sqlite3", "--version"])[:6] or "the one that Stet is built with",
        "machine": f"{os.cpu_count()} cores, {platform.system()} {platform.release()}",
        "load_before": options.load_before, "load_after": [round(x, 1) for x in os.getloadavg()],
        "deliveries_per_second": options.rate, "seed": options.seed}


SUMS = ["accepted", "reviews", "comments", "checks", "refused", "duplicates", "taken_back",
        "spare_checks", "lost", "doubled"]


def totals(worlds, faults, engine):
    mine = [w for w in worlds if w["engine"] == engine]
    sums = {name: sum(w["figures"].get(name, 0) for w in mine) for name in SUMS}
    played = [f for f in faults if f["engine"] == engine]
    recoveries = [f["recovery_seconds"] for f in played if f["recovery_seconds"] is not None]
    return sums | {
        "faults": len(played), "failed": sum(bool(f["problems"]) for f in played),
        "longest_recovery_seconds": max(recoveries, default=None),
        "longest_wait_seconds": max((f["longest_wait_seconds"] for f in played), default=None),
        "doubles_for_a_while": sum(f.get("doubles", 0) for f in played),
        "kills": sum(f.get("kills", 0) for f in played)}


def seconds(value):
    return "–" if value is None else f"{value:.1f}"


def markdown(report):
    about = report["surroundings"]
    lines = [
        f"`{about['command']}`, {about['date']}, {about['machine']}, load "
        f"{about['load_before']} before and {about['load_after']} after. {about['stet']}; "
        f"{about['postgresql']}. {about['deliveries_per_second']} deliveries a second.", ""]
    names = {
        "accepted": "deliveries accepted", "reviews": "reviews at the forge",
        "comments": "comments at lines", "checks": "checks", "lost": "**lost**",
        "doubled": "**doubled**", "doubles_for_a_while": "doubled for a while, and removed",
        "taken_back": "reviews that were sent twice, emptied and marked as such",
        "spare_checks": "checks begun twice: the older one is cancelled or says the same",
        "refused": "tries of the sender that were refused or not answered, and sent again",
        "duplicates": "deliveries sent again and known as such", "kills": "kills",
        "longest_recovery_seconds": "longest time to recovery, s",
        "longest_wait_seconds": "longest wait from acceptance to review, s"}
    engines = list(report["totals"])
    lines += ["| | " + " | ".join(engines) + " |", "|---|" + "---:|" * len(engines)]
    for name, title in names.items():
        values = [report["totals"][engine][name] for engine in engines]
        cells = [seconds(v) if name.endswith("seconds") else str(v) for v in values]
        lines.append(f"| {title} | " + " | ".join(cells) + " |")
    lines += ["", "| fault | engine | recovery, s | longest wait, s | what was seen |",
              "|---|---|---:|---:|---|"]
    for fault in report["faults"]:
        seen = fault["note"].replace("|", "\\|").replace("\n", " ")
        if fault["problems"]:
            first = str(fault["problems"][0]).replace("|", "\\|").replace("\n", " ")
            seen += f" **Not as promised:** {first[:300]}"
        lines.append(
            f"| {fault['title']} | {fault['engine']} | {seconds(fault['recovery_seconds'])} | "
            f"{seconds(fault['longest_wait_seconds'])} | {seen} |")
    return "\n".join(lines) + "\n"
