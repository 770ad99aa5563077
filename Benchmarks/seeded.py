#!/usr/bin/env python3
"""Reviews a dozen seeded bugs and a dozen clean changes (seeded/cases.py), one commit each, and counts.

usage: seeded.py STET [--provider local|none|...] [--model NAME]

A bug counts as found when a finding stands on (one of) its lines. Reported, never asserted: the figures say how
much a model of that size helps. Start `stet model serve` first, so that the model is loaded once.
"""
import argparse, json, os, subprocess, sys, tempfile, time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "seeded"))
from cases import CASES

parser = argparse.ArgumentParser()
parser.add_argument("stet")
parser.add_argument("--provider", default="local")
parser.add_argument("--model", default=None)
options = parser.parse_args()
stet = os.path.abspath(options.stet)

environment = dict(os.environ, LLM_PROVIDER=options.provider)
if options.model:
    environment["LLM_MODEL"] = options.model


def git(folder, *words):
    subprocess.run(["git", "-C", folder, "-c", "user.name=s", "-c", "user.email=s@example.org", *words],
                   check=True, stdout=subprocess.DEVNULL)


def review(path, before, after):
    with tempfile.TemporaryDirectory() as folder:
        git(folder, "init", "-q", "-b", "main")
        for text in (before, after):
            with open(os.path.join(folder, path), "w") as file:
                file.write(text)
            git(folder, "add", "-A")
            git(folder, "commit", "-q", "-m", "change")
        done = subprocess.run([stet, "review", "HEAD~1..HEAD", "--format", "json", "--no-cache"], cwd=folder,
                              env=environment, capture_output=True, text=True)
        if done.returncode not in (0, 1):
            sys.exit(f"stet failed ({done.returncode}): {done.stderr}")
        return json.loads(done.stdout)


counts = {source: dict(found=0, wrong_line=0, missed=0, silent=0, false=0) for source in ("model", "rules", "both")}
dropped, started, tokens = {}, time.time(), 0
for name, path, before, after, bug in CASES:
    result = review(path, before, after)
    tokens += result["usage"]["input_tokens"] + result["usage"]["output_tokens"]
    for claim in result["dropped"]:
        dropped[claim["reason"]] = dropped.get(claim["reason"], 0) + 1
    lines = (bug or "").split("|")
    line_of = {"new": after.split("\n"), "old": before.split("\n")}
    notes = []
    for source in counts:
        mine = [f for f in result["findings"]
                if source == "both" or f["source"].startswith({"model": "model:", "rules": "rule:"}[source])]
        hit = any(line_of[f["side"]][n - 1].strip() in lines
                  for f in mine for n in range(f["start_line"], f["line"] + 1))
        kind = (("found" if hit else "wrong_line" if mine else "missed") if bug else ("false" if mine else "silent"))
        counts[source][kind] += 1
        notes.append(f"{source} {kind}")
    print(f"{name:20} {'bug  ' if bug else 'clean'}  {', '.join(notes)}", flush=True)

print(f"\n{len(CASES)} changes, provider {options.provider}, model {options.model or 'default'}, "
      f"{time.time() - started:.0f} s, {tokens} tokens, load {os.getloadavg()[0]:.1f}, dropped {dropped}")
for source, count in counts.items():
    print(f"{source:6} bugs: found {count['found']}, wrong line {count['wrong_line']}, missed {count['missed']}; "
          f"clean: silent {count['silent']}, false alarm {count['false']}")
