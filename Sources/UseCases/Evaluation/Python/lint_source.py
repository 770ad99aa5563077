"""What the linting programs share: the judged text, whether it parses, what it says to silence
tools, and the report. The text comes on standard input as UTF-8; it is read, never run."""

import ast
import io
import json
import os
import re
import sys
import tokenize
import warnings

import stet_coding

MOST = 200
LONGEST = 400
SILENCERS = (
    ("noqa", "ruff and flake8", re.compile(r"#\s*(?:(?:ruff|flake8)\s*:\s*)?noqa\b", re.I)),
    ("ruff-off", "ruff", re.compile(r"#\s*ruff\s*:\s*(?:ignore|disable|file-ignore)", re.I)),
    ("type-ignore", "mypy", re.compile(r"#\s*type\s*:\s*ignore\b", re.I)),
    ("mypy-off", "mypy", re.compile(r"#\s*(?:mypy|pyright|pyre|pytype)\s*[:-]", re.I)),
    ("nosec", "bandit", re.compile(r"#\s*nosec\b|#\s*nosemgrep\b|#\s*NOSONAR\b", re.I)),
    ("pylint-off", "pylint", re.compile(r"#\s*pylint\s*:\s*(?:disable|skip-file)", re.I)),
    ("pragma", "coverage", re.compile(r"#\s*pragma\s*:\s*no\s*(?:cover|branch|mutate)", re.I)),
    ("format-off", "formatters",
     re.compile(r"#\s*(?:fmt\s*:\s*(?:off|skip)|isort\s*:\s*(?:skip|off)|yapf\s*:\s*disable)",
                re.I)),
)
# mypy looks for this at the beginning of any line, also within a string.
MYPY = "# mypy: "


def read():
    """The judged text, without the mark of its encoding, which has been read by then."""
    text = sys.stdin.buffer.read().decode("utf-8", "replace")
    return text[1:] if text.startswith("\ufeff") else text


def uncoded(text):
    """The same lines, without a declared encoding: what tools are given is UTF-8."""
    while True:
        found = stet_coding.declared(text)
        if found is None:
            return text
        # A line may name several, each of which counts once those before it are gone.
        lines = re.split(r"(\r\n|\r|\n)", text, maxsplit=2)
        row = 2 * (found[1] - 1)
        lines[row] = re.sub(r"coding([:=])", r"cod1ng\1", lines[row])
        text = "".join(lines)


def report(value):
    text = json.dumps(value, ensure_ascii=True)
    number = os.environ.get("STET_REPORT")
    if number is None:
        print(text)
        return
    with os.fdopen(int(number), "w", encoding="ascii", closefd=False) as sink:
        sink.write(text + "\n")


def trouble(text):
    """Why the text is no Python, with the line; `None` where it is."""
    if "\0" in text:
        return {"line": text[:text.index("\0")].count("\n") + 1, "message": "it holds a NUL byte"}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(text)
    except SyntaxError as error:
        return {"line": error.lineno, "message": str(error.msg)[:LONGEST]}
    except (RecursionError, MemoryError):
        return {"line": None, "message": "it nests too deeply to be read"}
    except ValueError as error:
        return {"line": None, "message": str(error)[:LONGEST]}
    return None


def comments(text):
    """Each comment with its place: (line, column, text)."""
    found = []
    try:
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type == tokenize.COMMENT:
                found.append((token.start[0], token.start[1], token.string))
    except (tokenize.TokenError, SyntaxError, IndentationError, RecursionError):
        pass  # what was read so far counts
    return found


def silencers(text, tools):
    """What the text says to make tools silent. It has no effect here, and is shown instead."""
    found = []
    for line, _, comment in comments(text):
        for rule, tool, pattern in SILENCERS:
            if rule in tools and pattern.search(comment):
                found.append({
                    "line": line, "rule": "silences-" + rule,
                    "message": f"This comment asks {tool} to say nothing, which had no effect "
                               f"here: {comment[:120]}"})
                break
    if "mypy-off" in tools:
        told = {each["line"] for each in found}
        for line, row in enumerate(text.split("\n"), 1):
            if row.startswith(MYPY) and line not in told:
                found.append({
                    "line": line, "rule": "silences-mypy-off",
                    "message": "This line of a string is a setting to mypy, which had no effect "
                               f"here: {row[:120]}"})
    return found[:MOST]


def masked(text, tools):
    """The text with such comments made meaningless, every line and column where it was."""
    lines = text.split("\n")
    for line, column, comment in comments(text):
        if any(rule in tools and pattern.search(comment) for rule, _, pattern in SILENCERS):
            row = lines[line - 1]
            end = column + len(comment)
            lines[line - 1] = row[:column] + "#" + "-" * (len(comment) - 1) + row[end:]
    if "mypy-off" in tools:
        lines = [
            "# ----- " + row[len(MYPY):] if row.startswith(MYPY) else row for row in lines]
    return "\n".join(lines)
