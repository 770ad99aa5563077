"""The fake GitHub, the pull requests in it, and the deliveries that tell of them."""

import collections
import hashlib
import hmac
import json
import re
import secrets
import subprocess
import threading
import uuid

from chaos.programs import Program, ask

OWNER = "octo-org"
APP = "4711"
SUMMARY = "<!-- stet:summary -->"
FINDING = re.compile(r"<!-- stet:finding (\S+) -->")
REVIEW = re.compile(r"<!-- stet:review (\S+) -->")
# GitHub lets nobody delete a submitted review, so one that was sent twice is emptied and says so.
DOUBLED = "<!-- stet:doubled -->"
# Pull requests of one repository.
PULLS = 20
# The built-in rules report both: a bare except, and a default that is shared between calls.
FINDINGS = 2

BASE = {"app/orders.py": """import json


def load(path):
    with open(path) as file:
        return json.load(file)


def total(orders):
    return sum(order["price"] for order in orders)
"""}

HEAD = """import json


def load(path):
    try:
        with open(path) as file:
            return json.load(file)
    except:
        return []


def total_%(number)d(orders, seen=[]):
    seen.append(len(orders))
    return sum(order["price"] for order in orders)
"""


def sha(*words):
    return hashlib.sha1(":".join(map(str, words)).encode()).hexdigest()


class Delivery:
    """One webhook about one pull request, and what became of it."""

    def __init__(self, repository, number, secret):
        self.repository, self.number = repository, number
        self.id = str(uuid.uuid4())
        self.head = sha(repository, number, "head")
        self.body = json.dumps(self.event()).encode()
        self.signature = hmac.new(secret.encode(), self.body, hashlib.sha256).hexdigest()
        self.created_at = None
        self.accepted_at = None
        self.reviewed_at = None
        # Left out of the account: a fault makes it impossible on purpose.
        self.is_poisoned = False

    @property
    def key(self):
        return self.repository.lower(), self.number

    @property
    def headers(self):
        return {
            "content-type": "application/json", "x-github-event": "pull_request",
            "x-github-delivery": self.id, "x-hub-signature-256": f"sha256={self.signature}",
            "user-agent": "GitHub-Hookshot/chaos"}

    def event(self):
        def user(login, number, kind="User"):
            return {"login": login, "id": number, "type": kind}
        identifier = int(sha(self.repository)[:8], 16)
        repository = {
            "id": identifier, "name": self.repository.split("/")[1],
            "full_name": self.repository, "private": False,
            "owner": user(OWNER, 4242, "Organization"), "default_branch": "main",
            "html_url": f"https://github.com/{self.repository}"}
        pull = {
            "id": identifier * 1000 + self.number, "number": self.number, "state": "open",
            "locked": False, "title": "Do not fail on a bad file", "body": "", "draft": False,
            "merged": False, "user": user("ada", 77), "labels": [], "comments": 0,
            "review_comments": 0, "commits": 1, "additions": 6, "deletions": 3,
            "changed_files": 1, "created_at": "2026-02-03T04:05:06Z",
            "updated_at": "2026-02-03T04:05:07Z",
            "html_url": f"https://github.com/{self.repository}/pull/{self.number}",
            "head": {"label": f"{OWNER}:change", "ref": f"change-{self.number}", "sha": self.head,
                     "user": user(OWNER, 4242), "repo": repository},
            "base": {"label": f"{OWNER}:main", "ref": "main",
                     "sha": sha(self.repository, "base"),
                     "user": user(OWNER, 4242), "repo": repository}}
        return {
            "action": "opened", "number": self.number, "pull_request": pull,
            "repository": repository, "sender": user("ada", 77), "installation": {"id": 1}}


