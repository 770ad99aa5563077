#!/usr/bin/env python3
"""Tags by a real language model, beside Stet's own words, on the same issues.

    python3 Benchmarks/issues_model.py --nlbse FOLDER [--stet PATH] [--count 60] [--seed 1]

FOLDER is that of issues.py. The model is the one that the environment's settings name, such as
LLM_PROVIDER=local. As many issues of each class are drawn from the competition's test part; what is
tagged neither `bug` nor `feature-request` counts as a question, since no tag says that.
"""

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time

from nlbse import read_nlbse

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
CLASSES = ("bug", "feature", "question")


def drawn(folder, count, seed):
    rows = [row for row in read_nlbse(folder) if row["part"] == "test"]
    rng = random.Random(seed)
    chosen = []
    for label in CLASSES:
        of_class = [row for row in rows if row["labels"] == [label]]
        chosen += rng.sample(of_class, count // len(CLASSES))
    return chosen


def guess(tags):
    """The first that says; a tag that a model puts first it is surest of."""
    for tag in tags.split(","):
        if tag == "bug":
            return "bug"
        if tag == "feature-request":
            return "feature"
    return "question"


def f1(truth, guesses, label):
    hits = sum(t == g == label for t, g in zip(truth, guesses))
    found, there = guesses.count(label), truth.count(label)
    return 2 * hits / (found + there) if found + there else 0.0


def enriched(stet, rows, more):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "issues.jsonl")
        with open(path, "w") as file:
            for row in rows:
                issue = {
                    "title": row["title"][:300].strip() or "?",
                    "description": row["description"][:4000],
                }
                file.write(json.dumps(issue) + "\n")
        began = time.perf_counter()
        done = subprocess.run([stet, "enrich", "--batch", path, *more], stdout=subprocess.PIPE)
        seconds = time.perf_counter() - began
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    if len(answers) != len(rows):
        sys.exit(f"{len(answers)} answers for {len(rows)} issues; status {done.returncode}")
    return answers, seconds


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--nlbse", default=os.environ.get("STET_NLBSE"))
    parser.add_argument("--stet", default=os.path.join(ROOT, ".build", "release", "stet"))
    parser.add_argument("--count", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    if not options.nlbse:
        sys.exit("issues_model.py needs --nlbse FOLDER, with issues_train.csv and issues_test.csv")
    rows = drawn(options.nlbse, options.count, options.seed)
    truth = [row["labels"][0] for row in rows]
    print(f"{len(rows)} issues of NLBSE'24's test part, seed {options.seed}")
    for name, more in (("own words", ["--no-model"]), ("model", [])):
        answers, seconds = enriched(options.stet, rows, more)
        guesses = [guess(answer.get("tags", "")) for answer in answers]
        scores = [f1(truth, guesses, label) for label in CLASSES]
        by_model = sum(answer.get("source") == "model" for answer in answers)
        each = ", ".join(f"{label} {score:.3f}" for label, score in zip(CLASSES, scores))
        print(
            f"  {name}: macro-F1 {sum(scores) / len(scores):.3f} ({each}); "
            f"{1000 * seconds / len(rows):.0f} ms an issue, {by_model} by the model"
        )


if __name__ == "__main__":
    main()
