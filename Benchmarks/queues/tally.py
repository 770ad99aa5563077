"""What the programs of all systems share: how a handler counts, and how a producer keeps a pace.

Each process that runs handlers maps a file of its own in the folder BENCH_TALLY: first the number
of jobs begun, then for each the nanoseconds from its enqueueing to its handler's first line, by the
monotonic clock, which all processes of one machine share. Nothing has to be flushed, so a worker
may be killed. All numbers are 64 bits in the machine's order.
"""
import json
import mmap
import os
import sys
import threading
import time

SLOTS = 1 << 20


class Tally:
    """Opened by the first job of a process, so that forked children have their own."""

    def __init__(self):
        self.process = 0
        self.lock = threading.Lock()

    def open(self):
        path = os.path.join(os.environ["BENCH_TALLY"], f"tally-{os.getpid()}")
        with open(path, "w+b") as file:
            file.truncate(8 * (SLOTS + 1))
            self.map = mmap.mmap(file.fileno(), 8 * (SLOTS + 1))
        self.numbers = memoryview(self.map).cast("q")
        self.process = os.getpid()

    def begin(self, at):
        """Called first by every handler; `at` is when the job was enqueued."""
        waited = time.monotonic_ns() - at
        with self.lock:
            if self.process != os.getpid():
                self.open()
            count = self.numbers[0]
            self.numbers[1 + count % SLOTS] = waited
            self.numbers[0] = count + 1


def read(folder):
    """The jobs begun so far."""
    total = 0
    for name in os.listdir(folder):
        if name.startswith("tally-"):
            with open(os.path.join(folder, name), "rb") as file:
                total += int.from_bytes(file.read(8), sys.byteorder, signed=True)
    return total


def latencies(folder):
    """Milliseconds of every job, in no order."""
    taken = []
    for name in os.listdir(folder):
        if name.startswith("tally-"):
            with open(os.path.join(folder, name), "rb") as file:
                head = memoryview(file.read(8)).cast("q")
                numbers = memoryview(file.read(8 * min(head[0], SLOTS))).cast("q")
                taken += [number / 1e6 for number in numbers]
    return taken


def wait_for_gate():
    """Says that this worker has loaded everything, and waits until it may take jobs."""
    folder = os.environ["BENCH_TALLY"]
    with open(os.path.join(folder, f"ready-{os.getpid()}"), "w", encoding="ascii"):
        pass
    while not os.path.exists(os.path.join(folder, "gate")):
        time.sleep(0.005)


def enqueue(send, count, batch, seconds):
    """Calls `send(list of times)` until so many jobs are stored or the time is over."""
    began = time.monotonic()
    stored = 0
    while stored < count and time.monotonic() - began < seconds:
        size = min(batch, count - stored)
        send([time.monotonic_ns()] * size)
        stored += size
    print(json.dumps({"jobs": stored, "seconds": time.monotonic() - began}))


def produce(send, rate, seconds, tick=0.01):
    """Stores `rate` jobs a second: every tick those that are due by then, in one call. The time of
    each is that at which it was due, so a producer that falls behind does not hide it."""
    began = time.monotonic()
    stored = 0
    while True:
        now = time.monotonic() - began
        due = int(min(now, seconds) * rate)
        if due > stored:
            send([int((began + number / rate) * 1e9) for number in range(stored + 1, due + 1)])
            stored = due
        if now >= seconds:
            break
        time.sleep(max(0, tick - (time.monotonic() - began - now)))
    print(json.dumps({"jobs": stored, "seconds": time.monotonic() - began}))


def main(sender, worker):
    """enqueue COUNT BATCH SECONDS | produce RATE SECONDS | work CONCURRENCY"""
    command, numbers = sys.argv[1], [float(text) for text in sys.argv[2:]]
    if command == "enqueue":
        count, batch, seconds = numbers
        with sender(single=batch == 1) as send:
            enqueue(send, int(count), int(batch), seconds)
    elif command == "produce":
        with sender(single=False) as send:
            produce(send, *numbers)
    elif command == "work":
        worker(int(numbers[0]))
    else:
        sys.exit(f"no such command: {command}")
