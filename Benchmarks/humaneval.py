#!/usr/bin/env python3
"""How often a model's code is right: in one shot, as the best of N, and by the loop at equal cost.

Runs `stet generate` on a random sample of HumanEval with the model of the environment
(LLM_PROVIDER=local where none is set). The programs see the prompt alone; the hidden tests score
what came out, by `stet evaluate`. The loop may take the tokens that the best of N took for the same
task, no more. What was done is kept in --out, so that a run that was ended goes on where it stopped.

usage: humaneval.py [--stet PATH] [--data FOLDER] [--tasks N] [--seed N] [--samples N]
                    [--rounds N] [--minutes M] [--out FILE.jsonl]
"""

import argparse
import json
import math
import os
import pathlib
import random
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
WAYS = ["one shot", "best of N", "loop"]


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--stet", default=str(ROOT / ".build/release/stet"))
    parser.add_argument("--data", default=os.environ.get("STET_SHARED_DATA", ""))
    parser.add_argument("--tasks", type=int, default=40)
    parser.add_argument("--seed", type=int, default=20261121)
    parser.add_argument("--samples", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--minutes", type=float, default=120)
    parser.add_argument("--out", default=str(ROOT / "Benchmarks/out/humaneval.jsonl"))
    return parser.parse_args()


def tasks(folder, count, seed):
    path = pathlib.Path(folder) / "humaneval" / "HumanEval.jsonl"
    if not folder or not path.exists():
        sys.exit("humaneval.py: name the folder with humaneval/HumanEval.jsonl by --data FOLDER")
    lines = path.read_text(encoding="utf-8").splitlines()
    every = [json.loads(line) for line in lines if line]
    return random.Random(seed).sample(every, min(count, len(every)))


def stet(program, words, folder, seconds=900):
    environment = {"LLM_PROVIDER": "local", **os.environ}
    environment["STET_DATA_DIR"] = os.environ.get("STET_DATA_DIR") or default_data()
    began = time.monotonic()
    done = subprocess.run(
        [program, *words], cwd=folder, env=environment, capture_output=True, text=True,
        timeout=seconds, check=False)
    return done, time.monotonic() - began


def default_data():
    home = os.environ.get("XDG_DATA_HOME") or os.path.expanduser("~/.local/share")
    return os.path.join(home, "stet")


def generate(options, task, way, tokens, folder):
    """The code that came out, what it took, and how long beyond the model's own time."""
    bounds = {
        "one shot": ["--rounds", "1", "--candidates", "1"],
        "best of N": ["--rounds", "1", "--candidates", str(options.samples)],
        "loop": ["--rounds", str(options.rounds), "--candidates", "2"],
    }[way]
    if tokens:
        bounds += ["--tokens", str(tokens)]
    words = ["generate", prompt(task), "--axis", "correctness", "--json", *bounds]
    done, seconds = stet(options.stet, words, folder)
    try:
        result = json.loads(done.stdout)
    except ValueError:
        return {"code": "", "verdict": "none", "tokens": 0, "seconds": seconds,
                "error": done.stderr[-300:]}
    usage = result["usage"]
    shown, _ = stet(options.stet, ["runs", "show", result["run"], "--json"], folder)
    run = json.loads(shown.stdout) if shown.returncode == 0 else {"modelCalls": [], "seconds": 0}
    return {
        "code": result["code"], "verdict": result["verdict"], "rounds": len(result["rounds"]),
        "tokens": usage["input_tokens"] + usage["output_tokens"], "calls": usage["model_calls"],
        "seconds": run["seconds"],
        "model_seconds": sum(call["seconds"] for call in run["modelCalls"]),
    }


def prompt(task):
    return "Complete this function. Keep its name and its parameters.\n\n" + task["prompt"]


def is_right(options, task, code, folder):
    if not code:
        return False
    place = pathlib.Path(folder)
    (place / "solution.py").write_text(code, encoding="utf-8")
    name = task["entry_point"]
    text = f"from solution import {name}\n{task['test']}\n\ndef test_hidden():\n    check({name})\n"
    (place / "test_hidden.py").write_text(text, encoding="utf-8")
    done, _ = stet(
        options.stet,
        ["evaluate", "solution.py", "--tests", "test_hidden.py", "--format", "json"], folder)
    try:
        axes = {axis["name"]: axis for axis in json.loads(done.stdout)["axes"]}
    except ValueError:
        sys.exit("humaneval.py: stet evaluate said: " + done.stderr[-500:])
    return axes["correctness"]["verdict"] == "pass"


def known(path):
    try:
        lines = pathlib.Path(path).read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return {}
    rows = [json.loads(line) for line in lines if line]
    return {(row["seed"], row["task"], row["way"]): row for row in rows}


def interval(right, count):
    """Wilson's, 95 %."""
    if not count:
        return 0.0, 1.0
    z, p = 1.96, right / count
    middle = (p + z * z / (2 * count)) / (1 + z * z / count)
    half = z * math.sqrt(p * (1 - p) / count + z * z / (4 * count * count)) / (1 + z * z / count)
    return middle - half, middle + half


def report(rows, names):
    whole = [name for name in names if all((name, way) in rows for way in WAYS)]
    print(f"{len(whole)} of {len(names)} tasks were done in every way")
    print("| way | right | of them said `pass` | wrong and said `pass` | tokens a task | "
          "seconds a task | beyond the model's |")
    print("|---|---|---|---|---|---|---|")
    for way in WAYS:
        mine = [rows[name, way] for name in whole]
        if not mine:
            continue
        right = [row for row in mine if row["right"]]
        low, high = interval(len(right), len(mine))
        lies = sum(1 for row in mine if not row["right"] and row["verdict"] == "pass")
        held = sum(1 for row in right if row["verdict"] == "pass")
        count = len(mine)
        beyond = [max(0, row["seconds"] - row.get("model_seconds", 0)) for row in mine]
        print(f"| {way} | {len(right)}/{count} ({low:.0%} to {high:.0%}) | {held} | {lies} | "
              f"{sum(row['tokens'] for row in mine) / count:.0f} | "
              f"{sum(row['seconds'] for row in mine) / count:.1f} | "
              f"{sum(beyond) / count:.1f}, at most {max(beyond):.1f} |")


def main():
    options = arguments()
    chosen = tasks(options.data, options.tasks, options.seed)
    end = time.monotonic() + options.minutes * 60
    pathlib.Path(options.out).parent.mkdir(parents=True, exist_ok=True)
    done = known(options.out)
    with open(options.out, "a", encoding="utf-8") as out:
        for number, task in enumerate(chosen):
            for way in WAYS:
                key = (options.seed, task["task_id"], way)
                if key in done:
                    continue
                if time.monotonic() > end:
                    break
                with tempfile.TemporaryDirectory() as folder:
                    most = None
                    if way == "loop":
                        best = done.get((options.seed, task["task_id"], "best of N"))
                        most = max(1, best["tokens"]) if best else None
                    row = generate(options, task, way, most, folder)
                    row["right"] = is_right(options, task, row["code"], folder)
                row.update(seed=options.seed, task=task["task_id"], way=way)
                done[key] = row
                out.write(json.dumps(row) + "\n")
                out.flush()
                print(f"{number + 1}/{len(chosen)} {task['task_id']} {way}: "
                      f"{'right' if row['right'] else 'wrong'}, said {row['verdict']}, "
                      f"{row['tokens']} tokens, {row['seconds']:.0f} s", file=sys.stderr)
    names = [task["task_id"] for task in chosen]
    print(f"seed {options.seed}, {options.samples} samples, at most {options.rounds} rounds, "
          f"model {os.environ.get('LLM_PROVIDER', 'local')} {os.environ.get('LLM_MODEL', '')}")
    report({(key[1], key[2]): row for key, row in done.items() if key[0] == options.seed}, names)


if __name__ == "__main__":
    main()
