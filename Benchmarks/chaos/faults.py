"""Faults that both engines are put through. Each plays in a world where deliveries arrive."""

import pathlib
import random
import signal
import subprocess
import time

from chaos.programs import ask, until

LEASE = 20
# A lost worker's jobs run elsewhere within this time; a double is removed within it.
PROMISE = 30


class Fault:
    """- `engines` that it is for; `own_world`: its settings, where it does not share one.
    - `play` returns a sentence of what was seen. `self.healed` is when the fault was over, and
      `self.problems` what was not as promised."""

    name = ""
    title = ""
    engines = ("sqlite", "postgresql")
    own_world = None
    in_short = True
    # Seconds until what was accepted before the fault's end has to be reviewed.
    patience = 120

    def __init__(self, options):
        self.options = options
        self.healed = None
        self.problems = []
        self.figures = {}

    def over(self):
        self.healed = time.monotonic()

    def expect(self, truth, sentence):
        if not truth:
            self.problems.append(sentence)

    def run(self, world):
        began = time.monotonic()
        broken = len(world.broken)
        try:
            note = self.play(world)
        except Exception as error:  # One fault that cannot be played does not hide the others.
            self.problems.append(f"could not be played to its end: {error!r}")
            note = ""
        finally:
            self.mend(world)
        self.healed = self.healed or time.monotonic()
        recovery = None
        try:
            recovery = world.settle(self.healed, self.patience)
        except (TimeoutError, RuntimeError, OSError) as error:
            late = [f"{d.repository}#{d.number}: {world.told(d)}" for d in world.missing()[:3]]
            self.problems.append(f"{error}; {late}")
        return {
            "fault": self.name, "title": self.title, "engine": world.engine, "note": note,
            "recovery_seconds": recovery, "seconds": time.monotonic() - began,
            "accepted": len(world.accepted(since=began)),
            "longest_wait_seconds": world.longest_wait(began, time.monotonic()),
            "problems": self.problems + world.broken[broken:][:5], **self.figures}

    def mend(self, world):
        """Whatever happened, the world is whole after it."""
        world.forge.mend()
        if world.cluster:
            world.cluster.forget()
            if not world.cluster.is_up:
                world.cluster.revive()
        for stet in world.stets.values():
            stet.forge.let_go()
            if stet.database:
                stet.database.mend()
            if stet.stopped:
                stet.thaw()
            if not stet.is_up:
                self.bring_up(world, stet)

    @staticmethod
    def bring_up(world, stet, limit=60):
        """Starts it as a service manager would: again, until it stands."""
        def begin():
            try:
                stet.start()
                return True
            except RuntimeError:
                return False
        until(limit, f"{stet.name} to start", begin, pause=1)


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


class NeverReturns(Fault):
    name, title = "never-returns", "a handler that waits for an answer that never comes"

    def play(self, world):
        name = f"never-{world.engine}-{world.name}"
        world.forge.fault(kind="hold-before", path=f"/{name}/", times=1_000_000)
        stuck = world.deliver(world.forge.single(name), poisoned=True)
        time.sleep(8 if self.options.short else 45)
        self.expect(world.accepted(since=stuck.created_at), "nothing was accepted meanwhile")
        world.settle(time.monotonic(), 30)
        self.expect(not stuck.reviewed_at, "it was reviewed all the same")
        world.forge.mend()
        self.over()
        # The longest wait of a call, and of the snooze after it.
        until(120, "the review of the one that was stuck", lambda: stuck.reviewed_at)
        stuck.is_poisoned = False
        return f"the others went on; it was reviewed {stuck.reviewed_at - self.healed:.0f} s later"


