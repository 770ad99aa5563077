#!/usr/bin/env python3
"""Labels and duplicates of issues, beside scikit-learn in the same run.

    python3 Benchmarks/issues.py [--nlbse FOLDER] [--program PATH] [--data FILE] [--stet PATH]

FOLDER holds issues_train.csv and issues_test.csv of NLBSE'24's competition on issue report
classification (`nlbse2024/issue-report-classification`, folder `data`); without it only the issues
of STET_SHARED_DATA are looked at. scikit-learn has to be there: it is what is compared with.

Every classifier sees the same texts. With a time split it learns from the older half of each
label and repository and is judged by the newer. No figure here was used to choose a setting of ours:
those were chosen on the competition's training set alone, each part of it judged by the others.

With --stet the built program enriches issues with a scripted model on this machine, which answers at
once: what it takes is Stet's own time, and the tokens are those of its prompts.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time

import scripted_model
from nlbse import read_nlbse

try:
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import f1_score
except ImportError:
    sys.exit("issues.py compares with scikit-learn: python3 -m pip install scikit-learn")

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
# As a newcomer writes it, and as our own features are.
PEERS = {
    "scikit-learn, as it comes": ({}, {"max_iter": 1000}),
    "scikit-learn, pairs of words": (
        {"ngram_range": (1, 2), "sublinear_tf": True, "min_df": 2},
        {"C": 10, "max_iter": 1000},
    ),
}
LEAST_OF_LABEL = 15


def ask(program, question):
    done = subprocess.run(
        [program], input=json.dumps(question).encode(), stdout=subprocess.PIPE, check=True
    )
    return json.loads(done.stdout)


def text(row):
    return {key: row[key] for key in ("title", "description", "labels")}


def whole(row):
    return row["title"] + "\n" + row["description"]


def read_shared(path, every=False):
    """Issues with labels, or every one."""
    rows = []
    with open(path) as file:
        for line in file:
            row = json.loads(line)
            if row["is_pull_request"] or not (every or row["labels"]):
                continue
            rows.append(
                {
                    "repository": row["repository"],
                    "created": row["created_at"],
                    "title": row["title"] or "",
                    "description": row["body"] or "",
                    "labels": row["labels"],
                }
            )
    return sorted(rows, key=lambda row: row["created"])


def by_repository(rows):
    groups = {}
    for row in rows:
        groups.setdefault(row["repository"], []).append(row)
    return sorted(groups.items())


def exclusive(program, groups, split):
    """One label each: the likeliest counts. Macro-F1 by class, the mean over repositories."""
    scores, sure, wrong, asked = {}, 0, 0, 0
    learning = {}
    for _, rows in groups:
        train, test = split(rows)
        labels = sorted({row["labels"][0] for row in rows})
        truth = [row["labels"][0] for row in test]
        answer = ask(
            program,
            {"task": "classify", "known": list(map(text, train)), "asked": list(map(text, test))},
        )
        learning.setdefault("stet", []).append(answer["preparing"])
        guessed = [guess[0]["label"] if guess else labels[0] for guess in answer["guesses"]]
        scores.setdefault("stet", []).append(f1_score(truth, guessed, labels=labels, average=None))
        for right, given in zip(truth, answer["given"]):
            asked += 1
            sure += bool(given)
            wrong += bool(given) and given[0] != right
        for name, (vectorizer, regression) in PEERS.items():
            began = time.perf_counter()
            words = TfidfVectorizer(**vectorizer)
            line = LogisticRegression(**regression).fit(
                words.fit_transform(map(whole, train)), [row["labels"][0] for row in train]
            )
            learning.setdefault(name, []).append(time.perf_counter() - began)
            guessed = line.predict(words.transform(map(whole, test)))
            scores.setdefault(name, []).append(
                f1_score(truth, guessed, labels=labels, average=None)
            )
    for name, repositories in scores.items():
        classes = [sum(column) / len(column) for column in zip(*repositories)]
        shown = " ".join(f"{label} {value:.3f}" for label, value in zip(labels, classes))
        seconds = sum(learning[name]) / len(learning[name])
        mean = sum(classes) / len(classes)
        print(f"  {name:30} macro-F1 {mean:.4f}  {shown}  learned in {seconds:.2f} s")
    print(
        f"  stet, where it is sure: {sure} of {asked} issues, "
        f"right in {1 - wrong / max(1, sure):.3f}"
    )


def several(program, rows):
    """Any number of labels each: those with a probability of a half count."""
    train, test = rows[: len(rows) // 2], rows[len(rows) // 2 :]
    counts = {}
    for row in train:
        for label in row["labels"]:
            counts[label] = counts.get(label, 0) + 1
    labels = sorted(
        label
        for label, count in counts.items()
        if count >= LEAST_OF_LABEL and len(train) - count >= LEAST_OF_LABEL
    )
    if not labels:
        print("  too few issues of any label")
        return
    answer = ask(
        program,
        {"task": "classify", "known": list(map(text, train)), "asked": list(map(text, test))},
    )
    guesses = {"stet": []}
    for guess in answer["guesses"]:
        found = {one["label"]: one["probability"] for one in guess}
        guesses["stet"].append([found.get(label, 0) >= 0.5 for label in labels])
    for name, (vectorizer, regression) in PEERS.items():
        words = TfidfVectorizer(**vectorizer)
        known, new = words.fit_transform(map(whole, train)), words.transform(map(whole, test))
        columns = []
        for label in labels:
            line = LogisticRegression(**regression)
            line.fit(known, [label in row["labels"] for row in train])
            columns.append(line.predict(new))
        guesses[name] = list(zip(*columns))
    truth = [[label in row["labels"] for label in labels] for row in test]
    for name, found in guesses.items():
        classes = f1_score(truth, [list(map(bool, row)) for row in found], average=None)
        shown = " ".join(f"{label} {value:.3f}" for label, value in zip(labels, classes))
        print(f"  {name:30} macro-F1 {sum(classes) / len(classes):.4f}  {shown}")


def halves(rows):
    """Every other sentence of a report, as if two people had written of the same."""
    known, asked = [], []
    for number, row in enumerate(rows):
        sentences = [part for part in row["description"].replace("\n", ". ").split(". ") if part]
        if len(sentences) < 6:
            continue
        known.append(
            {"id": str(number), "title": "", "description": ". ".join(sentences[::2])}
        )
        asked.append(
            {
                "id": str(number),
                "title": row["title"],
                "description": ". ".join(sentences[1::2]),
            }
        )
    return known, asked


def duplicates(program, groups):
    found, peer, asked, seconds = 0, 0, 0, 0.0
    for _, rows in groups:
        known, queries = halves(rows)
        if len(known) < 50:
            continue
        answer = ask(program, {"task": "duplicates", "known": known, "asked": queries})
        seconds += answer["asking"]
        words = TfidfVectorizer()
        index = words.fit_transform(map(whole, known))
        scores = (words.transform(map(whole, queries)) @ index.T).toarray()
        for place, (query, candidates) in enumerate(zip(queries, answer["candidates"])):
            asked += 1
            found += query["id"] in candidates[:10]
            best = scores[place].argsort()[::-1][:10]
            peer += query["id"] in {known[other]["id"] for other in best}
    if not asked:
        print("  too few long reports")
        return
    print(
        f"  recall@10: stet {found / asked:.3f}, scikit-learn's cosine {peer / asked:.3f}, "
        f"{asked} reports; {1000 * seconds / asked:.2f} ms a question"
    )


def twins(program, rows):
    """Issues that were recorded twice, with their text as it was each time: before and after their
    repository was renamed. The one pair of labels for duplicates that the shared data has."""
    groups = {}
    for row in rows:
        key = (row["repository"].split("/")[1], row["title"].strip().lower())
        groups.setdefault(key, []).append(row)
    pairs = [group for group in groups.values() if len({row["repository"] for row in group}) > 1]
    texts = [
        {"id": str(place), "title": row["title"], "description": row["description"]}
        for place, row in enumerate(rows)
    ]
    place_of = {id(row): place for place, row in enumerate(rows)}
    found, changed = 0, 0
    for group in pairs:
        later, earlier = group[1], group[0]
        known = [text for place, text in enumerate(texts) if place != place_of[id(later)]]
        answer = ask(
            program, {"task": "duplicates", "known": known, "asked": [texts[place_of[id(later)]]]}
        )
        found += str(place_of[id(earlier)]) in answer["candidates"][0][:10]
        changed += later["description"] != earlier["description"]
    print(
        f"  recorded twice: recall@10 {found / max(1, len(pairs)):.3f} of {len(pairs)} issues among "
        f"{len(rows)}, {changed} of them with another text"
    )


def enriched(stet, rows, price):
    """Time, tokens and cost of one issue, through the built program and a model that answers at once."""
    rows = rows[:200]
    with tempfile.TemporaryDirectory() as folder, scripted_model.serving() as model:
        path = os.path.join(folder, "issues.jsonl")
        with open(path, "w") as file:
            for row in rows:
                issue = {"title": row["title"][:300] or "?", "description": row["description"][:20000]}
                file.write(json.dumps(issue) + "\n")
        base = {"PATH": os.environ["PATH"], "HOME": folder, "STET_DATA_DIR": folder + "/data"}
        asking = {
            "LLM_PROVIDER": "openai", "OPENAI_BASE_URL": model.url, "OPENAI_API_KEY": "unused",
            "LLM_MODEL": price,
        }
        for name, more in (("without a model", {}), ("with a scripted model", asking)):
            began = time.perf_counter()
            done = subprocess.run(
                [stet, "enrich", "--batch", path], env=base | more, stdout=subprocess.PIPE, check=True
            )
            seconds = time.perf_counter() - began
            answers = [json.loads(line) for line in done.stdout.splitlines()]
            cached = sum(answer["cached"] is not None for answer in answers)
            print(
                f"  {name}: {1000 * seconds / len(rows):.1f} ms an issue, {len(answers)} issues, "
                f"{cached} from the cache"
            )
        report = json.loads(
            subprocess.run(
                [stet, "enrich", "report", "--json"], env=base, stdout=subprocess.PIPE, check=True
            ).stdout
        )
        asked = model.requests
        print(
            f"  {report['tokens'] / max(1, asked):.0f} tokens a question (four bytes counted as one), "
            f"{1000 * report['costUSD'] / max(1, asked):.2f} USD a thousand at the prices of {price}"
        )


def older_half(rows):
    """Of each label, as the competition took as many of each, from other years."""
    groups = {}
    for row in rows:
        groups.setdefault(row["labels"][0], []).append(row)
    older = [row for group in groups.values() for row in group[: len(group) // 2]]
    newer = [row for group in groups.values() for row in group[len(group) // 2 :]]
    return sorted(older, key=lambda row: row["created"]), newer


def official(rows):
    return (
        [row for row in rows if row["part"] == "train"],
        [row for row in rows if row["part"] == "test"],
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--nlbse", default=os.environ.get("STET_NLBSE"))
    parser.add_argument(
        "--program", default=os.path.join(ROOT, ".build", "release", "IssueBench")
    )
    shared = os.environ.get("STET_SHARED_DATA", os.path.join(ROOT, "..", "shared", "data"))
    parser.add_argument("--data", default=os.path.join(shared, "issues", "github-issues.jsonl"))
    parser.add_argument("--stet", help="the built program, for time and cost of an issue")
    parser.add_argument("--price", default="gpt-5.4-nano", help="the model whose prices are used")
    options = parser.parse_args()
    if not os.path.exists(options.program):
        sys.exit("build it first: swift build -c release --product IssueBench")
    if options.nlbse:
        rows = read_nlbse(options.nlbse)
        groups = by_repository(rows)
        print(f"NLBSE'24, its own split, {len(rows)} issues of {len(groups)} repositories")
        exclusive(options.program, groups, official)
        print("NLBSE'24, time split: the older half of each label and repository teaches")
        exclusive(options.program, groups, older_half)
        print("NLBSE'24, halves of the same report as duplicates")
        duplicates(options.program, groups)
    if os.path.exists(options.data):
        rows = read_shared(options.data)
        print(f"github-issues.jsonl, {len(rows)} labelled issues, time split")
        several(options.program, rows)
        answer = ask(
            options.program, {"task": "words", "known": [], "asked": list(map(text, rows))}
        )
        print(f"  the issue's own words: {1e6 * answer['asking'] / len(rows):.0f} µs an issue")
        print("github-issues.jsonl, halves of the same report as duplicates")
        duplicates(options.program, [("all", rows)])
        twins(options.program, read_shared(options.data, every=True))
        if options.stet:
            print("through the built program")
            enriched(options.stet, rows, options.price)
    else:
        print(f"{options.data} is absent")


if __name__ == "__main__":
    main()
