#!/usr/bin/env python3
"""Stet beside PR-Agent 0.49.0 on one diff and one fake model, alternated in one run; then a large
diff, of which every hunk must be reviewed or in the ledger.

CPU seconds and peak memory are those of the kernel for the finished process, the launcher's own
10 MB being the least that can be seen. Standard library only.
usage: review.py [--stet PATH] [--peer PYTHON] [--rounds N] [--no-peer]
"""
import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PEER = "pr-agent[github]==0.49.0"

# What Stet promises: issue "core", part F.
LIMITS = {"start CPU s": 0.05, "start MB": 40, "first request s": 0.15, "large beyond input MB": 70}


class FakeModel:
    """A server that speaks OpenAI's chat interface and notes when each request came."""

    def __init__(self):
        self.arrivals = []
        self.bytes_in = 0
        self.lock = threading.Lock()
        fake = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *args):
                pass

            def answer(self, body, kind="application/json", status=200):
                data = body.encode()
                self.send_response(status)
                self.send_header("content-type", kind)
                self.send_header("content-length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def do_GET(self):
                self.answer(json.dumps({"object": "list", "data": [{"id": "bench"}]}))

            def do_POST(self):
                came = time.monotonic()
                data = self.rfile.read(int(self.headers.get("content-length", 0)))
                if "chat/completions" not in self.path:
                    self.answer('{"error":{"message":"not here"}}', status=404)
                    return
                with fake.lock:
                    fake.arrivals.append(came)
                    fake.bytes_in += len(data)
                request = json.loads(data)
                text = reply(request)
                usage = {
                    "prompt_tokens": len(data) // 4,
                    "completion_tokens": 20,
                    "total_tokens": len(data) // 4 + 20,
                }
                head = {"id": "1", "created": 1, "model": request.get("model", "bench")}
                if request.get("stream"):
                    pieces = [
                        {"choices": [{"index": 0, "delta": {"role": "assistant", "content": text}}]},
                        {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
                        {"choices": [], "usage": usage},
                    ]
                    lines = [
                        "data: " + json.dumps(head | {"object": "chat.completion.chunk"} | piece)
                        for piece in pieces
                    ]
                    self.answer("\n\n".join(lines + ["data: [DONE]", ""]), "text/event-stream")
                    return
                message = {"role": "assistant", "content": text}
                choice = {"index": 0, "message": message, "finish_reason": "stop"}
                whole = {"object": "chat.completion", "choices": [choice], "usage": usage}
                self.answer(json.dumps(head | whole))

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def reset(self):
        with self.lock:
            self.arrivals.clear()
            self.bytes_in = 0


def reply(request):
    """The emptiest answer that the request allows."""
    wanted = request.get("response_format") or {}
    schema = (wanted.get("json_schema") or {}).get("schema")
    if schema:
        return json.dumps(emptiest(schema))
    if wanted.get("type") == "json_object":
        return '{"findings": []}'
    return (
        "```yaml\nreview:\n  estimated_effort_to_review_[1-5]: |\n    1\n  relevant_tests: |\n    No\n"
        "  key_issues_to_review: []\n  security_concerns: |\n    No\n```\n"
    )


def emptiest(schema):
    kind = schema.get("type")
    if isinstance(kind, list):
        return None if "null" in kind else emptiest(schema | {"type": kind[0]})
    if "anyOf" in schema:
        options = schema["anyOf"]
        return None if {"type": "null"} in options else emptiest(options[0])
    if "enum" in schema:
        return schema["enum"][0]
    if kind == "object":
        return {name: emptiest(part) for name, part in schema.get("properties", {}).items()}
    return {"array": [], "integer": 0, "number": 0, "boolean": False}.get(kind, "")


# The kernel's peak counts from the size of the process that starts a program, so that one is small.
LAUNCHER = """
import json, os, sys, time
with open(sys.argv[1], "wb") as log:
    streams = [(os.POSIX_SPAWN_DUP2, log.fileno(), 1), (os.POSIX_SPAWN_DUP2, log.fileno(), 2)]
    started = time.monotonic()
    process = os.posix_spawnp(sys.argv[2], sys.argv[2:], os.environ, file_actions=streams)
    _, status, usage = os.wait4(process, 0)
wall = time.monotonic() - started
print(json.dumps({
    "status": os.waitstatus_to_exitcode(status), "started": started, "wall": wall,
    "cpu": usage.ru_utime + usage.ru_stime, "mb": usage.ru_maxrss / 1024}))
"""


def measure(command, environment, folder, log):
    """Runs a command to its end."""
    launcher = [sys.executable, "-I", "-S", "-c", LAUNCHER, log] + command
    done = subprocess.run(
        launcher, env=environment, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        timeout=600, check=True)
    return json.loads(done.stdout)


def file_diff(number, functions):
    """A changed Python file: in each hunk one function loses a guard and gains lines."""
    path = f"shop/part{number:03d}.py"
    text = [
        f"diff --git a/{path} b/{path}\n", "index 1111111..2222222 100644\n", f"--- a/{path}\n",
        f"+++ b/{path}\n",
    ]
    old = new = 1
    added = 0
    for place in range(functions):
        name = f"total_{number}_{place}"
        before = [f"def {name}(rows):\n", "    if not rows:\n", "        return 0\n"]
        after = [f"    count_{line} = len(rows) + {line}\n" for line in range(10)]
        body = (
            [" " + before[0]] + ["-" + line for line in before[1:]] + ["+" + line for line in after]
            + ["     return sum(rows) / len(rows)\n", " \n"]
        )
        text.append(f"@@ -{old},5 +{new},13 @@\n")
        text += body
        # Forty unchanged lines lie between two hunks.
        old += 45
        new += 53
        added += len(after)
    return "".join(text), added


def make_diff(files, functions):
    parts = [file_diff(number, functions) for number in range(files)]
    return "".join(text for text, _ in parts), sum(added for _, added in parts)


def stet_environment(port, folder):
    return {
        "PATH": os.environ["PATH"], "HOME": folder, "STET_DATA_DIR": os.path.join(folder, "data"),
        "LLM_PROVIDER": "openai-compatible", "LLM_MODEL": "bench",
        "LLM_BASE_URL": f"http://127.0.0.1:{port}/v1", "NO_PROXY": "127.0.0.1", "NO_COLOR": "1",
    }


def peer_environment(port, folder):
    """Without a tokenizer on disk PR-Agent downloads one, so a shim counts four bytes a token."""
    shim = os.path.join(folder, "shim", "tiktoken")
    os.makedirs(shim, exist_ok=True)
    with open(os.path.join(shim, "__init__.py"), "w", encoding="utf-8") as file:
        file.write(
            "class Encoding:\n"
            "    name = 'shim'\n"
            "    def encode(self, text, **_):\n"
            "        return list(range((len(text) + 3) // 4))\n"
            "    encode_ordinary = encode\n"
            "    def decode(self, tokens, **_):\n"
            "        return 'word' * len(tokens)\n"
            "def get_encoding(_):\n"
            "    return Encoding()\n"
            "def encoding_for_model(_):\n"
            "    return Encoding()\n"
        )
    return {
        "PATH": os.environ["PATH"], "HOME": folder, "PYTHONPATH": os.path.dirname(shim),
        "OPENAI__KEY": "bench", "OPENAI__API_BASE": f"http://127.0.0.1:{port}/v1",
        "CONFIG__MODEL": "openai/bench", "CONFIG__FALLBACK_MODELS": '["openai/bench"]',
        "CONFIG__CUSTOM_MODEL_MAX_TOKENS": "32000", "CONFIG__USE_REPO_SETTINGS_FILE": "false",
        "LITELLM_LOCAL_MODEL_COST_MAP": "True", "NO_PROXY": "127.0.0.1",
    }


def find_peer(given):
    """A Python that has PR-Agent; made under Benchmarks/out where none is given."""
    if given:
        return given
    home = os.path.join(ROOT, "Benchmarks", "out", "pr-agent")
    python = os.path.join(home, "bin", "python")
    if not os.path.exists(os.path.join(home, "installed")):
        maker = shutil.which("python3.12")
        if not maker:
            return None
        print("installing PR-Agent in a private environment ...", file=sys.stderr)
        shutil.rmtree(home, ignore_errors=True)
        try:
            subprocess.run([maker, "-m", "venv", home], check=True)
            subprocess.run([python, "-m", "pip", "install", "-q", PEER], check=True)
        except (subprocess.CalledProcessError, OSError):
            return None
        with open(os.path.join(home, "installed"), "w", encoding="utf-8") as file:
            file.write(PEER + "\n")
    return python


def row(name, ours, theirs, unit):
    places = 3 if unit.endswith("s") and unit != "bytes" else 1 if unit == "MB" else 0
    if theirs is None:
        print(f"{name:<34} {ours:>9.{places}f} {unit}")
        return
    ratio = theirs / ours if ours else float("inf")
    print(f"{name:<34} {ours:>9.{places}f} {theirs:>9.{places}f} {unit:<6} {ratio:>7.1f}x")


def compare(fake, stet, peer, folder, rounds):
    diff = os.path.join(folder, "small.diff")
    with open(diff, "w", encoding="utf-8") as file:
        file.write(make_diff(1, 3)[0])
    programs = {"stet": (stet_environment(fake.port, folder), [stet])}
    if peer:
        entry = os.path.join(os.path.dirname(peer), "pr-agent")
        programs["peer"] = (peer_environment(fake.port, folder), [entry])
    figures = {name: {"start": [], "review": [], "first": [], "prompt": [], "requests": []} for name in programs}
    for _ in range(rounds):
        for name, (environment, command) in programs.items():
            log = os.path.join(folder, f"{name}.log")
            start = command + (["--version"] if name == "stet" else ["--help"])
            figures[name]["start"].append(measure(start, environment, folder, log))
            fake.reset()
            if name == "stet":
                ask = command + ["review", "--diff", diff, "--format", "json", "--no-cache"]
            else:
                ask = command + [f"--diff-file={diff}", "review"]
            result = measure(ask, environment, folder, log)
            if not fake.arrivals:
                with open(log, encoding="utf-8", errors="replace") as file:
                    tail = file.read()[-1500:]
                raise SystemExit(f"{name} sent no request (status {result['status']}):\n{tail}")
            figures[name]["review"].append(result)
            figures[name]["first"].append(fake.arrivals[0] - result["started"])
            figures[name]["prompt"].append(fake.bytes_in)
            figures[name]["requests"].append(len(fake.arrivals))

    def middle(name, part, key=None):
        if name not in figures:
            return None
        return statistics.median(
            entry[key] if key else entry for entry in figures[name][part])

    load = f"median of {rounds} rounds, load {os.getloadavg()[0]:.1f}"
    print(f"{load:<34} {'stet':>9}" + (f" {'PR-Agent':>9}" if peer else ""))
    table = [
        ("start (--version / --help)", "start", "cpu", "CPU s"),
        ("start, peak memory", "start", "mb", "MB"),
        ("review", "review", "cpu", "CPU s"),
        ("review, peak memory", "review", "mb", "MB"),
        ("command to first model request", "first", None, "s"),
        ("requests to the model", "requests", None, ""),
        ("bytes sent to the model", "prompt", None, "bytes"),
    ]
    for title, part, key, unit in table:
        row(title, middle("stet", part, key), middle("peer", part, key), unit)
    return {
        "start CPU s": middle("stet", "start", "cpu"),
        "start MB": middle("stet", "start", "mb"),
        "first request s": middle("stet", "first"),
    }


def large(fake, stet, folder):
    text, lines = make_diff(300, 7)
    hunks = text.count("\n@@ ")
    diff = os.path.join(folder, "large.diff")
    with open(diff, "w", encoding="utf-8") as file:
        file.write(text)
    fake.reset()
    out = os.path.join(folder, "large.json")
    result = measure(
        [stet, "review", "--diff", diff, "--format", "json", "--no-cache", "--output", out],
        stet_environment(fake.port, folder), folder, os.path.join(folder, "large.log"))
    if not os.path.exists(out):
        with open(os.path.join(folder, "large.log"), encoding="utf-8", errors="replace") as file:
            raise SystemExit(f"no review of the large diff:\n{file.read()[-1500:]}")
    with open(out, encoding="utf-8") as file:
        coverage = json.load(file)["coverage"]
    whole = {part["path"] for part in coverage["skipped"] if part["hunk"] is None}
    single = {
        (part["path"], part["hunk"]) for part in coverage["skipped"]
        if part["hunk"] is not None and part["path"] not in whole
    }
    told = coverage["hunks_reviewed"] + 7 * len(whole) + len(single)
    beyond = result["mb"] - len(text.encode()) / 1048576
    print(
        f"\nlarge diff: 300 files, {lines} added lines, {hunks} hunks: "
        f"{coverage['hunks_reviewed']} reviewed in {len(fake.arrivals)} requests, "
        f"{told - coverage['hunks_reviewed']} in the ledger; "
        f"{result['cpu']:.2f} CPU s, {result['mb']:.1f} MB ({beyond:.1f} MB beyond the input)")
    if coverage["hunks"] != hunks or told != hunks:
        print(f"MISSED: {hunks} hunks went in, {told} of {coverage['hunks']} are accounted for")
        return {"large beyond input MB": float("inf")}
    return {"large beyond input MB": beyond}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--stet", default=os.path.join(ROOT, ".build", "release", "stet"))
    parser.add_argument("--peer", help="a Python that has PR-Agent installed")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--no-peer", action="store_true")
    arguments = parser.parse_args()
    peer = None if arguments.no_peer else find_peer(arguments.peer)
    if not peer:
        print("without PR-Agent (it needs Python 3.12 and the network once)", file=sys.stderr)
    stet = os.path.abspath(arguments.stet)
    fake = FakeModel()
    with tempfile.TemporaryDirectory() as folder:
        figures = compare(fake, stet, peer, folder, arguments.rounds)
        figures |= large(fake, stet, folder)
    failed = [name for name, limit in LIMITS.items() if figures[name] >= limit]
    for name, limit in LIMITS.items():
        print(f"{'MISSED' if name in failed else 'ok':<7} {name}: {figures[name]:.3f} < {limit}")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
