#!/usr/bin/env python3
"""Scores Stet's taint pass and bandit on OWASP BenchmarkPython, side by side.

    python3 Benchmarks/taint.py CHECKOUT [--half odd|even] [--alone]

CHECKOUT is a working copy of github.com/OWASP-Benchmark/BenchmarkPython, which is under the GPL and
not part of Stet. A test counts as found where a finding bears the CWE of its category (bandit:
a rule of the category, as the project's own scorecards count them). Youden's index is the rate of
true positives less that of false ones; the mean is over the categories.

--alone gives the pass each test file by itself; else also the modules under helpers/, as a
checkout has them. --half takes only the tests with odd or even numbers: rules were worked on with
the odd ones. The sources use f-strings of Python 3.12: an older Python leaves out what it cannot
read and says how many. bandit is scored where it can be imported, else from results/*.sarif.
"""

import argparse
import collections
import contextlib
import csv
import io
import json
import logging
import pathlib
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "Sources/UseCases/Evaluation/Python"))

import taint  # noqa: E402

# What each bandit rule speaks of, by category.
BANDIT = {
    "B102": "codeinj", "B307": "codeinj", "B602": "cmdi", "B603": "cmdi", "B605": "cmdi",
    "B606": "cmdi", "B607": "cmdi", "B301": "deserialization", "B506": "deserialization",
    "B608": "sqli", "B324": "hash", "B303": "hash", "B311": "weakrand", "B314": "xxe",
    "B317": "xxe", "B318": "xxe", "B319": "xxe", "B320": "xxe", "B703": "xss", "B704": "xss",
}


def expected(checkout, half):
    path = next(checkout.glob("expectedresults-*.csv"))
    tests = {}
    with path.open(encoding="utf-8") as file:
        for row in csv.reader(file):
            if not row or row[0].startswith("#"):
                continue
            is_odd = int(row[0][-1]) % 2 == 1
            if half is None or is_odd == (half == "odd"):
                tests[row[0]] = (row[1], row[2].strip() == "true", int(row[3]))
    return tests


def of_taint(checkout, tests, modules):
    hits, unread, incomplete = {}, 0, 0
    for name, (_, _, cwe) in tests.items():
        text = (checkout / "testcode" / f"{name}.py").read_text(encoding="utf-8")
        try:
            found, complete = taint.analyse(text, modules)
        except SyntaxError:
            unread += 1
            continue
        incomplete += not complete
        hits[name] = any(each["cwe"] == cwe for each in found)
    return hits, unread, incomplete


def of_bandit(checkout, tests):
    try:
        from bandit.core import config, manager
    except ImportError:
        return of_sarif(checkout, tests)
    logging.disable(logging.CRITICAL)
    hits = {}
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stderr(io.StringIO()):
        for name, (category, _, _) in tests.items():
            path = pathlib.Path(folder) / f"{name}.py"
            path.write_bytes((checkout / "testcode" / f"{name}.py").read_bytes())
            judge = manager.BanditManager(
                config.BanditConfig(), "file", quiet=True, profile={}, ignore_nosec=True)
            judge.files_list = [str(path)]
            judge.run_tests()
            if not judge.skipped:
                hits[name] = any(BANDIT.get(each.test_id) == category for each in judge.results)
    return hits


def of_sarif(checkout, tests):
    found = collections.defaultdict(set)
    for path in (checkout / "results").glob("*andit*.sarif"):
        for run in json.loads(path.read_text(encoding="utf-8"))["runs"]:
            for each in run["results"]:
                place = each["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
                found[pathlib.PurePath(place).stem].add(BANDIT.get(each["ruleId"]))
    return {name: tests[name][0] in found[name] for name in tests} if found else {}


def scores(tests, hits):
    counts = collections.defaultdict(lambda: [0, 0, 0, 0])
    for name, hit in hits.items():
        category, is_real, _ = tests[name]
        counts[category][(0 if hit else 1) if is_real else (2 if hit else 3)] += 1
    return {
        category: (a / (a + b) if a + b else 0) - (c / (c + d) if c + d else 0)
        for category, (a, b, c, d) in counts.items()}, counts


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("checkout", type=pathlib.Path)
    parser.add_argument("--half", choices=["odd", "even"])
    parser.add_argument("--alone", action="store_true")
    options = parser.parse_args()
    tests = expected(options.checkout, options.half)
    modules = {} if options.alone else {
        f"helpers.{path.stem}": path.read_text(encoding="utf-8")
        for path in (options.checkout / "helpers").glob("*.py")}
    start = time.process_time()
    ours, unread, incomplete = of_taint(options.checkout, tests, modules)
    seconds = time.process_time() - start
    mine, counts = scores(tests, ours)
    bandit, _ = scores(tests, of_bandit(options.checkout, tests))
    print(f"{'category':16} {'TP':>4} {'FN':>4} {'FP':>4} {'TN':>4} {'Stet':>7} {'bandit':>7}")
    for category in sorted(mine):
        row = " ".join(f"{each:4}" for each in counts[category])
        print(f"{category:16} {row} {mine[category]:7.3f} {bandit.get(category, 0):7.3f}")
    print(f"{'mean':36} {sum(mine.values()) / len(mine):7.3f} "
          f"{sum(bandit.get(each, 0) for each in mine) / len(mine):7.3f}")
    print(f"{len(ours)} tests in {seconds:.1f} processor seconds; {unread} not readable by "
          f"Python {sys.version.split()[0]}; {incomplete} not followed whole")


if __name__ == "__main__":
    main()