class Forge:
    def __init__(self, binary, folder, log):
        self.secret = secrets.token_hex(16)
        self.private, public = folder / "app.pem", folder / "app.pub"
        for command in [["openssl", "genrsa", "-out", self.private, "2048"],
                        ["openssl", "rsa", "-in", self.private, "-pubout", "-out", public]]:
            subprocess.run(command, check=True, capture_output=True)
        self.program = Program(
            "forge",
            [binary, "--quiet", "--account", OWNER, "--app", APP, "--app-key", str(public),
             "--app-slug", "stet-chaos", "--installation", "1", "--rate-limit", "100000000"],
            {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"}, log,
            ready=r"listening on http://[0-9.]+:(\d+)")
        self.port = int(self.program.start().group(1))
        self.url = f"http://127.0.0.1:{self.port}"
        self.seen = 0
        self.next_number = 0
        self.lock = threading.Lock()

    def seed(self, repository, numbers, diff=None):
        pulls = [
            {"number": number, "title": "Do not fail on a bad file", "author": "ada",
             "branch": f"change-{number}", "sha": sha(repository, number, "head"),
             "head": {"app/orders.py": HEAD % {"number": number}}}
            | ({"diff": diff} if diff else {}) for number in numbers]
        status, answer = ask(f"{self.url}/_fake/seed", {"repositories": [
            {"name": repository, "sha": sha(repository, "base"), "files": BASE, "pulls": pulls}]},
            timeout=60)
        if status != 200:
            raise RuntimeError(f"the forge was not seeded: {status} {answer}")

    def next_delivery(self):
        """A pull request of its own each time, over many repositories by turns."""
        with self.lock:
            batch, place = divmod(self.next_number, PULLS * 8)
            if place == 0:
                for repository in range(8):
                    self.seed(f"{OWNER}/shop-{batch}-{repository}", range(1, PULLS + 1))
            self.next_number += 1
        number, repository = divmod(place, 8)
        return Delivery(f"{OWNER}/shop-{batch}-{repository}", number + 1, self.secret)

    def single(self, name, diff=None):
        repository = f"{OWNER}/{name}"
        self.seed(repository, [1], diff)
        return Delivery(repository, 1, self.secret)

    def fault(self, **what):
        status, answer = ask(f"{self.url}/_fake/faults", what)
        if status != 200:
            raise RuntimeError(f"the forge knows no such fault: {answer}")

    def mend(self):
        ask(f"{self.url}/_fake/faults", method="DELETE")

    def news(self):
        """What was asked since the last call."""
        answer = ask(f"{self.url}/_fake/requests?since={self.seen}", timeout=30)[1]
        self.seen = answer["count"]
        return answer["requests"]

    def state(self):
        return {name.lower(): value
                for name, value in ask(f"{self.url}/_fake/state", timeout=120)[1].items()}


class Standing:
    """What stands at one pull request by Stet's hand."""

    def __init__(self, repository, delivery):
        issue = next(i for i in repository["issues"] if i["number"] == delivery.number)
        self.summaries = sum(SUMMARY in c["body"] for c in issue["comments"])
        marks = collections.Counter(
            mark for c in issue["review_comments"] for mark in FINDING.findall(c["body"]))
        self.comments = sum(marks.values())
        self.findings = len(marks)
        filled = {c["review"] for c in issue["review_comments"]}
        reviews = [r for r in issue["reviews"] if REVIEW.search(r["body"] or "")]
        self.reviews = len(reviews)
        self.taken_back = sum(DOUBLED in (r["body"] or "") for r in issue["reviews"])
        self.empty_reviews = sum(r["id"] not in filled for r in reviews)
        checks = [c for c in repository["check_runs"] if c["head_sha"] == delivery.head]
        self.checks = len(checks)
        self.open_checks = sum(c["status"] != "completed" for c in checks)
        # A check cannot be deleted either, and GitHub shows the newest of its name: an older one
        # may be cancelled, or say the same; anything else is a double.
        checks.sort(key=lambda c: c["id"])
        said = [(c["status"], c["conclusion"], c["title"]) for c in checks]
        older = [one for one in said[:-1] if one[1] != "cancelled"]
        self.cancelled_checks = len(said[:-1]) - len(older)
        self.agreeing_checks = sum(one == said[-1] for one in older)
        self.hides_check = len(said) > 1 and said[-1][1] == "cancelled"
        self.said = said

    @property
    def is_double(self):
        return (self.summaries > 1 or self.comments > self.findings or self.reviews > 1
                or self.checks - self.cancelled_checks - self.agreeing_checks > 1
                or self.hides_check)

    @property
    def is_whole(self):
        return (self.summaries >= 1 and self.findings >= FINDINGS and self.reviews >= 1
                and self.checks >= 1 and not self.open_checks)

    def __str__(self):
        return (f"{self.summaries} summaries, {self.reviews} reviews ({self.empty_reviews} empty, "
                f"{self.taken_back} more taken back), "
                f"{self.comments} comments of {self.findings} findings, {self.checks} checks "
                f"{self.said if self.checks > 1 else ''}")
