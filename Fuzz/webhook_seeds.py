"""Writes the seeds and the dictionary of the webhook fuzzer: webhook_seeds.py FOLDER DICTIONARY."""

import json
import os
import sys

SHA = "a1" * 20
USER = {"login": "octocat", "id": 1, "type": "User"}
REPOSITORY = {"id": 2, "full_name": "o/r", "pushed_at": 3}
PULL = {
    "id": 4, "number": 5, "title": "t", "body": None, "state": "open", "draft": False,
    "user": USER, "head": {"ref": "x", "sha": SHA, "repo": REPOSITORY},
    "base": {"ref": "main", "sha": SHA}, "labels": [{"name": "l"}], "comments": 0,
    "updated_at": "2020-01-02T03:04:05Z", "merged_at": None, "html_url": "h"}
COMMENT = {
    "id": 6, "user": USER, "body": "a\n\u00e9\U0001f600\"\\", "created_at": "2020-01-02T03:04:05.5Z",
    "path": "a.py", "line": 7, "side": "LEFT", "commit_id": SHA, "in_reply_to_id": 8,
    "diff_hunk": "@@ -1 +1 @@"}
CHECK = {
    "id": 9, "name": "c", "head_sha": SHA, "status": "completed", "conclusion": "success",
    "app": {"id": 10, "name": "a"}, "external_id": "e",
    "pull_requests": [{"number": 5, "base": {"repo": {"id": 2}}}]}
# In the order of the events in WebhookFuzz.swift.
BODIES = [
    {"action": "opened", "number": 5, "pull_request": PULL, "label": {"id": 1, "name": "l"}},
    {"action": "submitted", "pull_request": PULL,
     "review": {"id": 1, "state": "APPROVED", "user": None, "commit_id": SHA, "body": None}},
    {"action": "created", "pull_request": PULL, "comment": COMMENT},
    {"action": "resolved", "pull_request": PULL, "thread": {"node_id": "n"}, "updated_at": None},
    {"action": "created", "issue": {"number": 5, "user": USER, "pull_request": {}},
     "comment": COMMENT},
    {"action": "labeled", "issue": {"number": 5, "user": None, "state": "closed"}},
    {"action": "created", "discussion": {"number": 5, "user": USER}, "comment": COMMENT},
    {"ref": "refs/heads/main", "before": "0" * 40, "after": SHA},
    {"action": "completed", "check_run": CHECK}, {"action": "completed", "check_suite": CHECK},
    {"action": "completed", "workflow_run": CHECK},
    {"sha": SHA, "state": "pending", "context": "ci", "id": 1},
    {"action": "created", "label": {"id": 1, "name": "l"}},
    {"action": "deleted", "repositories": [REPOSITORY]},
    {"action": "added", "repositories_added": [REPOSITORY], "repositories_removed": []},
    {"action": "revoked"}, {"zen": "z", "hook_id": 1}, {"action": "created", "x": [1.5e-3, -0]},
]


def names(value):
    if isinstance(value, dict):
        for key, inner in value.items():
            yield key
            yield from names(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from names(inner)


def main():
    corpus, dictionary = sys.argv[1:]
    words = {json.dumps(name) for body in BODIES for name in names(body)}
    words |= {"null", "true", "false", "{}", "[]", '""', ":", ",", "\\u0061", "\\ud83d\\ude00",
              "\\ud800", "1e9", "-0.5", "9223372036854775808", json.dumps(SHA), '"o/r"', "\t"}
    with open(dictionary, "w", encoding="ascii") as file:
        for word in sorted(words):
            quoted = word.replace("\\", "\\\\").replace('"', '\\"').replace("\t", "\\x09")
            file.write(f'"{quoted}"\n')
    for number, body in enumerate(BODIES):
        body = body | {"repository": REPOSITORY, "sender": USER, "installation": {"id": 11}}
        for suffix, indent in [("", None), ("-wide", 1)]:
            with open(os.path.join(corpus, f"seed-{number}{suffix}"), "wb") as file:
                file.write(bytes([number]) + json.dumps(body, indent=indent).encode())


if __name__ == "__main__":
    main()
