"""Processes that are killed, stopped, or made to die by what they work on."""

import random
import signal
import time

from chaos.faults import LEASE, PROMISE, Fault
from chaos.programs import until


class Kill(Fault):
    name, title = "kill", "`kill -9` of a random process, and started again"
    patience = 180

    def play(self, world):
        chance = random.Random(self.options.seed)
        in_work = 0
        for round_ in range(self.options.rounds):
            time.sleep(chance.uniform(0.1, 1.0))
            stet = chance.choice(list(world.stets.values()))
            # Every other kill comes while a request that posts is on its way, which arrives or not.
            if round_ % 2:
                in_work += self.kill_in_work(stet, chance)
            stet.kill()
            time.sleep(chance.uniform(0, 0.5))
            stet.start()
            if round_ % 10 == 9:
                print(f"  {world.engine}: {round_ + 1} kills", flush=True)
        self.over()
        self.figures["kills"] = self.options.rounds
        world.settle(self.healed, self.patience)
        begun = world.jobs("interruptions > 0 OR attempt > 1", "id")
        return (f"{self.options.rounds} kills, {in_work} of them while a request that posts was on "
                f"its way; {len(begun)} jobs were begun again")

    @staticmethod
    def kill_in_work(stet, chance):
        """- Returns: whether such a request came."""
        stet.forge.hold_next(rb"(POST|PATCH) /repos/", lambda proxy: stet.signal(signal.SIGKILL))
        end = time.monotonic() + 3
        while not stet.forge.held and time.monotonic() < end:
            time.sleep(0.005)
        came = bool(stet.forge.held)
        stet.kill()
        if came and chance.random() < 0.5:
            stet.forge.drop()
        stet.forge.let_go()
        return came


class SoftStop(Fault):
    name, title = "sigterm", "SIGTERM under load, one process after the other"

    def play(self, world):
        since = time.monotonic()
        stamp = self.clock(world)
        stops = 0
        longest = 0
        for round_ in range(2 if self.options.short else 5):
            for stet in world.stets.values():
                time.sleep(random.uniform(0.3, 1.0))
                # One that does not end by itself has to be handed back.
                held = None
                if round_ == 1:
                    held = world.forge.single(f"soft-{world.engine}-{stet.name}")
                    stet.forge.hold_next(rb"GET /repos/[^ ]*/soft-")
                    world.deliver(held)
                    try:
                        until(8, "the held request", lambda: stet.forge.held)
                    except TimeoutError:
                        pass  # Another process took it.
                status, seconds = stet.end()
                longest = max(longest, seconds)
                stops += 1
                self.expect(status == 0, f"{stet.name} ended with {status} after {seconds:.1f} s")
                stet.forge.let_go()
                stet.start()
        self.over()
        world.settle(since, self.patience)
        burnt = world.jobs(f"created_at > {stamp} AND attempt > 1")
        self.expect(not burnt, f"{len(burnt)} jobs lost an attempt: {burnt[:2]}")
        self.figures["soft_stops"] = stops
        return f"{stops} stops, the longest {longest:.1f} s, {len(burnt)} attempts burnt"

    @staticmethod
    def clock(world):
        """The database's, as jobs are stamped with it."""
        return world.sql("SELECT coalesce(max(created_at), 0) FROM jobs")[0][0]


