"""The judged process with all that it starts, as its warden holds it: made, given its order,
interrupted, killed to the last process, and measured.

Seventh of the joined files; see seccomp.py for their order. Two kinds: a tree beneath the PID 1 of
namespaces of its own (nursery), and a tree in the namespaces that bubblewrap made, whose PID 1 is
the warden itself (one-shot), or in none (bare).
"""

import os
import select
import shutil
import signal
import socket
import struct
import tempfile
import time

if "judge" not in globals():
    from collection import Invalid
    from confinement import (
        BE_SUBREAPER,
        CHANGED_SIGNALS,
        MOST_DESCRIPTORS,
        SET_DEATH_SIGNAL,
        SET_DUMPABLE,
        WORKING_FOLDER,
        control,
        default_signals,
        make_folders,
        resize_folders,
        seal,
        separate,
        separate_mounts,
        unseal,
    )
    from control_group import MemoryWatch, RunGroup
    from judged import judge

# Until the task says what its own are.
FIRST_LIMITS = {"disk": 64 << 20, "inodes": 4096}
# Of the reaper and of what the judged process changes of the interpreter's memory.
OWN_MEMORY = 24 << 20
LONGEST_START = 20.0
PATIENCE_WITH_REAPER = 0.5
# What the reaper tells: the status as of wait(2), and the seconds of processor time of its own.
VERDICT = struct.Struct(">id")


class Tree:
    """- watched: a descriptor that becomes readable when the tree may have ended, or `None`.
    - needs_reaping: whether `reap` is to be called from time to time.
    """

    needs_reaping = False

    def __init__(self, settings):
        self.settings = settings
        self.status = None
        self.processor_seconds = 0.0
        self.peak_memory = 0
        self.watched = self.judged = self.folder = self.group = None
        self.is_killed = False
        self.input = -1
        self.watch = None
        self.reaper = self.child = self.made = None

    def make_pipes(self):
        read_input, self.input = os.pipe()
        self.output, write_output = os.pipe()
        self.error, write_error = os.pipe()
        self.report, write_report = os.pipe()
        read_order, self.orders = os.pipe()
        self.cells, write_cells = os.pipe()
        self.ready, tell_ready = socket.socketpair()
        # So that the kernel tells the PID of who writes, as it is here.
        self.ready.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        return [
            read_input,
            write_output,
            write_error,
            write_report,
            read_order,
            write_cells,
            tell_ready.detach(),
        ]

    def make_group(self):
        if self.settings.groups.handles:
            self.group = RunGroup(self.settings.groups)

    def await_readiness(self, ends):
        """Until the judged process has locked itself in. Raises `OSError` with its own words where
        it could not."""
        for end in ends:
            os.close(end)
        self.ready.settimeout(LONGEST_START)
        text, notes, _, _ = self.ready.recvmsg(9, socket.CMSG_SPACE(12))
        self.ready.close()
        if text[:1] != b"r" or len(text) != 9:
            os.set_blocking(self.error, False)
            try:
                said = os.read(self.error, 65536).decode("utf-8", "replace").strip()
            except BlockingIOError:
                said = ""
            raise OSError(0, said.splitlines()[-1] if said else "the process ended at once")
        # What it took to lock itself in is not the program's.
        self.processor_seconds -= struct.unpack(">d", text[1:])[0]
        for _, kind, data in notes:
            if kind == socket.SCM_CREDENTIALS:
                pid = struct.unpack("=iII", data)[0]
                self.judged = os.pidfd_open(pid)

    def close_input(self):
        if self.input >= 0:
            os.close(self.input)
            self.input = -1

    def interrupt(self):
        try:
            signal.pidfd_send_signal(self.judged, signal.SIGINT)
        except OSError:
            pass

    def limit(self, limits):
        if self.group is not None:
            self.group.limit(limits["memory"] + OWN_MEMORY, limits["processes"] + 1)

    def killed_for_memory(self):
        return self.group is not None and self.group.killed_for_memory()

    def uses_more_than(self, memory):
        """Where no group holds the tree to its memory, it is looked at from time to time."""
        if self.watch is None or (self.group is not None and self.group.limits_memory()):
            return False
        return self.watch.is_due() and self.watch.use(self.roots()) > memory + OWN_MEMORY

    def roots(self):
        """The processes of the run beneath which all others of it are."""
        return [] if self.reaper is None else [self.reaper]

    def reap(self):
        pass

    def count(self, usage):
        self.processor_seconds += usage.ru_utime + usage.ru_stime
        self.peak_memory = max(self.peak_memory, usage.ru_maxrss * 1024)

    def kill_at_last(self):
        """After a failure of ours."""
        if self.reaper is not None or self.child is not None:
            self.kill()
            self.wait(LONGEST_START)

    def release(self):
        if self.group is not None:
            self.group.remove()


