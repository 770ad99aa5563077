"""Drives a whole loop through the client that openapi-python-client makes of the description.

usage: drive.py FOLDER ADDRESS TOKEN, where FOLDER holds the package `stet_client`.
"""

import sys
import time

sys.path.insert(0, sys.argv[1])

from stet_client import AuthenticatedClient  # noqa: E402
from stet_client.api.code import evaluate  # noqa: E402
from stet_client.api.generate import generate, give_feedback  # noqa: E402
from stet_client.api.runs import get_run  # noqa: E402
from stet_client.models import (  # noqa: E402
    EvaluateRequest,
    FeedbackRequest,
    GenerateRequest,
)

TESTS = "from solution import add\n\n\ndef test_add():\n    assert add(2, 3) == 5\n"


def finished(client, run):
    """The run's document once it is over."""
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        answer = get_run.sync_detailed(run, client=client)
        assert answer.status_code == 200, answer
        document = answer.parsed.to_dict()
        if document["state"] in ("completed", "discarded", "cancelled"):
            return document
        time.sleep(0.2)
    raise SystemExit(f"run {run} was not over in time")


def accepted(answer):
    """The run that a 202 promises."""
    assert answer.status_code == 202, (answer.status_code, answer.content)
    return answer.parsed.to_dict()["run"]


def main():
    client = AuthenticatedClient(base_url=sys.argv[2], token=sys.argv[3], timeout=60)

    first = accepted(
        generate.sync_detailed(
            client=client,
            body=GenerateRequest(prompt="Write add(a, b).", tests=TESTS, candidates=1),
        )
    )
    made = finished(client, first)
    result = made["result"]
    assert result["verdict"] == "pass", result
    assert "def add" in result["code"], result

    second = accepted(
        give_feedback.sync_detailed(
            first, client=client, body=FeedbackRequest(message="Add a docstring.")
        )
    )
    again = finished(client, second)["result"]
    assert again["verdict"] == "pass", again
    assert "Adds." in again["code"], again

    third = accepted(
        evaluate.sync_detailed(
            client=client, body=EvaluateRequest(code=result["code"], tests=TESTS)
        )
    )
    judged = finished(client, third)["result"]
    assert judged["verdict"] == "pass", judged
    print("generated, went on and evaluated")


main()
