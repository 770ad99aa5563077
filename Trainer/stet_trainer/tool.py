"""Runs somebody else's training tool and turns what it prints into the contract's lines."""

import os
import re
import subprocess
import sys
import time

from . import adapter
from .contract import MEMORY_WORDS, TrainingFailure, progress
from .limits import Stop

COLOURS = re.compile(r"\x1b\[[0-9;]*m")


class Shortener:
    """Shortens examples as the recipe does: these tools cut at the end, where the answer is, and
    an example without an answer is a loss that is no number."""

    # What a template writes around the turns.
    ROOM = 48

    def __init__(self, model, limit):
        from tokenizers import Tokenizer

        self.tokenizer = Tokenizer.from_file(os.path.join(model, "tokenizer.json"))
        self.limit = limit - self.ROOM

    def _count(self, text):
        return len(self.tokenizer.encode(text, add_special_tokens=False).ids)

    def one(self, messages):
        """The conversation with its question shortened; `None` where its answer is too long."""
        question = messages[-2]["content"]
        rest = sum(self._count(m["content"]) for m in messages) - self._count(question)
        room = self.limit - rest
        if room < 16:
            return None
        # Text is cut by its share and counted again: tokens do not end where characters do.
        while (count := self._count(question)) > room:
            keep = max(1, min(len(question) - 1, len(question) * room // count))
            head = keep // 4
            question = question[:head] + question[len(question) - (keep - head) :]
        return [*messages[:-2], {**messages[-2], "content": question}, messages[-1]]

    def some(self, conversations):
        return [short for short in map(self.one, conversations) if short]

    def all(self, conversations):
        kept = self.some(conversations)
        if not kept:
            raise TrainingFailure(
                "invalid_data", "No training example is of use: each answer is too long."
            )
        return kept


def run(arguments, folder, task, losses, pattern, first=0):
    """Runs the tool to its end. `pattern` finds the groups `step` and `loss` in its output.

    Steps are counted on from `first`; the losses are appended to `losses`.
    """
    stop = Stop()
    tool = subprocess.Popen(
        arguments,
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        bufsize=1,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    last, asked = "nothing", 0.0
    words = re.compile(pattern)
    try:
        for line in tool.stdout:
            line = COLOURS.sub("", line)
            for found in words.finditer(line):
                step, loss = first + int(found["step"]), float(found["loss"])
                if step > len(losses):
                    losses.append(round(loss, 5))
                    progress(min(step, int(task.steps)), int(task.steps), losses[-1])
            last = line.strip() or last
            over = time.monotonic() > task.deadline
            if (stop.asked or over) and not asked:
                asked = time.monotonic()
                tool.terminate()
        status = tool.wait()
    finally:
        if tool.poll() is None:
            tool.kill()
            tool.wait()
    if stop.asked:
        raise TrainingFailure("cancelled", f"Stopped after step {len(losses)}.")
    task.check_time()
    if status != 0:
        text = last.lower()
        lacking = status == -9 or any(word in text for word in MEMORY_WORDS)
        code = "out_of_memory" if lacking else "failed"
        name = os.path.basename(arguments[0])
        raise TrainingFailure(code, f"{name} ended with status {status}: {last[-300:]}")


def python_module(name, *arguments):
    return [sys.executable, "-m", name, *arguments]


def convert(path, task):
    """Writes the tool's weights in both forms that servers read."""
    if not os.path.exists(path):
        raise TrainingFailure("failed", f"The tool left no {os.path.basename(path)}.")
    weights = adapter.read_weights(path)
    if not weights:
        raise TrainingFailure("failed", "The tool left no weights.")
    ranks = {values.shape[0] for (_, _, side), values in weights.items() if side == "a"}
    if ranks != {int(task.rank)}:
        raise TrainingFailure("failed", f"The tool's rank is {sorted(ranks)}, not {task.rank}.")
    adapter.write(weights, task.output, task)
    gguf = os.path.join(task.output, "adapter.gguf")
    return gguf if os.path.exists(gguf) else None
