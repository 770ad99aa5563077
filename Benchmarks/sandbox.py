"""Prints how long a program that does nothing takes from request to result in Stet's sandbox, beside
`python3 -I -S`, one-shot bubblewrap and smolagents' executor, all in turns in one run.

    python3 Benchmarks/sandbox.py --bench .build/release/SandboxBench [--quick]

smolagents comes from PyPI, in a pinned version, into a virtual environment in `Benchmarks/out`;
where it cannot be installed the row says so. Its executor interprets Python inside the calling
process: it isolates nothing, and is here because it is what agents are run with.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
OUT = HERE / "out"
SMOLAGENTS = "smolagents==1.26.0"
PYTHON = next((p for p in ("/usr/bin/python3", "/usr/local/bin/python3") if os.path.exists(p)), "")
BUBBLEWRAP = (
    "bwrap --unshare-all --die-with-parent --new-session --cap-drop ALL --clearenv "
    "--ro-bind /usr /usr --symlink usr/bin /bin --symlink usr/lib /lib --symlink usr/lib64 /lib64 "
    "--dev /dev --tmpfs /tmp --chdir /tmp --"
).split()
# A process of its own that answers a line for each line, so that only its calls are timed.
EXECUTOR = """
import sys, time
from smolagents.local_python_executor import LocalPythonExecutor
executor = LocalPythonExecutor([])
executor.send_tools({})
executor("pass")
for line in sys.stdin:
    taken = []
    for _ in range(int(line)):
        start = time.perf_counter()
        executor("pass")
        taken.append((time.perf_counter() - start) * 1000)
    print(taken, flush=True)
"""


class Lines:
    """A program that answers each line with one line."""

    def __init__(self, words):
        self.process = subprocess.Popen(
            words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def ask(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline() or "null")
        if answer is None or isinstance(answer, dict) and "error" in answer:
            raise SystemExit(f"{line}: {answer}")
        return answer

    def end(self):
        self.process.stdin.close()
        self.process.wait(60)


def smolagents():
    """The executor's process, or a sentence that says why there is none."""
    folder = OUT / "smolagents-venv"
    python = folder / "bin" / "python"
    try:
        if not (folder / "ready").exists():
            subprocess.run([sys.executable, "-m", "venv", folder], check=True, capture_output=True)
            subprocess.run(
                [python, "-m", "pip", "install", "-q", SMOLAGENTS],
                check=True, capture_output=True, timeout=600,
            )  # fmt: skip
            (folder / "ready").touch()
        peer = Lines([python, "-c", EXECUTOR])
        peer.ask("1")
        return peer
    except (OSError, subprocess.SubprocessError, SystemExit, ValueError) as error:
        said = getattr(error, "stderr", None) or str(error).encode()
        return f"not run: {said.decode(errors='replace').strip().splitlines()[-1][:100]}"


def processes(words, count):
    taken = []
    for _ in range(count):
        start = time.perf_counter()
        subprocess.run(words, check=True, stdin=subprocess.DEVNULL, capture_output=True)
        taken.append((time.perf_counter() - start) * 1000)
    return taken


def at(share, taken):
    ordered = sorted(taken)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def gather(options, bench, peer):
    """Milliseconds by row. Each is asked for a few runs at a time, in turns, so that whatever else
    the machine does meets them all."""
    rows = {
        # A run stands by before it is asked for. Back to back, the next one is being made ready.
        "stet, zygote": lambda n: bench.ask(f"paced zygote {n}"),
        "stet, zygote, back to back": lambda n: bench.ask(f"sequential zygote {n}"),
        "stet, bubblewrap": lambda n: bench.ask(f"sequential bubblewrap {n}"),
        "python3 -I -S": lambda n: processes([PYTHON, "-I", "-S", "-c", "pass"], n),
        "bubblewrap": lambda n: processes([*BUBBLEWRAP, PYTHON, "-I", "-S", "-c", "pass"], n),
    }
    if isinstance(peer, Lines):
        rows["smolagents"] = lambda n: peer.ask(str(n))
    for run in rows.values():
        run(3)
    taken = {name: [] for name in rows}
    taken["stet, zygote, 50 at once"] = []
    for _ in range(options.rounds):
        for name, run in rows.items():
            taken[name] += run(10)
        taken["stet, zygote, 50 at once"] += bench.ask("concurrent zygote 50")
    return taken


def show(taken, peer, memory):
    base = at(0.5, taken["python3 -I -S"])
    print(f"{'pass, ms':28} {'n':>5} {'p50':>8} {'p95':>8} {'worst':>8}  p50 of python3 -I -S")
    for name, values in taken.items():
        ratio = at(0.5, values) / base
        print(
            f"{name:28} {len(values):5} {at(0.5, values):8.2f} {at(0.95, values):8.2f} "
            f"{max(values):8.2f}  {ratio:.2f}"
        )
    if isinstance(peer, str):
        print(f"{'smolagents':28} {peer}")
    print(f"resident memory of the standard library's zygote: {memory / 1e6:.1f} MB")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bench", required=True, help="the SandboxBench executable")
    parser.add_argument("--quick", action="store_true", help="a fifth of the rounds")
    options = parser.parse_args()
    options.rounds = 4 if options.quick else 20
    OUT.mkdir(exist_ok=True)
    peer = smolagents()
    bench = Lines([options.bench])
    load = os.getloadavg()[0]
    try:
        report = bench.ask("report zygote")
        print(f"{report['backend']}: {', '.join(report['measures'])}")
        taken = gather(options, bench, peer)
        memory = bench.ask("memory")
    finally:
        bench.end()
        if isinstance(peer, Lines):
            peer.end()
    show(taken, peer, memory)
    print(f"load before {load:.1f}, after {os.getloadavg()[0]:.1f}; {os.cpu_count()} cores")
    (OUT / "sandbox.json").write_text(json.dumps(taken))


if __name__ == "__main__":
    main()
