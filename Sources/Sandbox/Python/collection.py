"""Writing a task's files before its run, and collecting files after it, when nothing of the run
lives any more: step by step from one open folder, without following links.

Fifth of the joined files; see seccomp.py for their order.
"""

import errno
import os
import stat

MOST_ENTRIES = 20_000
DEEPEST = 64
MOST_REASONS = 1_000


class Invalid(Exception):
    """What was asked is wrong: nothing is run. The text is one sentence for a user."""


def steps_of(path):
    """The parts of a relative path of plain steps. Raises `Invalid`."""
    steps = path.split("/")
    for step in steps:
        if step in ("", ".", "..") or "\0" in step:
            raise Invalid(f"the path {shown(path)} does not lead to a place beneath the folder")
        try:
            length = len(step.encode("utf-8"))
        except UnicodeEncodeError:
            raise Invalid(f"the path {shown(path)} is not Unicode") from None
        if length > 255:
            raise Invalid(f"a part of the path {shown(path[:80])}… is too long")
    return steps


def shown(path):
    """A path as text that any JSON reader takes; bytes that are not UTF-8 are escaped."""
    if isinstance(path, bytes):
        return path.decode("utf-8", "backslashreplace")
    return path.encode("utf-8", "backslashreplace").decode("utf-8")


def write_files(folder, files):
    """Writes (path, bytes) pairs beneath an open folder. A text that begins with `#!` may be
    executed. Raises `Invalid` where a path or the size does not fit."""
    for path, content in files:
        steps = steps_of(path)
        at = os.dup(folder)
        try:
            for step in steps[:-1]:
                try:
                    os.mkdir(step, 0o755, dir_fd=at)
                except FileExistsError:
                    pass
                taken, at = at, -1
                at = step_into(taken, step)
            flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
            mode = 0o755 if content[:2] == b"#!" else 0o644
            file = os.open(steps[-1], flags | os.O_NONBLOCK, mode, dir_fd=at)
            try:
                view = memoryview(content)
                while view:
                    view = view[os.write(file, view) :]
            finally:
                os.close(file)
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
                raise Invalid("the files do not fit in the disk limit") from None
            raise Invalid(
                f"the file {shown(path)} could not be written: {error.strerror}"
            ) from None
        finally:
            if at >= 0:
                os.close(at)


def step_into(at, step):
    """Opens a folder of an open one and closes that."""
    try:
        return os.open(step, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=at)
    finally:
        os.close(at)


class Collection:
    """Regular files beneath an open folder, as `found` (path, content) pairs in the order asked,
    and why others were `left_out`. Bounded in bytes, entries and depth."""

    def __init__(self, folder, most_bytes):
        self.folder = folder
        self.left = most_bytes
        self.entries = 0
        self.found = []
        self.left_out = {}
        self.seen = set()

    def omit(self, path, reason):
        if len(self.left_out) < MOST_REASONS:
            self.left_out[shown(path)] = reason

    def collect(self, path):
        if path == ".":
            self.descend(os.dup(self.folder), "", 0)
            return
        try:
            steps = steps_of(path)
        except Invalid as reason:
            self.omit(path, str(reason))
            return
        at = os.dup(self.folder)
        try:
            for step in steps[:-1]:
                taken, at = at, -1
                at = step_into(taken, step)
            self.take(at, steps[-1], path, len(steps))
        except OSError as error:
            self.omit(path, reason_of(error))
        finally:
            if at >= 0:
                os.close(at)

    def take(self, at, name, path, depth):
        if path in self.seen:
            return
        self.seen.add(path)
        self.entries += 1
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY
        # What is neither file nor folder is not even opened.
        kind = os.stat(name, dir_fd=at, follow_symlinks=False).st_mode
        if not (stat.S_ISREG(kind) or stat.S_ISDIR(kind)):
            self.omit(path, "is a link" if stat.S_ISLNK(kind) else "is not a regular file")
            return
        try:
            file = os.open(name, flags, dir_fd=at)
        except PermissionError:
            # The owner took its right away. It is ours to give back, and nobody else is here.
            os.chmod(name, 0o700, dir_fd=at)
            file = os.open(name, flags, dir_fd=at)
        facts = os.fstat(file)
        if stat.S_ISDIR(facts.st_mode):
            self.descend(file, path, depth)
            return
        try:
            if not stat.S_ISREG(facts.st_mode):
                self.omit(path, "is not a regular file")
            elif facts.st_size > self.left:
                self.omit(path, f"is beyond the {self.left} bytes that may still be collected")
            else:
                content = self.read(file, facts.st_size)
                self.left -= len(content)
                self.found.append((path, content))
        finally:
            os.close(file)

    def read(self, file, size):
        parts = []
        while size:
            part = os.read(file, min(size, 1 << 20))
            if not part:
                break
            parts.append(part)
            size -= len(part)
        return b"".join(parts)

    def descend(self, folder, path, depth):
        """Takes the open folder over."""
        try:
            if depth >= DEEPEST:
                self.omit(path, "is too deep")
                return
            for name in sorted(os.listdir(folder)):
                inner = path + "/" + name if path else name
                if self.entries >= MOST_ENTRIES:
                    self.omit(path or ".", "has more entries than are looked at")
                    return
                try:
                    name.encode("utf-8")
                except UnicodeEncodeError:
                    self.omit(os.fsencode(inner), "its name is not UTF-8")
                    continue
                try:
                    self.take(folder, name, inner, depth + 1)
                except OSError as error:
                    self.omit(inner, reason_of(error))
        finally:
            os.close(folder)


def reason_of(error):
    if error.errno in (errno.ELOOP, errno.ENOTDIR):
        return "leads over a link"
    if error.errno == errno.ENOENT:
        return "does not exist"
    return error.strerror or "could not be read"
