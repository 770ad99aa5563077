"""Runs mypy on the judged text, in this process, so that what the image has loaded already is used.

What the text says to silence it is made meaningless first, and reported. The image may hold what
mypy makes of the standard library; each run has a copy, so that nothing of one reaches the next."""

import ast
import importlib.metadata
import io
import json
import os
import shutil

import lint_source

TOOLS = ("type-ignore", "mypy-off")
OPTIONS = [
    "--config-file=", "--output=json", "--show-column-numbers", "--no-error-summary",
    "--ignore-missing-imports", "--check-untyped-defs", "--strict-equality",
    "--extra-checks", "--no-color-output", "--hide-error-context",
    "--disable-error-code=import-untyped", "--disable-error-code=annotation-unchecked",
]


def unchecked(tree):
    found = []
    for node in ast.walk(tree):
        for each in getattr(node, "decorator_list", []):
            name = getattr(each, "attr", getattr(each, "id", None))
            if name == "no_type_check":
                found.append({
                    "line": each.lineno, "rule": "silences-no_type_check",
                    "message": "@no_type_check keeps mypy from reading what stands under it."})
    return found


def cache(mypy):
    """A cache of this run's own; none where the image has none to begin with."""
    made = os.path.join(os.path.dirname(os.path.dirname(mypy.__file__)), "stet-mypy-cache")
    mine = os.path.join(os.path.dirname(os.getcwd()), "mypy-cache")
    try:
        shutil.copytree(made, mine, copy_function=shutil.copyfile)
        return mine
    except OSError:
        return os.devnull


def told(mypy_main, place):
    out, error = io.StringIO(), io.StringIO()
    try:
        mypy_main.main(
            args=OPTIONS + ["--cache-dir=" + place, "judged.py"], stdout=out, stderr=error,
            clean_exit=True)
    except SystemExit:
        pass
    return out.getvalue(), error.getvalue()


def main():
    text = lint_source.read()
    trouble = lint_source.trouble(text)
    if trouble is not None:
        return lint_source.report({"trouble": trouble})
    silencers = lint_source.silencers(text, TOOLS) + unchecked(ast.parse(text))
    os.makedirs("judged", exist_ok=True)
    with open("judged/judged.py", "w", encoding="utf-8", errors="replace", newline="") as file:
        file.write(lint_source.uncoded(lint_source.masked(text, TOOLS)))
    os.chdir("judged")
    try:
        import mypy
        from mypy import main as mypy_main
    except ImportError:
        return lint_source.report({"trouble": None, "missing": ["mypy"], "silencers": silencers})
    try:
        out, error = told(mypy_main, cache(mypy))
    except Exception:
        # Whatever is wrong with the cache, mypy does without.
        out, error = told(mypy_main, os.devnull)
    findings, broken = [], None
    for line in out.splitlines():
        try:
            each = json.loads(line)
        except ValueError:
            continue
        if each.get("severity") == "error":
            findings.append({
                "line": each.get("line"), "rule": each.get("code") or "misc",
                "message": str(each.get("message"))[:lint_source.LONGEST]})
    if not findings and error.strip():
        broken = error.strip().splitlines()[-1][:lint_source.LONGEST]
    lint_source.report({
        "trouble": None, "missing": [], "broken": broken,
        "version": "mypy " + importlib.metadata.version("mypy"),
        "count": len(findings), "findings": findings[:lint_source.MOST],
        "silencers": silencers,
    })


main()
