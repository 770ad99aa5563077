#!/usr/bin/env python3
"""How long `stet evaluate` takes for a module of 300 lines with 20 tests, axis by axis.

usage: Benchmarks/evaluate.py [--stet PATH] [--rounds N]

The module and its tests are made here. The peer is the same tests run by the machine's own
`python3 -m unittest`, with no sandbox, no other axis and no counting of tests. The budget is 5
seconds on two cores. Images come from the data folder of the settings (`stet sandbox prepare`).
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

BUDGET = 5.0


def module():
    """Twenty functions, 300 lines."""
    lines = ['"""Twenty ways to look at a list of numbers."""', ""]
    for number in range(20):
        lines += [
            "",
            "def measure_%d(values: list[int]) -> int:" % number,
            '    """The sum of the values above %d, and of the squares of the others."""' % number,
            "    total = 0",
            "    for value in values:",
            "        if value > %d:" % number,
            "            total += value",
            "        elif value == 0:",
            "            continue",
            "        else:",
            "            total += value * value",
            "    if total < 0:",
            "        total = -total",
            "    return total",
            "",
        ]
    return "\n".join(lines)


def tests():
    lines = ["import unittest", "", "import subject", "", "", "class Measures(unittest.TestCase):"]
    for number in range(20):
        expected = sum(value if value > number else value * value for value in range(50))
        lines += [
            "    def test_%d(self):" % number,
            "        self.assertEqual(subject.measure_%d(list(range(50))), %d)" % (number, expected),
            "",
        ]
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    here = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    parser.add_argument("--stet", default=os.path.join(here, ".build/release/stet"))
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for name, text in (("subject.py", module()), ("test_subject.py", tests())):
            with open(os.path.join(folder, name), "w", encoding="ascii") as file:
                file.write(text + "\n")
        count = module().count("\n") + 1
        print("module of %d lines, 20 tests, %d cores" % (count, os.cpu_count()))
        command = [
            options.stet, "evaluate", "subject.py", "--tests", "test_subject.py", "--json",
            "--no-fail",
        ]  # fmt: skip
        wall, inside, axes = [], [], {}
        for _ in range(options.rounds):
            began = time.monotonic()
            done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
            wall.append(time.monotonic() - began)
            if done.returncode != 0:
                sys.exit("stet ended with %d: %s" % (done.returncode, done.stderr.strip()))
            report = json.loads(done.stdout)
            inside.append(report["seconds"])
            for axis in report["axes"]:
                axes.setdefault(axis["name"], []).append(axis)
        peer = []
        for _ in range(options.rounds):
            began = time.monotonic()
            subprocess.run(
                [sys.executable, "-m", "unittest", "-q", "test_subject"],
                cwd=folder, capture_output=True, check=True,
            )  # fmt: skip
            peer.append(time.monotonic() - began)
        for name, found in axes.items():
            times = [axis["seconds"] for axis in found if axis.get("seconds") is not None]
            took = "%6.2f s" % statistics.median(times) if times else "       -"
            print("%-12s %s  %s" % (name, took, found[-1]["verdict"]))
            if found[-1]["verdict"] != "pass":
                print("             %s" % found[-1]["reason"])
        middle, worst = statistics.median(wall), max(wall)
        print("in the report %.2f s, the command %.2f s (worst %.2f s)" % (
            statistics.median(inside), middle, worst))
        print("unittest alone, unprotected: %.2f s; ratio %.1f" % (
            statistics.median(peer), middle / statistics.median(peer)))
        left_out = sorted(
            name for name, found in axes.items()
            if any(axis["verdict"] == "not_run" for axis in found)
        )  # fmt: skip
        if left_out or not axes:
            print("NOT MEASURED: %s did not run: prepare the images with `stet sandbox prepare`"
                  % (", ".join(left_out) or "any axis"))
            return 1
        print("budget %.0f s: %s" % (BUDGET, "held" if worst <= BUDGET else "MISSED"))
        return 0 if worst <= BUDGET else 1


if __name__ == "__main__":
    sys.exit(main())
