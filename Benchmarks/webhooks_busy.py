"""What webhooks.py measures while reviews run: a server before the fake GitHub (product FakeGitHub)
and a fake model that takes a second for each answer, with ten workers. Webhooks of a hundred pull
requests come at once, and others are acknowledged meanwhile.

It is called by webhooks.py, which has what both need.
"""
import http.client
import json
import multiprocessing
import os
import secrets
import subprocess
import time
import urllib.request

import review

REVIEWS = 100
WORKERS = 10
MODEL_SECONDS = 1.0
LIMITS = {"ack p99 ms, busy": 20, "first model request s": 0.3, "MB after 100 reviews": 90}


def seed(number):
    """A repository with a pull request like no other: the same change twice is asked once only."""
    before = [f"def part_{line}(rows):\n    return sum(rows) + {line}\n\n\n" for line in range(20)]
    after = list(before)
    after[3] = f"def part_{number}(rows):\n    return sum(rows) / len(rows) + {number}\n\n\n"
    return {
        "name": f"acme/shop-{number}", "private": False, "files": {"orders.py": "".join(before)},
        "pulls": [{"number": 7, "title": "Count what is sold", "author": "octocat",
                   "head": {"orders.py": "".join(after)}}]}


class Forge:
    """The fake GitHub in a process of its own, with a hundred repositories."""

    def __init__(self, binary, folder):
        self.token = "bench-" + secrets.token_hex(12)
        path = os.path.join(folder, "seed.json")
        with open(path, "w", encoding="ascii") as file:
            json.dump({"repositories": [seed(number) for number in range(1, REVIEWS + 1)]}, file)
        command = [binary, "--quiet", "--token", self.token, "--login", "acme", "--seed", path]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        for line in self.process.stdout:
            if line.startswith("listening on "):
                self.url = line.split()[-1].strip().rstrip("/")
                return
        raise RuntimeError("the fake GitHub does not start")

    def state(self):
        with urllib.request.urlopen(self.url + "/_fake/state", timeout=10) as answer:
            return json.load(answer)

    def requests(self):
        with urllib.request.urlopen(self.url + "/_fake/requests", timeout=10) as answer:
            return [f"{one['method']} {one['path']} {one['status']}"
                    for one in json.load(answer)["requests"]]

    def published(self):
        """How many pull requests hold a summary, and whether any holds more than one."""
        counts = [
            sum("stet:summary" in comment["body"] for comment in issue["comments"])
            for repository in self.state().values() for issue in repository["issues"]]
        if any(count > 1 for count in counts):
            raise RuntimeError("a summary was posted twice")
        return sum(counts)

    def end(self):
        self.process.terminate()
        self.process.wait()


def opened(body, number, state):
    """The payload of the pull request of a repository."""
    event = json.loads(body)
    event["action"] = "opened"
    del event["label"]
    name = f"shop-{number}"
    pull = event["pull_request"]
    for repository in [event["repository"], pull["head"]["repo"], pull["base"]["repo"]]:
        repository |= {
            "name": name, "full_name": f"acme/{name}", "id": 5_000_000 + number, "private": False}
    issue = state[f"acme/{name}"]["issues"][0]
    pull["head"]["sha"] = issue["head"]
    pull["base"]["sha"] = issue["base"]
    pull |= {"id": 7_000_000 + number, "html_url": f"https://github.com/acme/{name}/pull/7"}
    # An App's number would ask for an App's token.
    del event["installation"]
    return json.dumps(event).encode()


def deliver(port, payload, sign):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("POST", "/webhooks/github", payload, {
        "content-type": "application/json", "x-github-event": "pull_request",
        "x-github-delivery": secrets.token_hex(16), "x-hub-signature-256": sign(payload)})
    answer = connection.getresponse()
    text = answer.read()
    connection.close()
    if answer.status != 202:
        raise RuntimeError(f"not stored: {answer.status} {text[:300]!r}")


def wait_until(what, condition, seconds):
    ends = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > ends:
            raise RuntimeError(f"waited {seconds} s in vain: {what}")
        time.sleep(0.05)


def measure(start_stet, fake, folder, body, sign, latencies, percentile):
    """The figures of LIMITS, and how many acknowledgements they rest on."""
    answer = review.reply

    def slow(request):
        time.sleep(MODEL_SECONDS)
        return answer(request)

    review.reply = slow
    model = review.FakeModel()
    # A request that was given up is no news.
    model.server.handle_error = lambda *_: None
    forge = Forge(fake, folder)
    state = forge.state()
    payloads = [opened(body, number, state) for number in range(1, REVIEWS + 1)]
    server = start_stet(folder, {
        "LLM_PROVIDER": "openai-compatible", "LLM_MODEL": "bench", "NO_PROXY": "127.0.0.1",
        "LLM_BASE_URL": f"http://127.0.0.1:{model.port}/v1", "GITHUB_API_URL": forge.url,
        "GITHUB_TOKEN": forge.token, "STET_WORKERS": str(WORKERS)})
    try:
        time.sleep(1)
        sent = time.monotonic()
        deliver(server.port, payloads[0], sign)
        wait_until("the first model request", lambda: model.arrivals, 30)
        first = model.arrivals[0] - sent
        wait_until("the first review", lambda: forge.published() == 1, 60)

        # In a process of its own, because the fake model's threads share this one's lock.
        context = multiprocessing.get_context("fork")
        result = context.Queue()
        meter = context.Process(
            target=lambda: result.put(latencies(server.port, 77, REVIEWS / WORKERS * 0.7)))
        for payload in payloads[1:]:
            deliver(server.port, payload, sign)
        wait_until("ten reviews at once", lambda: len(model.arrivals) >= WORKERS + 1, 30)
        meter.start()
        taken = result.get(timeout=120)
        meter.join()
        still = forge.published()
        if still > REVIEWS - WORKERS:
            raise RuntimeError(f"{still} reviews were done before the measurement was")
        wait_until("all reviews", lambda: forge.published() == REVIEWS, 180)
        time.sleep(1)
        memory = server.megabytes()
    except RuntimeError:
        with open(server.log, encoding="utf-8", errors="replace") as log:
            print(log.read()[-2000:])
        print("asked of the forge: " + ", ".join(forge.requests()[-20:]))
        raise
    finally:
        server.end()
        forge.end()
        review.reply = answer
    return {
        "acknowledged": len(taken), "ack p50 ms, busy": percentile(taken, 0.5),
        "ack p99 ms, busy": percentile(taken, 0.99), "first model request s": first,
        "MB after 100 reviews": memory}
