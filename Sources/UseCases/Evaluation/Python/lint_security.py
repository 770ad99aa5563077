"""The security of the judged text: what our own taint pass follows, and what bandit finds where the
image has it. bandit runs in this process, without any file of settings and deaf to `nosec`."""

import importlib.metadata
import io
import logging
import os
import sys

import lint_source
import stet_coding
import taint

STEPS = 600_000
# Mere imports of modules that can be misused, and `assert`.
UNASKED = frozenset("B101 B403 B404 B405 B406 B407 B408 B409 B410".split())
# What both see is told once, by the one that knows the way: taint rule -> bandit's.
SAME = {
    "taint-code": {"B102", "B307"},
    "taint-shell": {"B602", "B603", "B604", "B605", "B606", "B607", "B609"},
    "taint-sql": {"B608", "B610", "B611"},
    "taint-deserialisation": {"B301", "B302", "B506", "B614"},
    "taint-request": {"B310"},
    "taint-html": {"B703", "B704"},
    "taint-xml": {"B314", "B317", "B318", "B319", "B320"},
    "weak-hash": {"B303", "B324"},
    "weak-random": {"B311"},
}


GRAVITY = ("low", "medium", "high")


def merged(ours, theirs):
    """Both findings, those that both have once: ours, at the greater severity."""
    known = {}
    for each in ours:
        for rule in SAME.get(each["rule"], ()):
            known.setdefault((each["line"], rule), []).append(each)
    others = []
    for each in theirs:
        same = known.get((each["line"], each["rule"]))
        if same is None:
            others.append(each)
            continue
        # What bandit is unsure of raises nothing.
        if each["confidence"] != "low" and each["severity"] in GRAVITY:
            for one in same:
                one["severity"] = max(one["severity"], each["severity"], key=GRAVITY.index)
    return ours + others


def encoding(text):
    problem = stet_coding.problem(text)
    if problem is None:
        return []
    return [{
        "line": problem["line"], "rule": "encoding", "cwe": 838, "severity": "high",
        "confidence": "high", "message": problem["message"] + ".", "from": None}]


def bandit_findings(text):
    try:
        from bandit.core import config, manager
    except ImportError:
        return None
    logging.disable(logging.CRITICAL)
    os.makedirs("judged", exist_ok=True)
    path = os.path.join("judged", "judged.py")
    with open(path, "w", encoding="utf-8", errors="replace", newline="") as file:
        file.write(lint_source.uncoded(text))
    kept, sys.stderr = sys.stderr, io.StringIO()
    try:
        judge = manager.BanditManager(
            config.BanditConfig(), "file", debug=False, quiet=True, profile={}, ignore_nosec=True)
        judge.files_list = [path]
        judge.run_tests()
        found = []
        for each in judge.results:
            if each.test_id in UNASKED:
                continue
            found.append({
                "line": each.lineno, "rule": each.test_id,
                "cwe": getattr(getattr(each, "cwe", None), "id", None) or None,
                "severity": str(each.severity).lower(), "confidence": str(each.confidence).lower(),
                "message": str(each.text)[:lint_source.LONGEST], "from": None})
        return {"findings": found, "skipped": [str(why) for _, why in judge.skipped]}
    finally:
        sys.stderr = kept


def main():
    text = lint_source.read()
    trouble = lint_source.trouble(text)
    if trouble is not None:
        return lint_source.report({"trouble": trouble})
    sys.setrecursionlimit(6_000)  # long sums nest as deep as they are long
    found, complete = taint.analyse(text, steps=STEPS)
    for each in found:
        each["confidence"] = "high"
    bandit = bandit_findings(text)
    missing, version, skipped = ["bandit"], None, []
    if bandit is not None:
        missing, version = [], "bandit " + importlib.metadata.version("bandit")
        skipped = bandit["skipped"]
        found = merged(found, bandit["findings"])
    found += encoding(text)
    order = {"high": 0, "medium": 1, "low": 2}
    # What cannot fail the code comes last, so that no flood of it hides what can.
    found.sort(key=lambda e: (
        e["confidence"] == "low", order.get(e["severity"], 3), e["line"] or 0, e["rule"]))
    lint_source.report({
        "trouble": None, "missing": missing, "version": version, "complete": complete,
        "broken": skipped[0][:lint_source.LONGEST] if skipped else None,
        "count": len(found), "findings": found[:lint_source.MOST],
        "silencers": lint_source.silencers(text, ("nosec",)),
    })


main()
