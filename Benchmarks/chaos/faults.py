"""What every fault is: it plays in a world where deliveries arrive, and tells what it saw."""

import time

from chaos.programs import until

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
        # Seconds of a recovery within `play`.
        self.worst = 0

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
            recovery = max(self.worst, world.settle(self.healed, self.patience))
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
