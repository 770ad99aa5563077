"""Limits that the program keeps by itself, so that a machine is not brought down by a training."""

import signal
import sys


class Stop:
    """Remembers that somebody asked for the end; the training looks at it after each step."""

    def __init__(self):
        self.asked = False
        for name in (signal.SIGTERM, signal.SIGINT):
            signal.signal(name, self._ask)

    def _ask(self, number, frame):
        self.asked = True


def limit_memory(limit):
    """Holds this process's own data to so many bytes.

    Linux counts private writable memory there, which is what a training grows; elsewhere the one
    who started this program has to watch it.
    """
    if not sys.platform.startswith("linux"):
        return
    import resource

    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    if hard != resource.RLIM_INFINITY:
        limit = min(limit, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (int(limit), hard))