class ThrowsAlways(Fault):
    name, title = "throws-always", "a handler that throws at every try"
    diff = ("diff --git a/app/orders.py b/app/orders.py\n--- a/app/orders.py\n"
            "+++ b/app/orders.py\n@@ -1,5 +1,9 @@\n+cut off\n")

    def play(self, world):
        bad = world.deliver(
            world.forge.single(f"throws-{world.engine}-{world.name}", self.diff), poisoned=True)
        name = bad.repository.split("/")[1]
        condition = f"kind = 'review-pull-request' AND arguments LIKE '%{name}%'"

        def ended():
            # The waits between tries, ten minutes together, are cut short by hand.
            world.sql("UPDATE jobs SET scheduled_at = scheduled_at - 3600 WHERE "
                      f"state = 'retryable' AND {condition}")
            rows = world.jobs(condition, "state, attempt, max_attempts")
            return rows and rows[0][0] in ("discarded", "cancelled", "completed") and rows[0]
        state, attempt, most = until(90, "the end of its tries", ended, pause=0.5)
        self.over()
        self.expect((state, attempt) == ("discarded", most),
                    f"it ended {state} after {attempt} of {most} tries")
        standing = world.standing(bad)
        self.expect(standing.checks == 1 and not standing.open_checks,
                    f"its check does not say so: {standing}")
        return f"{state} after {attempt} tries"


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


