"""Frames on the run socket, read and written without ever waiting for the other end.

Eighth of the joined files; see seccomp.py for their order.
"""

import collections
import select
import socket
import struct

if "Invalid" not in globals():
    from collection import Invalid

LARGEST_FRAME = 128 << 20


class RunSocket:
    """- is_alone: whether nobody is at the other end any more."""

    def __init__(self, channel, poll):
        self.channel = channel
        self.channel.setblocking(False)
        self.number = channel.fileno()
        self.poll = poll
        self.poll.register(self.number, select.POLLIN)
        self.incoming = bytearray()
        self.outgoing = collections.deque()
        self.is_alone = False

    def read_frames(self):
        """Reads once, and yields (type, payload) of each whole frame. Raises `Invalid`."""
        try:
            data = self.channel.recv(1 << 18)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.is_alone = True
            return
        self.incoming += data
        while len(self.incoming) >= 5 and not self.is_alone:
            (length,) = struct.unpack_from(">I", self.incoming, 1)
            if length > LARGEST_FRAME:
                raise Invalid("a message is longer than 128 MiB")
            if len(self.incoming) < 5 + length:
                return
            kind = bytes(self.incoming[:1])
            payload = bytes(memoryview(self.incoming)[5 : 5 + length])
            del self.incoming[: 5 + length]
            yield kind, payload

    def send(self, kind, payload):
        self.outgoing.append(memoryview(kind + struct.pack(">I", len(payload)) + payload))
        self.write_out()

    def write_out(self):
        """Writes what the socket takes now. All that is ever held here is bounded by the limits."""
        try:
            while self.outgoing:
                head = self.outgoing[0]
                sent = self.channel.send(head, socket.MSG_NOSIGNAL | socket.MSG_DONTWAIT)
                if sent < len(head):
                    self.outgoing[0] = head[sent:]
                else:
                    self.outgoing.popleft()
        except BlockingIOError:
            pass
        except OSError:
            self.outgoing.clear()
            self.is_alone = True
        self.poll.register(self.number, select.POLLIN | (select.POLLOUT if self.outgoing else 0))

    def flush(self, patience):
        """Waits for a slow reader, and gives up when it takes nothing for that many seconds."""
        waiting = select.poll()
        waiting.register(self.number, select.POLLOUT)
        while self.outgoing and not self.is_alone:
            if not waiting.poll(patience * 1000):
                return
            self.write_out()
