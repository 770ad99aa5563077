"""Faults of PostgreSQL and of the way to it."""

import time

from chaos.faults import Fault
from chaos.postgres import CONNECTIONS
from chaos.programs import until


class PostgresFault(Fault):
    engines = ("postgresql",)

    @property
    def span(self):
        """Seconds that a fault lasts."""
        return 6 if self.options.short else 15


    @staticmethod
    def in_work(stet, act):
        """Acts while a request that posts is on its way, where one comes."""
        stet.forge.hold_next(rb"(POST|PATCH) /repos/", lambda proxy: act())
        try:
            until(5, "such a request", lambda: stet.forge.held)
            time.sleep(0.1)
        except TimeoutError:
            act()
        stet.forge.let_go()


class Restart(PostgresFault):
    name, title = "pg-restart", "PostgreSQL stopped and started: fast, immediate, and killed"

    def play(self, world):
        for mode in ["fast", "immediate", "kill -9"]:
            if mode == "kill -9":
                world.cluster.crash()
            else:
                world.cluster.stop(mode)
            time.sleep(self.span / 3)
            world.cluster.revive()
            self.over()
            self.worst = max(self.worst, world.settle(self.healed, self.patience))
        return f"three times, down for {self.span / 3:.0f} s each"


class Backends(PostgresFault):
    name, title = "pg-backends", "every backend of Stet ended, again and again"

    def play(self, world):
        ended = 0
        end = time.monotonic() + self.span
        while time.monotonic() < end:
            ended += world.cluster.terminate()
            time.sleep(0.5)
        self.over()
        self.expect(ended, "there was none")
        return f"{ended} backends ended"


class Exhausted(PostgresFault):
    name, title = "pg-exhausted", "every connection of PostgreSQL taken by others"

    def play(self, world):
        # The three that are reserved stay for the superuser, who sees and ends.
        for _ in range(CONNECTIONS):
            world.cluster.session("SELECT 1;", "others")
        until(20, "the connections", lambda: self.count(world) >= CONNECTIONS - 4, pause=0.2)
        ended = 0
        end = time.monotonic() + self.span
        while time.monotonic() < end:
            # Before Stet is back the places are taken.
            ended += world.cluster.terminate()
            for _ in range(10):
                world.cluster.session("SELECT 1;", "others")
            time.sleep(1)
        left = int(world.cluster.sql(
            "SELECT count(*) FROM pg_stat_activity WHERE usename = 'stet'")[0][0])
        world.cluster.forget()
        self.over()
        self.figures["connections_left"] = left
        return f"{CONNECTIONS} connections taken for {self.span:.0f} s, {ended} of Stet's ended, {left} left"

    @staticmethod
    def count(world):
        return int(world.cluster.sql("SELECT count(*) FROM pg_stat_activity "
                                     "WHERE backend_type = 'client backend'")[0][0])


class HalfOpen(PostgresFault):
    name, title = "half-open", "connections to PostgreSQL that stay open and carry nothing"

    def play(self, world):
        for stet in world.stets.values():
            self.in_work(stet, stet.database.half_open)
            time.sleep(self.span)
        self.over()
        # They still hang: what is promised has to come true all the same.
        self.worst = world.settle(self.healed, self.patience)
        return f"one process after the other, {self.span:.0f} s apart; new connections worked"


class Cut(PostgresFault):
    name, title = "cut", "the network between one process and PostgreSQL cut, then mended"

    def play(self, world):
        # Longer than a lease in the full run: another process has to take over.
        span = 8 if self.options.short else 30
        for name in ["worker", "server-1"]:
            proxy = world.stets[name].database
            self.in_work(world.stets[name], proxy.cut)
            time.sleep(span)
            proxy.mend()
            self.over()
            self.worst = max(self.worst, world.settle(self.healed, self.patience))
        return f"two processes in turn, {span} s each"


class Notify(PostgresFault):
    name, title = "notify", "NOTIFY lost: the listening connections ended while jobs are added"

    def play(self, world):
        ended = 0
        began = time.monotonic()
        while time.monotonic() - began < self.span:
            ended += world.cluster.terminate(
                "(query ILIKE 'listen%' OR query ILIKE 'SELECT pg_notify%')")
            time.sleep(0.05)
        self.over()
        self.expect(ended, "no backend of Stet listened")
        until(30, "the reviews", lambda: not world.missing(self.healed))
        longest = world.longest_wait(began, self.healed)
        return f"{ended} listeners ended; the longest wait for a review was {longest:.1f} s"


class IdleTransaction(PostgresFault):
    name = "idle-transaction"
    title = "transactions left open: one holds its snapshot, one locks rows of jobs"

    def play(self, world):
        span = 10 if self.options.short else self.options.idle
        world.cluster.session(
            "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM jobs;")
        time.sleep(1)
        began = time.monotonic()
        time.sleep(span)
        until(30, "reviews under an old snapshot", lambda: not world.missing(began + span))
        under = world.longest_wait(began, time.monotonic())
        world.cluster.session(
            "BEGIN; SELECT id FROM jobs WHERE state IN ('available', 'running') FOR UPDATE;\n"
            "SELECT id FROM jobs ORDER BY id DESC LIMIT 3 FOR UPDATE;")
        locked = time.monotonic()
        time.sleep(8 if self.options.short else 20)
        served = sum(1 for d in world.accepted(since=locked) if d.reviewed_at)
        self.expect(served, "locked rows of some jobs kept all others from being run")
        world.cluster.forget()
        self.over()
        return (f"open for {span} s: longest wait for a review {under:.1f} s; "
                f"{served} reviews while rows were locked")


class ReadOnly(PostgresFault):
    name, title = "pg-read-only", "the database read-only, then writable again"

    def play(self, world):
        for value in ["on", "off"]:
            world.cluster.sql(f"ALTER SYSTEM SET default_transaction_read_only = {value}")
            world.cluster.sql("SELECT pg_reload_conf()")
            if value == "on":
                time.sleep(self.span)
        self.over()
        return f"for {self.span:.0f} s"

    def mend(self, world):
        super().mend(world)
        try:
            world.cluster.sql("SET default_transaction_read_only = off; "
                              "ALTER SYSTEM RESET default_transaction_read_only")
        except RuntimeError:
            for text in ["ALTER SYSTEM RESET default_transaction_read_only",
                         "SELECT pg_reload_conf()"]:
                world.cluster.sql(text)
        world.cluster.sql("SELECT pg_reload_conf()")


POSTGRES = [Restart, Backends, Exhausted, HalfOpen, Cut, Notify, IdleTransaction, ReadOnly]
