"""What passes between Stet and a program that trains: a task file in, lines of JSON out.

The whole contract is in docs/adapters.md; this file is its one reading in Python.
"""

import hashlib
import json
import os
import sys
import time

VERSION = 1

# Exit statuses, for a reader that missed the line that says the same.
EXITS = {
    "failed": 1,
    "invalid_data": 2,
    "unavailable": 3,
    "out_of_memory": 4,
    "out_of_time": 5,
    "cancelled": 6,
}


class TrainingFailure(Exception):
    """Ends the program with a line that says why."""

    def __init__(self, code, detail):
        super().__init__(detail)
        self.code = code
        self.detail = detail


class Task:
    """One training, as the file `task.json` describes it. Paths are relative to its folder."""

    def __init__(self, path):
        try:
            with open(path, encoding="utf-8") as file:
                values = json.load(file)
        except (OSError, ValueError) as problem:
            raise TrainingFailure("invalid_data", f"{path} cannot be read: {problem}") from None
        if not isinstance(values, dict) or values.get("version") != VERSION:
            raise TrainingFailure("invalid_data", f"{path} is no task of version {VERSION}.")
        self.folder = os.path.dirname(os.path.abspath(path))
        self.base = self._text(values, "base")
        self.base_gguf = self._path(values.get("base_gguf"))
        self.base_folder = self._path(values.get("base_folder"))
        self.base_sha256 = values.get("base_sha256")
        self.cache = self._path(values.get("cache")) or os.path.join(self.folder, "cache")
        self.train = self._path(self._text(values, "train"))
        self.held_out = self._path(values.get("held_out"))
        self.compare_with = self._path(values.get("compare_with"))
        self.output = self._path(self._text(values, "output"))
        self.work = self._path(values.get("work") or "work")
        self.scratch = self._path(values.get("scratch") or "scratch")
        self.rank = self._number(values, "rank", 8, 1, 256)
        self.alpha = self._number(values, "alpha", 2 * self.rank, 1, 4096)
        self.steps = self._number(values, "steps", None, 1, 1_000_000)
        self.batch = self._number(values, "batch", 1, 1, 1024)
        self.learning_rate = self._number(values, "learning_rate", 2e-4, 0, 1)
        self.seed = self._number(values, "seed", 1, 0, 2**31)
        self.max_tokens = self._number(values, "max_tokens", 1024, 32, 131_072)
        self.threads = self._number(values, "threads", 0, 0, 4096)
        self.seconds = self._number(values, "seconds", None, 1, 10_000_000)
        self.memory_bytes = self._number(values, "memory_bytes", None, 1, 2**62)
        self.resume = values.get("resume", True) is True
        self.deadline = time.monotonic() + self.seconds

    def _path(self, value):
        if not isinstance(value, str) or not value:
            return None
        return os.path.normpath(os.path.join(self.folder, value))

    @staticmethod
    def _text(values, key):
        value = values.get(key)
        if not isinstance(value, str) or not value:
            raise TrainingFailure("invalid_data", f"The task names no {key}.")
        return value

    @staticmethod
    def _number(values, key, default, low, high):
        value = values.get(key, default)
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise TrainingFailure("invalid_data", f"The task's {key} is no number.")
        if not low <= value <= high:
            raise TrainingFailure(
                "invalid_data", f"The task's {key} is {value}, outside {low} to {high}."
            )
        return value

    def fingerprint(self):
        """What a checkpoint must have been made from to be gone on with."""
        digest = hashlib.sha256()
        for part in (self.base, self.base_sha256, self.rank, self.alpha, self.steps):
            digest.update(f"{part}\n".encode())
        for part in (self.batch, self.learning_rate, self.seed, self.max_tokens):
            digest.update(f"{part}\n".encode())
        with open(self.train, "rb") as file:
            digest.update(file.read())
        return digest.hexdigest()

    def check_time(self):
        if time.monotonic() > self.deadline:
            raise TrainingFailure(
                "out_of_time", f"The {self.seconds:g} seconds that were given are over."
            )


def say(event, **values):
    """Writes one line of the contract."""
    print(json.dumps({"event": event, **values}), flush=True)


def progress(step, steps, loss):
    say("progress", step=step, steps=steps, loss=loss)


def finish(folder, losses, seconds, gguf=None, held_out=None):
    say("done", folder=folder, gguf=gguf, losses=losses, seconds=seconds, held_out=held_out)


def fail(failure):
    """Says why there is no adapter and ends the program."""
    detail = " ".join(str(failure.detail).split())[:600]
    say("error", code=failure.code, detail=detail)
    sys.exit(EXITS.get(failure.code, 1))


MEMORY_WORDS = ("can't allocate memory", "not enough memory", "out of memory", "bad alloc")


def as_failure(problem):
    """The typed failure for whatever a library raised."""
    if isinstance(problem, TrainingFailure):
        return problem
    text = f"{type(problem).__name__}: {problem}"
    if isinstance(problem, MemoryError) or any(w in text.lower() for w in MEMORY_WORDS):
        return TrainingFailure(
            "out_of_memory",
            "There was not enough memory for the training. Allow more, take a smaller base "
            f"model or shorter examples. ({text[:200]})",
        )
    if isinstance(problem, KeyboardInterrupt):
        return TrainingFailure("cancelled", "The training was interrupted.")
    if isinstance(problem, ImportError):
        return TrainingFailure("unavailable", f"A package is missing: {text[:200]}.")
    return TrainingFailure("failed", text)
