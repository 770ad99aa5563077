"""Tells where a cell ends, as Python's own REPL does. It runs in a session of its own, which the
cells never reach."""

import ast
import base64
import codeop
import json
import re
import warnings


def stet_tell(kind, text):
    """Of a line that was typed: whether more has to come. Of a script: its statements, each a cell
    of whole lines; one cell where it does not parse, whose error Python then tells."""
    text = base64.b64decode(text).decode("utf-8", "replace")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            if kind == "line":
                answer = codeop.compile_command(text, "<cell>", "single") is None
            else:
                answer = cells(text)
        except (SyntaxError, ValueError, OverflowError, RecursionError, MemoryError):
            answer = False if kind == "line" else [text]
    print(json.dumps(answer))


def cells(text):
    # The line ends of Python's own reader, and no others: a form feed is none.
    text = re.sub(r"\r\n?", "\n", text)
    lines = re.findall(r"[^\n]*\n|[^\n]+", text)
    found, start, last = [], 0, 0
    for node in ast.parse(text).body:
        first = min([node.lineno] + [each.lineno for each in
                                     getattr(node, "decorator_list", [])]) - 1
        if first < last:  # it shares a line with the one before
            last = max(last, node.end_lineno)
            continue
        if last > start:
            found.append("".join(lines[start:last]))
            start = last
        last = node.end_lineno
    if last > start:
        found.append("".join(lines[start:last]))
    return found