class StoppedPublisher(Fault):
    name = "sigstop"
    title = "a publisher stopped past its lease with its review on the wire, then continued"
    own_world = {"rate": 1}

    def play(self, world):
        name = f"stopped-{world.engine}"
        for stet in world.stets.values():
            stet.forge.hold_next(rb"POST /repos/[^ ]*/stopped-[^ ]*/reviews",
                                 lambda proxy, stet=stet: stet.freeze())
        delivery = world.deliver(world.forge.single(name))
        stopped = until(30, "the review on the wire", lambda: next(
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
        self.over()
        doubled = None
        end = time.monotonic() + PROMISE + 30
        quiet = None
        while time.monotonic() < end:
            if world.standing(delivery).is_double:
                doubled = doubled or time.monotonic()
                quiet = None
            else:
                quiet = quiet or time.monotonic()
                if time.monotonic() - quiet > 10:
                    break
            time.sleep(0.2)
        existed = doubled is not None
        self.figures["doubles"] = int(existed)
        self.figures["took_over_seconds"] = taken
        if existed and quiet:
            world.doubled_for[delivery.key] = quiet - doubled
            self.expect(quiet - doubled <= PROMISE,
                        f"the double stood for {quiet - doubled:.0f} s")
        said = f"taken over after {taken:.0f} s; " if taken else ""
        if not existed:
            return said + "no double came to be"
        if not quiet:
            self.expect(False, f"the double still stands: {world.standing(delivery)}")
            return said + "a double came to be and was not removed"
        return said + f"a double came to be and was removed {quiet - doubled:.1f} s later"


class Clock(Fault):
    name, title = "clock", "the clock of one process an hour ahead, an hour behind, right again"
    # libfaketime changes the environment as it is loaded, after which a Swift program finds no
    # arguments; this does the same and no more.
    source = r"""
        #define _GNU_SOURCE
        #include <stdlib.h>
        #include <sys/syscall.h>
        #include <sys/time.h>
        #include <time.h>
        #include <unistd.h>
        int clock_gettime(clockid_t clock, struct timespec *now) {
          const char *shift = getenv("CHAOS_SHIFT");
          int result = syscall(SYS_clock_gettime, clock, now);
          if (result == 0 && shift && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
            now->tv_sec += atol(shift);
          return result;
        }
        int gettimeofday(struct timeval *restrict now, void *restrict zone) {
          struct timespec time;
          clock_gettime(CLOCK_REALTIME, &time);
          now->tv_sec = time.tv_sec;
          now->tv_usec = time.tv_nsec / 1000;
          return 0;
        }
        time_t time(time_t *out) {
          struct timespec now;
          clock_gettime(CLOCK_REALTIME, &now);
          if (out) *out = now.tv_sec;
          return now.tv_sec;
        }
        """

    def play(self, world):
        library = world.folder / "clock.so"
        subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-x", "c", "-o", library, "-"],
                       input=self.source, text=True, check=True, capture_output=True)
        stet = list(world.stets.values())[-1]
        since = time.monotonic()
        for shift in ["3600", "-3600"]:
            stet.kill()
            stet.start({"LD_PRELOAD": str(library), "CHAOS_SHIFT": shift})
            time.sleep(3 if self.options.short else 12)
            # Jobs that are left at every stage by this clock are found by the next one.
            burst = [world.deliver(world.forge.next_delivery()) for _ in range(30)]
            until(20, "a few of many accepted", lambda: sum(
                d.accepted_at is not None for d in burst) > 10, pause=0.01)
        stet.kill()
        stet.start()
        self.over()
        world.settle(self.healed, self.patience)
        longest = world.longest_wait(since, time.monotonic())
        return f"{stet.name}'s; the longest wait for a review was {longest:.1f} s"


class DiskFull(Fault):
    name, title = "disk-full", "the disk full (a tmpfs), then freed"
    own_world = {"disk": 96, "rate": 2}

    def play(self, world):
        time.sleep(3)
        filler = world.disk / "filler"
        began = time.monotonic()
        refused = world.refusals
        end = began + (8 if self.options.short else 25)
        size = 0
        with open(filler, "ab", buffering=0) as file:
            while time.monotonic() < end:
                try:
                    size += file.write(b"\0" * 65536)
                except OSError:
                    time.sleep(0.05)  # Whatever is freed meanwhile is taken too.
        accepted = len(world.accepted(since=began + 1))
        refused = world.refusals - refused
        filler.unlink()
        if world.cluster and not world.cluster.is_up:
            self.figures["database_ended"] = True
            world.cluster.revive()
        self.over()
        self.expect(refused, "nothing was refused: the disk was not full")
        return (f"{size >> 20} MiB of filler; meanwhile {accepted} accepted, {refused} refused "
                f"with a status or no answer" + ("; PostgreSQL itself ended and was started"
                                                 if self.figures.get("database_ended") else ""))


class ReadOnlyFile(Fault):
    name, title = "read-only", "the database file read-only, then writable again"
    engines = ("sqlite",)
    own_world = {"disk": 96, "rate": 2}

    def play(self, world):
        stet = world.servers[0]
        time.sleep(2)
        stet.kill()
        self.remount(world, "ro")
        offset = stet.size()
        said, answer = "it serves", None
        try:
            stet.start(wait=15)
            answer = ask(f"{stet.url}/readyz")[0]
            time.sleep(3)
            stet.kill()
        except RuntimeError:
            status = stet.process.poll()
            said = stet.said(offset).strip().splitlines()[-1]
            self.expect(status in (2, 3), f"it ended with {status}")
            self.expect("stet:" in said or "read" in said, f"it said only: {said}")
        finally:
            if stet.is_up:
                stet.kill()
            self.remount(world, "rw")
        stet.start()
        self.over()
        return f"started on it: {said[:160]}" + (f", /readyz {answer}" if answer else "")

    @staticmethod
    def remount(world, how):
        until(10, f"the file system {how}", lambda: subprocess.run(
            ["mount", "-o", f"remount,{how}", world.disk], check=False,
            capture_output=True).returncode == 0)


class TwoServers(Fault):
    name, title = "two-servers", "a second server on the same SQLite file"
    engines = ("sqlite",)

    def play(self, world):
        first = world.servers[0]
        pid = first.pid
        sentences = []
        other = world.folder / "other"
        other.mkdir(exist_ok=True, mode=0o700)
        for extra in [{}, {"STET_DATA_DIR": str(other),
                           "DATABASE_URL": f"sqlite:{world.data}/stet.db"}]:
            result = subprocess.run(
                first.command, env=first.env | extra | {"STET_LISTEN": "127.0.0.1:0"},
                capture_output=True, text=True, timeout=30, stdin=subprocess.DEVNULL)
            said = result.stderr.strip().splitlines()
            sentences.append(said[-1] if said else "")
            self.expect(result.returncode in (2, 3), f"the second ended with {result.returncode}")
            self.expect(said, "the second said nothing")
        self.expect(first.is_up and first.pid == pid, "the first one ended")
        self.over()
        return f"refused twice, such as: {sentences[0][:160]}"


SHARED = [Kill, SoftStop, Clock, TwoServers, NeverReturns, ThrowsAlways, StoppedPublisher,
          DiskFull, ReadOnlyFile, Crashes]
