"""Whether Python would run something else than what stands in a text: the encoding that the text
declares of itself (PEP 263) says how its bytes are read, and they are written here as UTF-8."""

import codecs
import re

DECLARED = re.compile(r"[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)", re.ASCII)
EMPTY = re.compile(r"[ \t\f]*(?:#.*)?\Z")
# In these each byte of ASCII is itself.
SINGLE_BYTES = ("iso8859-", "cp125", "koi8-", "mac-")


def declared(text):
    """The encoding as the first or second line has it, with the line: (name, line) or `None`."""
    for line, row in enumerate(re.split(r"\r\n|\r|\n", text.removeprefix("\ufeff"), maxsplit=2)[:2]):
        match = DECLARED.match(row)
        if match:
            return match.group(1), line + 1
        if not EMPTY.match(row):
            return None
    return None


def problem(text):
    """{"line", "message"} where what runs would differ from what is read, else `None`.

    Python itself refuses an encoding that it does not know.
    """
    found = declared(text)
    if found is None:
        return None
    name, line = found
    try:
        known = codecs.lookup(name).name
    except (LookupError, ValueError):
        return None
    if known in ("utf-8", "ascii", "utf-8-sig"):
        return None
    if known.startswith(SINGLE_BYTES) and text.isascii():
        return None
    return {
        "line": line,
        "message": "this file declares the encoding %s, and what runs differs from what is read: "
        "write it in UTF-8" % name[:40],
    }
