"""A TCP proxy that can stop forwarding: connections stay open and nothing comes through."""

import asyncio
import re
import threading


class Network:
    """The event loop of all proxies, in a thread of its own."""

    def __init__(self):
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()

    def do(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(10)

    def close(self):
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(5)


class Link:
    """One connection through a proxy."""

    def __init__(self, reader, writer):
        self.ends = [writer]
        self.reader = reader
        self.is_dead = False

    def abort(self):
        for writer in self.ends:
            writer.transport.abort()


class Proxy:
    def __init__(self, network, host, port):
        self.network, self.host, self.target = network, host, port
        self.links = set()
        self.open = None
        self.pattern = None
        self.held = []
        self.release = None
        self.on_hold = None
        self.server = network.do(self.listen())
        self.port = self.server.sockets[0].getsockname()[1]

    async def listen(self):
        self.open = asyncio.Event()
        self.open.set()
        return await asyncio.start_server(self.serve, "127.0.0.1", 0)

    async def serve(self, reader, writer):
        link = Link(reader, writer)
        self.links.add(link)
        try:
            await self.open.wait()
            answers, requests = await asyncio.open_connection(self.host, self.target)
            link.ends.append(requests)
            await asyncio.gather(
                self.pump(link, reader, requests, watched=True), self.pump(link, answers, writer))
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            link.abort()
            self.links.discard(link)

    async def pump(self, link, source, sink, watched=False):
        try:
            while True:
                data = await source.read(1 << 16)
                if not data:
                    break
                if watched and self.pattern and self.pattern.search(data):
                    await self.hold(data)
                await self.open.wait()
                while link.is_dead:
                    await asyncio.sleep(0.2)
                sink.write(data)
                await sink.drain()
        except OSError:
            pass
        # What the other direction still carries is of no use to HTTP/1.1 or to PostgreSQL.
        link.abort()

    async def hold(self, data):
        release = asyncio.Event()
        self.release = release
        self.pattern = None
        self.held.append(bytes(data[:200]))
        if self.on_hold:
            self.on_hold(self)
        await release.wait()

    # From other threads

    def hold_next(self, pattern, on_hold=None):
        """The first request that matches from now on is kept back until `let_go`."""
        self.held, self.release, self.on_hold = [], None, on_hold
        self.pattern = re.compile(pattern)

    def let_go(self):
        self.pattern = None
        if self.release:
            self.network.loop.call_soon_threadsafe(self.release.set)

    def cut(self):
        """Nothing comes through, also over new connections. After `mend` all goes on."""
        self.network.loop.call_soon_threadsafe(self.open.clear)

    def mend(self):
        self.network.loop.call_soon_threadsafe(self.open.set)

    def half_open(self):
        """The connections that there are stay open for ever and carry nothing; new ones work."""
        def mark():
            for link in self.links:
                link.is_dead = True
        self.network.loop.call_soon_threadsafe(mark)

    def drop(self):
        """Resets every connection."""
        def abort():
            for link in list(self.links):
                link.is_dead = False
                link.abort()
        self.network.loop.call_soon_threadsafe(abort)