class NamespacedTree(Tree):
    def start(self):
        """Leaves the warden itself in the new namespaces, but for the PIDs: it has to see the
        run's folders, and its memory is out of reach by capability, dumpability and PID."""
        self.make_group()
        # Where memory runs out, the kernel is to take the run and not its warden. It gives the file
        # to root while a process may not be dumped; `separate` ends that again.
        control(SET_DUMPABLE, 1)
        score = os.open("/proc/self/oom_score_adj", os.O_RDWR | os.O_CLOEXEC)
        usual = os.read(score, 16)
        self.watch = MemoryWatch(self.settings.own_memory)
        separate()
        seal()
        make_folders(FIRST_LIMITS, True, self.settings.hidden)
        self.folder = os.open(WORKING_FOLDER, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        ends = self.make_pipes()
        self.verdict, tell_status = os.pipe()
        await_admission, admit = os.pipe()
        os.pwrite(score, b"1000", 0)
        self.reaper = os.fork()
        if self.reaper == 0:
            os.close(admit)
            reap_all(ends, await_admission, tell_status, self.settings)
        os.pwrite(score, usual, 0)
        os.close(score)
        os.close(tell_status)
        os.close(await_admission)
        self.watched = os.pidfd_open(self.reaper)
        if self.group is not None:
            self.group.admit(self.reaper)
        os.write(admit, b"a")
        os.close(admit)
        self.await_readiness(ends)

    def limit(self, limits):
        try:
            resize_folders(limits)
        except OSError as error:
            raise Invalid(f"the disk limit cannot be set: {error.strerror}") from None
        super().limit(limits)

    def has_ended(self):
        if self.reaper is None:
            return True
        pid, _, usage = os.wait4(self.reaper, os.WNOHANG)
        if pid:
            self.close(usage)
        return bool(pid)

    def close(self, usage):
        self.reaper = None
        self.count(usage)
        text = os.read(self.verdict, VERDICT.size)
        if len(text) == VERDICT.size:
            self.status, own_seconds = VERDICT.unpack(text)
            self.processor_seconds -= own_seconds

    def kill(self):
        """The reaper kills all others when the judged process is dead, and counts what they used.
        Where that takes too long, the kernel does it by the reaper's own death, and counts nothing.
        """
        if self.reaper is None or self.is_killed:
            return
        self.is_killed = True
        if self.judged is not None:
            try:
                signal.pidfd_send_signal(self.judged, signal.SIGKILL)
            except OSError:
                pass
            wait_for(self.watched, PATIENCE_WITH_REAPER)
        os.kill(self.reaper, signal.SIGKILL)

    def wait(self, patience):
        end = time.monotonic() + patience
        while not self.has_ended():
            wait_for(self.watched, end - time.monotonic())
            if time.monotonic() > end:
                return False
        return True


def wait_for(file, seconds):
    poll = select.poll()
    poll.register(file, select.POLLIN)
    poll.poll(max(0, int(seconds * 1000)))


def reap_all(ends, await_admission, tell_status, settings):
    """PID 1 of the run: takes in orphans, and kills all when the judged process has ended. Its own
    end is that of every process of its namespace. Never returns."""
    try:
        control(SET_DEATH_SIGNAL, signal.SIGKILL)
        default_signals(CHANGED_SIGNALS)
        if os.read(await_admission, 1) != b"a":
            os._exit(1)
        child = os.fork()
        if child == 0:
            judge(ends, settings)
        os.dup2(tell_status, 0)
        os.closerange(1, MOST_DESCRIPTORS)
        while True:
            pid, status = os.waitpid(-1, 0)
            if pid == child:
                os.write(0, VERDICT.pack(status, time.process_time()))
                os.kill(-1, signal.SIGKILL)
    except ChildProcessError:
        pass  # all are gone
    except ProcessLookupError:
        pass  # there was no other
    finally:
        os._exit(0)


class PlainTree(Tree):
    """The warden is the parent of the judged process and takes in all orphans, as PID 1 of
    bubblewrap's namespace or as subreaper."""

    needs_reaping = True

    def start(self):
        self.has_gone = False
        self.make_group()
        self.watch = MemoryWatch(self.settings.own_memory)
        control(SET_DUMPABLE, 0)
        if self.settings.is_bare:
            self.made = tempfile.mkdtemp(prefix="stet-run-")
            for name in ("work", "tmp"):
                os.mkdir(os.path.join(self.made, name))
            self.settings.folder = self.settings.bare_folder or os.path.join(self.made, "work")
            self.settings.temporary = os.path.join(self.made, "tmp")
        else:
            self.try_folders()
        if os.getpid() != 1:
            control(BE_SUBREAPER, 1)
        self.folder = os.open(self.settings.folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        ends = self.make_pipes()
        await_admission, admit = os.pipe()
        self.child = os.fork()
        if self.child == 0:
            os.close(admit)
            if os.read(await_admission, 1) != b"a":
                os._exit(1)
            judge(ends, self.settings)
        os.close(await_admission)
        self.watched = os.pidfd_open(self.child)
        if self.group is not None:
            self.group.admit(self.child)
        os.write(admit, b"a")
        os.close(admit)
        self.await_readiness(ends)

    def try_folders(self):
        """Needs the one capability that bubblewrap was told to leave. Without it the folders are
        those that bubblewrap mounted, limited by bytes and not by inodes."""
        try:
            separate_mounts()
            seal()
            if self.settings.work_is_given:
                unseal(WORKING_FOLDER)
            make_folders(FIRST_LIMITS, not self.settings.work_is_given, self.settings.hidden)
            self.settings.has_own_folders = True
        except OSError as error:
            if self.settings.groups.paths:
                # They could not be hidden, and the judged process could leave its own.
                raise OSError(error.errno, error.strerror, "hiding the control groups") from None
            if self.settings.is_unsized:
                raise OSError(error.errno, error.strerror, "limiting the folders") from None
            self.settings.has_own_folders = False
            for folder in ("/tmp", WORKING_FOLDER):
                unseal(folder)

    def limit(self, limits):
        if self.settings.has_own_folders:
            resize_folders(limits)
        super().limit(limits)

    def roots(self):
        """With the judged process, all that have lost their parent: they have become ours."""
        return self.watch.children(os.getpid())

    def reap(self):
        """Returns whether a child is left."""
        while True:
            try:
                pid, status, usage = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                return False
            if pid == 0:
                return True
            self.count(usage)
            if pid == self.child:
                self.status = status
                self.has_gone = True

    def has_ended(self):
        self.reap()
        return self.has_gone

    def kill(self):
        if os.getpid() == 1:
            try:
                os.kill(-1, signal.SIGKILL)
            except ProcessLookupError:
                pass
            return
        for pid in children_of(os.getpid()):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass

    def wait(self, patience):
        end = time.monotonic() + patience
        while self.reap():
            if time.monotonic() > end:
                return False
            self.kill()
            time.sleep(0.001)
        return True

    def release(self):
        super().release()
        if self.made is not None:
            shutil.rmtree(self.made, ignore_errors=True)


def children_of(parent):
    """Whoever loses its parent becomes a child of the subreaper, so killing children again and
    again reaches all."""
    found = []
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            with open(f"/proc/{name}/stat", "rb") as file:
                facts = file.read().rsplit(b")", 1)[1].split()
        except (OSError, IndexError):
            continue
        if int(facts[1]) == parent:
            found.append(int(name))
    return found
