#!/usr/bin/env python3
"""Stet's queue beside awa-pg, procrastinate and Celery, by turns in one run on one PostgreSQL of
this script's own, and on SQLite beside huey.

The peers come from PyPI into .venv-bench. The figures go to Benchmarks/out/queues.json and, as
Markdown, to standard output.
usage: queues.py [--bench PATH] [--quick] [--seconds S] [--rounds N] [--memory JOBS]
                 [--only NAME,NAME] [--keep]
"""
import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
VENV = os.path.join(ROOT, ".venv-bench")
PEERS = [
    "awa-pg==0.6.9", "procrastinate==3.10.0", "celery[redis]==5.7.0", "huey==3.5.4",
    "psycopg[binary]==3.3.9"]
STAMP = os.path.join(VENV, "queues.stamp")


def enter_venv():
    """Runs the rest in the venv, which is made where it is missing or older than the list."""
    python = os.path.join(VENV, "bin", "python")
    wanted = "\n".join(PEERS)
    try:
        with open(STAMP, encoding="utf-8") as stamp:
            is_ready = stamp.read() == wanted
    except OSError:
        is_ready = False
    if not is_ready:
        subprocess.run([sys.executable, "-m", "venv", VENV], check=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *PEERS], check=True)
        with open(STAMP, "w", encoding="utf-8") as stamp:
            stamp.write(wanted)
    if os.path.realpath(sys.prefix) != os.path.realpath(VENV):
        os.execv(python, [python, *sys.argv])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bench", help="the program QueueBench; peers only without it")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--seconds", type=float)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--memory", type=int, default=0, help="jobs for the measure of memory")
    parser.add_argument("--only", help="systems by name, with commas")
    parser.add_argument("--keep", action="store_true", help="keep the folder with the logs")
    options = parser.parse_args()
    enter_venv()
    sys.path.insert(0, os.path.join(ROOT, "Benchmarks", "queues"))
    import run
    # So that servers and workers are stopped also where this is.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    folder = tempfile.mkdtemp(prefix="stet-queues-")
    try:
        figures = run.everything(folder, options)
    finally:
        if options.keep:
            print(f"logs: {folder}", file=sys.stderr)
        else:
            shutil.rmtree(folder, ignore_errors=True)
    out = os.path.join(ROOT, "Benchmarks", "out")
    os.makedirs(out, exist_ok=True)
    with open(os.path.join(out, "queues.json"), "w", encoding="utf-8") as file:
        json.dump(figures, file, indent=2)
    import tables
    print(tables.markdown(figures))


main()