class StoppedPublisher(Fault):
    name = "sigstop"
    title = "a publisher stopped past its lease with its review on the wire, then continued"
    own_world = {"rate": 1}

    def play(self, world):
        routes = ["reviews"] if self.options.short else ["reviews", "comments", "check-runs"]
        self.figures["doubles"] = 0
        notes = [f"{route}: {self.stop_at(world, route)}" for route in routes]
        return "; ".join(notes)

    def stop_at(self, world, route):
        name = f"stopped-{world.engine}-{route}"
        for stet in world.stets.values():
            stet.forge.hold_next(rf"POST /repos/[^ ]*/{name}/[^ ]*{route} ".encode(),
                                 lambda proxy, stet=stet: stet.freeze())
        delivery = world.deliver(world.forge.single(name))
        stopped = until(30, "the request on the wire", lambda: next(
            (s for s in world.stets.values() if s.forge.held), None))
        for stet in world.stets.values():
            if stet is not stopped:
                stet.forge.let_go()
        began = time.monotonic()
        taken = None
        if len(world.stets) > 1:
            taken = until(PROMISE + 15, "another process to review it",
                          lambda: delivery.reviewed_at) - began
            self.expect(taken <= PROMISE, f"another took it over only after {taken:.0f} s")
            time.sleep(2)
        else:
            time.sleep(LEASE + 5)
        stopped.thaw()
        stopped.forge.let_go()
        stopped.forge.held = []
        self.over()
        first, last = self.doubled_between(world, delivery)
        said = f"taken over after {taken:.0f} s, " if taken else ""
        if first is None:
            return said + "no double came to be"
        self.figures["doubles"] += 1
        if last is None:
            self.expect(False, f"the double still stands: {world.standing(delivery)}")
            return said + "a double came to be and was not removed"
        world.doubled_for[delivery.key] = last - first
        self.expect(last - first <= PROMISE, f"the double stood for {last - first:.0f} s")
        return said + f"a double came to be and was removed {last - first:.1f} s later"

    @staticmethod
    def doubled_between(world, delivery):
        """- Returns: when a double was first seen, and since when none is; `None` where never."""
        first = last = None
        end = time.monotonic() + PROMISE + 30
        quiet_since = time.monotonic()
        while time.monotonic() < end:
            if world.standing(delivery).is_double:
                first = first or time.monotonic()
                quiet_since = None
            elif quiet_since is None:
                quiet_since = time.monotonic()
            elif time.monotonic() - quiet_since > (5 if first else 10):
                last = quiet_since
                break
            time.sleep(0.2)
        return first, last


class Paused(Fault):
    name, title = "paused", "each process stopped past its lease at any moment, then continued"
    own_world = {"rate": 2}
    in_short = False

    def play(self, world):
        longest = 0
        for stet in world.stets.values():
            for _ in range(1 if len(world.stets) > 1 else 2):
                stet.freeze()
                time.sleep(LEASE + 8)
                stet.thaw()
                self.over()
                longest = max(longest, world.settle(self.healed, self.patience))
        self.worst = longest
        return f"stopped for {LEASE + 8} s each; recovered within {longest:.1f} s of going on"


class Crashes(Fault):
    name, title = "crashes", "a handler that kills its process at every try"
    own_world = {"rate": 1}
    in_short = False
    patience = 180

    def play(self, world):
        name = f"deadly-{world.engine}"
        condition = f"kind = 'review-pull-request' AND arguments LIKE '%{name}%'"
        pattern = rb"(GET|POST) /repos/[^ ]*/deadly-"
        deadly = world.deliver(world.forge.single(name), poisoned=True)
        kills = 0
        for stet in world.stets.values():
            stet.forge.hold_next(pattern)
        end = time.monotonic() + 420
        while time.monotonic() < end:
            for stet in world.stets.values():
                if stet.forge.held:
                    stet.kill()
                    kills += 1
                    stet.forge.let_go()
                    stet.forge.drop()
                    stet.forge.hold_next(pattern)
                    stet.start()
            rows = world.jobs(condition, "state")
            if rows and rows[0][0] in ("discarded", "cancelled", "completed"):
                break
            time.sleep(0.2)
        self.over()
        rows = world.jobs(condition, "state, attempt, interruptions")
        self.expect(rows and rows[0][0] == "discarded", f"it was not given up: {rows}")
        self.figures["kills"] = kills
        self.expect(not deadly.reviewed_at, "it was reviewed all the same")
        return f"given up after {kills} processes that it killed"


PROCESSES = [Kill, SoftStop, StoppedPublisher, Paused, Crashes]
