#!/usr/bin/env python3
"""Kills `stet serve` at many moments of one review, starts it again, and counts what was posted.

usage: kill.py --payload PULL_REQUEST.json [--stet PATH] [--fake PATH] [--moments N] [--verbose]

A FakeGitHub is seeded from the webhook's payload and holds the n-th request that the server makes,
before or after having done it; there the server is killed with SIGKILL and started again. When no
job is left, exactly one review, one summary comment and one finished check must stand, and no
comment at a line twice. Without --moments every moment there is, is tried.
"""

import argparse
import collections
import hashlib
import hmac
import json
import os
import pathlib
import re
import secrets
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
import uuid

APP = "4711"
SUMMARY = "<!-- stet:summary -->"
FINDING = re.compile(r"<!-- stet:finding (\S+) -->")


def ask(url, data=None, headers=None, timeout=10):
    request = urllib.request.Request(url, data=data, headers=headers or {})
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=timeout) as answer:
        return answer.status, json.loads(answer.read() or b"null")


class Program:
    """A process whose address stands in what it prints."""

    def __init__(self, command, env, log):
        self.log = log
        self.process = subprocess.Popen(
            command, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, errors="replace")
        self.url = None
        self.found = threading.Event()
        self.thread = threading.Thread(target=self.read, daemon=True)
        self.thread.start()
        if not self.found.wait(30) or self.url is None:
            self.kill()
            raise SystemExit(f"{command[0]} printed no address:\n" + "".join(log[-20:]))

    def read(self):
        for line in self.process.stdout:
            self.log.append(line)
            match = re.search(r"(?:listening|serves) on (https?://[0-9.]+:\d+)", line)
            if match and self.url is None:
                self.url = match.group(1)
                self.found.set()
        self.found.set()

    def kill(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.thread.join(5)


def until(limit, what, check):
    end = time.monotonic() + limit
    while time.monotonic() < end:
        value = check()
        if value:
            return value
        time.sleep(0.02)
    raise TimeoutError(f"{what}: not within {limit} s")


def play(options, payload, event, moment):
    """One review, killed at `moment`: None, 'accepted', or ('before' or 'after', n)."""
    with tempfile.TemporaryDirectory(prefix="stet-kill-") as folder:
        folder = pathlib.Path(folder)
        private, public = folder / "app.pem", folder / "app.pub"
        subprocess.run(["openssl", "genrsa", "-out", private, "2048"], check=True,
                       capture_output=True)
        subprocess.run(["openssl", "rsa", "-in", private, "-pubout", "-out", public], check=True,
                       capture_output=True)
        installation = str((event.get("installation") or {}).get("id") or 1)
        log = []
        clean = {"PATH": os.environ["PATH"], "HOME": str(folder), "LC_ALL": "C.UTF-8"}
        fake = Program(
            [options.fake, "--seed-webhook", options.payload, "--app", APP, "--app-key", public,
             "--app-slug", "stet-kill", "--installation", installation], clean, log)
        secret = secrets.token_hex(16)
        env = clean | {
            "STET_DATA_DIR": str(folder / "data"), "STET_LISTEN": "127.0.0.1:0",
            "GITHUB_API_URL": fake.url, "GITHUB_APP_ID": APP,
            "GITHUB_APP_PRIVATE_KEY": str(private), "GITHUB_WEBHOOK_SECRET": secret,
            "LLM_PROVIDER": "none",
        }
        (folder / "data").mkdir(mode=0o700)
        stet = Program([options.stet, "serve"], env, log)
        try:
            if isinstance(moment, tuple):
                ask(f"{fake.url}/_fake/hold", json.dumps({moment[0]: moment[1]}).encode())
            signature = hmac.new(secret.encode(), payload, hashlib.sha256).hexdigest()
            status, _ = ask(f"{stet.url}/webhooks/github", payload, {
                "content-type": "application/json", "x-github-event": "pull_request",
                "x-github-delivery": str(uuid.uuid4()),
                "x-hub-signature-256": f"sha256={signature}", "user-agent": "GitHub-Hookshot/kill",
            })
            if status != 202:
                raise SystemExit(f"the webhook was answered with {status}")
            if moment is not None:
                if moment != "accepted":
                    until(30, f"request {moment}",
                          lambda: ask(f"{fake.url}/_fake/requests")[1]["held"])
                stet.kill()
                stet = Program([options.stet, "serve"], env, log)

            def idle():
                counts = ask(f"{stet.url}/v1/jobs")[1]["counts"]
                return sum(counts.values()) > 1 and not any(
                    counts.get(state) for state in
                    ("available", "running", "scheduled", "retryable")) and counts
            counts = until(options.patience, "an idle server", idle)
            return judge(event, ask(f"{fake.url}/_fake/state")[1],
                         ask(f"{fake.url}/_fake/requests")[1], counts)
        except (TimeoutError, urllib.error.URLError) as error:
            return {"problems": [str(error)], "requests": [], "log": log}
        finally:
            if options.verbose:
                sys.stderr.writelines(log)
            stet.kill()
            fake.kill()


def judge(event, state, requests, counts):
    repository = state[event["repository"]["full_name"]]
    issue = next(i for i in repository["issues"] if i["number"] == event["number"])
    summaries = [c for c in issue["comments"] if SUMMARY in c["body"]]
    marks = collections.Counter(
        mark for c in issue["review_comments"] for mark in FINDING.findall(c["body"]))
    checks = repository["check_runs"]
    problems = []
    for name, count in [("reviews", len(issue["reviews"])), ("summaries", len(summaries)),
                        ("comments", len(issue["comments"])), ("checks", len(checks))]:
        if count != 1:
            problems.append(f"{count} {name}")
    if not issue["review_comments"]:
        problems.append("no comment at a line")
    if len(marks) != len(issue["review_comments"]):
        problems.append("review comments without a fingerprint of their own")
    problems += [f"{mark} posted {n} times" for mark, n in marks.items() if n > 1]
    problems += [f"check is {c['status']}" for c in checks if c["status"] != "completed"]
    if counts.get("discarded") or counts.get("cancelled"):
        problems.append(f"jobs: {counts}")
    return {
        "problems": problems, "requests": requests["requests"], "reviews": len(issue["reviews"]),
        "summaries": len(summaries), "checks": len(checks),
        "comments": len(issue["review_comments"]),
        "conclusion": checks[0]["conclusion"] if checks else None,
    }


def chosen(moments, count):
    """So many of them, spread evenly, first and last among them."""
    if count is None or count >= len(moments):
        return moments
    if count < 2:
        return moments[:count]
    return [moments[i * (len(moments) - 1) // (count - 1)] for i in range(count)]


def main():
    root = pathlib.Path(__file__).resolve().parent.parent
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--payload", required=True, help="a pull_request webhook")
    parser.add_argument("--stet", default=str(root / ".build/release/stet"))
    parser.add_argument("--fake", default=str(root / ".build/debug/FakeGitHub"))
    parser.add_argument("--moments", type=int, help="so many, spread over the review")
    parser.add_argument("--patience", type=float, default=60, help="seconds until idle")
    parser.add_argument("--verbose", action="store_true", help="print what both programs print")
    options = parser.parse_args()
    payload = pathlib.Path(options.payload).read_bytes()
    event = json.loads(payload)

    calm = play(options, payload, event, None)
    if calm["problems"]:
        print("without a kill: " + "; ".join(calm["problems"]))
        print("".join(calm.get("log", [])[-30:]))
        return 1
    calls = calm["requests"]
    print(f"without a kill: {len(calls)} forge calls, {calm['comments']} comments, check "
          f"{calm['conclusion']}")
    for call in calls:
        print(f"  {call['number']} {call['method']} {call['path']} {call['status']}")
    moments = ["accepted"] + [
        (side, call["number"]) for call in calls for side in ("before", "after")]
    bad = 0
    print(f"\n{'killed':<44} {'reviews':>7} {'summaries':>9} {'comments':>8} {'checks':>6} "
          f"{'calls':>5}  result")
    for moment in chosen(moments, options.moments):
        result = play(options, payload, event, moment)
        if moment == "accepted":
            name = "once the webhook was accepted"
        else:
            call = calls[moment[1] - 1]
            name = f"{moment[0]} {call['method']} …/{call['path'].split('?')[0].split('/')[-1]}"
            name += f" ({moment[1]})"
        bad += bool(result["problems"])
        print(f"{name:<44} {result.get('reviews', '?'):>7} {result.get('summaries', '?'):>9} "
              f"{result.get('comments', '?'):>8} {result.get('checks', '?'):>6} "
              f"{len(result['requests']):>5}  " + ("; ".join(result["problems"]) or "once"))
        if "log" in result:
            print("".join(result["log"][-15:]))
        sys.stdout.flush()
    total = len(chosen(moments, options.moments))
    print(f"\n{total - bad} of {total} moments posted exactly once")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
