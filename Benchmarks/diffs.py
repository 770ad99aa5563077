"""Parses one large diff with `git apply --numstat`, DiffNumstat and PyPI's unidiff, by turns.

    python3 Benchmarks/diffs.py NUMSTAT [MEGABYTES] [ROUNDS]

NUMSTAT is the release build of the DiffNumstat product. Prints seconds of processor time, MB/s,
ratios, peak memory and the machine's load; exits 1 if the three disagree on any number.
"""

import os
import random
import resource
import subprocess
import sys
import tempfile
import time
import venv

HERE = os.path.dirname(os.path.abspath(__file__))
OUT = os.path.join(HERE, "out")
UNIDIFF = """
import sys, unidiff
with open(sys.argv[1], encoding="utf-8", newline="") as file:
    patch = unidiff.PatchSet(file)
for item in patch:
    print(f"{item.added}\\t{item.removed}\\t{item.path}")
"""
WORDS = "request response value index buffer cursor limit parse write total left right node".split()


def line(source):
    """One line of made-up code, of about the length real ones have."""
    words = source.choices(WORDS, k=source.randint(2, 7))
    indent = "    " * source.randint(0, 3)
    return f"{indent}{words[0]}.{words[1]} = {'('.join(words[1:])}{source.randint(0, 999)};\n"


def make_diff(path, megabytes):
    """Lets git diff two folders of random files until the text is as large as asked."""
    source = random.Random(20260101)
    written = 0
    with open(path, "wb") as output, tempfile.TemporaryDirectory() as folder:
        batch = 0
        while written < megabytes * 1_000_000:
            for number in range(250):
                lines = [line(source) for _ in range(source.randint(50, 1200))]
                name = f"part{batch}/folder{number % 9}/file{number}.c"
                for side in ("before", "after"):
                    target = os.path.join(folder, side, name)
                    os.makedirs(os.path.dirname(target), exist_ok=True)
                    with open(target, "w", encoding="utf-8") as file:
                        file.writelines(lines)
                    changed = []
                    for text in lines:
                        chance = source.random()
                        if chance < 0.06:
                            changed.append(line(source))
                        elif chance > 0.03 + 0.06:
                            changed.append(text)
                        if chance > 0.96:
                            changed.extend(line(source) for _ in range(source.randint(1, 6)))
                    lines = changed
            batch += 1
            made = subprocess.run(
                ["git", "diff", "--no-index", "--no-prefix", "before", "after"],
                cwd=folder, capture_output=True, check=False).stdout
            made = made.replace(b"before/", b"a/").replace(b"after/", b"b/")
            output.write(made)
            written += len(made)
            subprocess.run(["rm", "-rf", f"{folder}/before", f"{folder}/after"], check=True)


def timed(command):
    """Runs a command alone: its output, processor seconds, wall seconds and peak bytes."""
    with tempfile.TemporaryFile() as output:
        start = time.monotonic()
        child = os.posix_spawnp(
            command[0], command, os.environ,
            file_actions=[(os.POSIX_SPAWN_DUP2, output.fileno(), 1)])
        _, status, usage = os.wait4(child, 0)
        wall = time.monotonic() - start
        if status != 0:
            sys.exit(f"{command[0]} failed: {os.waitstatus_to_exitcode(status)}")
        output.seek(0)
        return output.read(), usage.ru_utime + usage.ru_stime, wall, usage.ru_maxrss * 1024


def main():
    """Builds what is missing, runs all three by turns and compares them."""
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    numstat = os.path.abspath(sys.argv[1])
    megabytes = int(sys.argv[2]) if len(sys.argv) > 2 else 100
    rounds = int(sys.argv[3]) if len(sys.argv) > 3 else 3
    os.makedirs(OUT, exist_ok=True)
    # Outside any repository, or git would read the diff's paths as relative to one.
    os.environ["GIT_CEILING_DIRECTORIES"] = HERE
    os.chdir(OUT)
    path = os.path.join(OUT, f"large-{megabytes}.diff")
    if not os.path.exists(path):
        make_diff(path + ".part", megabytes)
        os.rename(path + ".part", path)
    python = os.path.join(OUT, "venv", "bin", "python")
    if not os.path.exists(python):
        venv.create(os.path.join(OUT, "venv"), with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "-q", "unidiff==0.7.5"], check=True)
    script = os.path.join(OUT, "unidiff_numstat.py")
    with open(script, "w", encoding="utf-8") as file:
        file.write(UNIDIFF)

    size = os.path.getsize(path)
    load = os.getloadavg()[0]
    print(f"{size / 1e6:.1f} MB, load {load:.1f} on {os.cpu_count()} cores", flush=True)
    commands = {"git": ["git", "apply", "--numstat", path], "stet": [numstat, path],
                "unidiff": [python, script, path]}
    best, peak, outputs = {}, {}, {}
    for number in range(rounds):
        for name, command in commands.items():
            # Minutes each time, so once; the two that take seconds are run in every round.
            if name == "unidiff" and number > 0:
                continue
            outputs[name], cpu, wall, memory = timed(command)
            best[name] = min(best.get(name, cpu), cpu)
            peak[name] = max(peak.get(name, 0), memory)
            print(f"  {name:8} {cpu:7.2f} CPU-s {wall:7.2f} s {memory / 1e6:7.0f} MB", flush=True)
    counts = {name: sorted(output.split(b"\n")) for name, output in outputs.items()}
    for name in commands:
        print(f"{name:8} {size / 1e6 / best[name]:8.1f} MB/s   peak {peak[name] / size:.2f} x input")
    print(f"stet / git     {best['git'] / best['stet']:.2f}   (asked: 0.5)")
    print(f"stet / unidiff {best['unidiff'] / best['stet']:.1f}   (asked: 50)")
    print(f"load {os.getloadavg()[0]:.1f}; the driver's own peak "
          f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")
    if not counts["git"] == counts["stet"] == counts["unidiff"]:
        sys.exit("the three disagree on the numbers")
    print(f"all three agree on {len(counts['git']) - 1} files")


if __name__ == "__main__":
    main()
