"""Work that cannot be done, and trouble with the clock, the disk, and a second server."""

import shutil
import subprocess
import time

from chaos.faults import Fault
from chaos.programs import ask, until


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
        compiler = shutil.which("cc") or shutil.which("clang")
        subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-x", "c", "-o", library, "-"],
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


OTHERS = [Clock, TwoServers, NeverReturns, ThrowsAlways, DiskFull, ReadOnlyFile]
