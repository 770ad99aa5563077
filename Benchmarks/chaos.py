#!/usr/bin/env python3
"""Plays faults on Stet before the fake GitHub, with deliveries arriving all the while, on SQLite
and on PostgreSQL with three processes, and counts what was lost and what was posted twice.

Needs the products `stet` and `FakeGitHub`, PostgreSQL's binaries, openssl, a C compiler for the
library that shifts a clock, and root for tmpfs. Standard library only. Status 0: nothing lost,
nothing doubled, and every fault was overcome as promised; 1: not so, and the logs lie in --out.
usage: chaos.py [--stet PATH] [--fake PATH] [--engine sqlite|postgresql] [--faults NAME,…]
                [--rounds N] [--short] [--rate PER_SECOND] [--idle SECONDS] [--out FOLDER]
                [--report FILE.md] [--list]
"""
import argparse
import concurrent.futures
import json
import os
import pathlib
import shlex
import sys
import time

from chaos import report
from chaos.machine_faults import OTHERS
from chaos.postgres import BIN
from chaos.postgres_faults import POSTGRES
from chaos.process_faults import PROCESSES
from chaos.world import World

ROOT = pathlib.Path(__file__).resolve().parent.parent
ENGINES = ["sqlite", "postgresql"]


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--stet", default=str(ROOT / ".build/release/stet"))
    parser.add_argument("--fake", default=str(ROOT / ".build/debug/FakeGitHub"))
    parser.add_argument("--engine", choices=ENGINES, action="append")
    parser.add_argument("--faults", help="only these, separated by commas; see --list")
    parser.add_argument("--rounds", type=int, help="kills: 100, or 10 with --short")
    parser.add_argument("--rate", type=float, default=3, help="deliveries a second in each world")
    parser.add_argument("--idle", type=float, default=120, help="seconds of an idle transaction")
    parser.add_argument("--seed", type=int, default=4, help="of which process is killed when")
    parser.add_argument("--side-by-side", type=int, default=3, help="worlds at the same time")
    parser.add_argument("--short", action="store_true", help="the form for every change")
    parser.add_argument("--out", default=str(ROOT / "Benchmarks/out/chaos"))
    parser.add_argument("--report", help="where the Markdown goes; printed anyway")
    parser.add_argument("--list", action="store_true", help="name the faults and end")
    options = parser.parse_args()
    options.rounds = options.rounds or (10 if options.short else 100)
    options.engine = options.engine or ENGINES
    options.load_before = [round(x, 1) for x in os.getloadavg()]
    options.command = shlex.join(
        ["make chaos" if "MAKELEVEL" in os.environ else "Benchmarks/chaos.py"]
        + [a for a in sys.argv[1:] if not a.startswith("/")]).replace("'", "")
    return options


def worlds(options, faults):
    """One shared by many faults for each engine, and one for each fault that needs its own."""
    plan = []
    for engine in options.engine:
        mine = [f for f in faults if engine in f.engines]
        shared = [f for f in mine if f.own_world is None]
        if shared:
            plan.append((engine, "shared", {}, shared))
        plan += [(engine, f.name, f.own_world, [f]) for f in mine if f.own_world is not None]
    # The longest first, so that the whole takes as long as that one.
    return sorted(plan, key=lambda world: -len(world[3]))


def playable(options, faults):
    """Leaves out, and says so, what cannot be played here."""
    if "postgresql" in options.engine and not (BIN / "postgres").exists():
        print(f"chaos: PostgreSQL is not in {BIN}, so its faults are NOT played: "
              "apt-get install postgresql-15")
        options.engine = [engine for engine in options.engine if engine != "postgresql"]
    if os.geteuid() != 0:
        left_out = [f.name for f in faults if (f.own_world or {}).get("disk")]
        if left_out:
            print(f"chaos: a small disk can be mounted by root only, so NOT played: {left_out}")
        faults = [f for f in faults if f.name not in left_out]
    return faults


def play(options, engine, name, settings, faults):
    """- Returns: what each fault came to, and the account of the world."""
    world = World(options, engine, name, **settings)
    results = []
    try:
        try:
            world.start()
            time.sleep(2)
            for kind in faults:
                result = kind(options).run(world)
                results.append(result)
                mark = "NOT AS PROMISED: " + "; ".join(map(str, result["problems"])) \
                    if result["problems"] else "overcome"
                print(f"{engine:<10} {result['fault']:<17} {result['seconds']:6.1f} s  recovery "
                      f"{report.seconds(result['recovery_seconds'])} s  {result['note']}  {mark}",
                      flush=True)
            figures, problems = world.account(150)
        except Exception as error:  # The account of other worlds shall still be given.
            figures, problems = {}, [f"the world broke down: {error!r}"]
        (world.logs / "account.json").write_text(json.dumps(
            {"figures": figures, "problems": problems,
             "open_jobs": world.safely(world.open_jobs)}, indent=1, default=str))
        for problem in problems:
            print(f"{engine:<10} {name}: {problem}", flush=True)
        return {"engine": engine, "world": name, "figures": figures, "problems": problems}, results
    finally:
        world.close()


def put(page, text):
    """The report takes the place of the one that stands in the page between two marks."""
    begin, end = "<!-- report -->\n", "<!-- end of report -->\n"
    old = page.read_text() if page.exists() else begin + end
    before, rest = old.split(begin, 1)
    page.write_text(before + begin + "\n" + text + "\n" + end + rest.split(end, 1)[1])


def main():
    options = arguments()
    faults = PROCESSES[:1] + POSTGRES + PROCESSES[1:2] + OTHERS + PROCESSES[2:]
    if options.list:
        for fault in faults:
            print(f"{fault.name:<17} {', '.join(fault.engines):<20} {fault.title}")
        return 0
    if options.faults:
        wanted = options.faults.split(",")
        unknown = set(wanted) - {f.name for f in faults}
        if unknown:
            print(f"chaos: no fault is called {', '.join(sorted(unknown))}; see --list")
            return 2
        faults = [f for f in faults if f.name in wanted]
    elif options.short:
        faults = [f for f in faults if f.in_short]
    for binary in [options.stet, options.fake]:
        if not os.access(binary, os.X_OK):
            print(f"chaos: {binary} is not there; build it first")
            return 2
    faults = playable(options, faults)
    plan = worlds(options, faults)
    played, results = [], []
    with concurrent.futures.ThreadPoolExecutor(options.side_by_side) as pool:
        for future in concurrent.futures.as_completed(
                [pool.submit(play, options, *one) for one in plan]):
            world, faults_of_it = future.result()
            played.append(world)
            results += faults_of_it
    order = {f.name: n for n, f in enumerate(faults)}
    results.sort(key=lambda r: (ENGINES.index(r["engine"]), order[r["fault"]]))
    whole = {
        "surroundings": report.surroundings(options), "worlds": played, "faults": results,
        "totals": {engine: report.totals(played, results, engine) for engine in options.engine}}
    out = pathlib.Path(options.out)
    (out / "report.json").write_text(json.dumps(whole, indent=1, default=str) + "\n")
    text = report.markdown(whole)
    (out / "report.md").write_text(text)
    if options.report:
        put(pathlib.Path(options.report), text)
    print("\n" + text)
    bad = [r for r in results if r["problems"]] + [w for w in played if w["problems"]]
    if bad:
        print(f"chaos: {len(bad)} things were not as promised; what is known lies in {out}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
