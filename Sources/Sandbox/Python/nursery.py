"""The entry: a warm interpreter from which wardens are forked, or one warden for one run.

Last of the joined files; see seccomp.py for their order. Started as
`python3 -I -S -c TEXT MODE CONFIGURATION [bare]` with a unix socket as standard input.

MODE is one of:
- `nursery`: standard input brings one byte with one descriptor (SCM_RIGHTS) for each run, which is
  the run socket. At its start it says one frame on standard input's socket: R with
  `{"measures", "python", "missing": [modules that could not be imported]}`, or X. It ends at the
  end of that socket; with it, inside bubblewrap, all its runs.
- `oneshot`: standard input is the run socket of the only run.
- `probe`: tries one run as far as READY and says its R or X on standard input's socket.
`bare` takes no namespaces and no filter; limits, deadline, result and collection stay.

CONFIGURATION is JSON, every field optional:
- `preload`: modules to import beside those that most programs use, `site`: a folder added to the end of `sys.path` and, as
  `PYTHONPATH`, to the environment of programs.
- `path`: PATH of the runs; `site`/bin, /usr/bin, /bin unless told.
- `uid`: whom to become, where it is started as root; 65534 unless told. A one-shot should have a
  number of its own, for the kernel counts processes by it.
- `groups`: see control_group.py; paths as seen inside. Its folders are hidden from the runs.
- `work`: `given` where a one-shot's /work is mounted by bubblewrap; for a bare one the folder to
  work in. Else it is fresh.
- `unsized`: true where the two of --tmpfs below were mounted without --size.

How bubblewrap is to be called, all modes (FOLDERS mirror /usr, /bin, /lib and so on, read-only):
  --die-with-parent --as-pid-1 --clearenv --setenv PATH /usr/bin:/bin
  --setenv LC_ALL C.UTF-8 FOLDERS --ro-bind-try /etc/ld.so.cache …
  --ro-bind-try /etc/alternatives … --proc /proc --dev /dev --dir /tmp --dir /work --chdir /
  [--perms 0755 --dir /image --ro-bind SITE /image/site]
  [--perms 0755 --dir /groups --bind GROUP /groups/KIND] --remount-ro /
  (parents that bubblewrap makes by itself are for their owner alone)
  as root: --unshare-ipc --unshare-pid --unshare-net --unshare-uts --unshare-cgroup-try
    --cap-drop ALL --cap-add CAP_SETPCAP --cap-add CAP_SETUID --cap-add CAP_SETGID
    and for a one-shot --cap-add CAP_SYS_ADMIN
  else: --unshare-all --uid 65534 --gid 65534 --cap-drop ALL
    and for a one-shot --cap-add CAP_SETPCAP --cap-add CAP_SYS_ADMIN
  In a one-shot, for kernels that refuse it that capability, use instead of the two --dir:
    --size DISK --perms 1777 --tmpfs /tmp --size DISK --perms 1777 --tmpfs /work
PID 1 is then this program: no signal from within reaches it. Bubblewrap itself is started in a
session of its own without a terminal, and given no --new-session: who kills its process group kills
this program too, which its death alone does not where it is another user's.
"""

import gc
import importlib
import json
import os
import resource
import select
import signal
import site
import socket
import struct
import sys

if "Warden" not in globals():
    from confinement import (
        CHANGED_SIGNALS,
        MOST_DESCRIPTORS,
        NO_CORE,
        NO_NEW_PRIVILEGES,
        REPORT_DESCRIPTOR,
        SET_DUMPABLE,
        WORKING_FOLDER,
        CallFilter,
        become,
        control,
        default_signals,
        empty_bounding_set,
        give_up_capabilities,
        landlock_version,
        libc,
        limit_resources,
        lower_capabilities,
        restrict_paths,
    )
    from control_group import ControlGroups, own_memory
    from tree import NamespacedTree, PlainTree
    from warden import Warden

NOBODY = 65534
# What most programs import; the image's own come from the configuration.
COMMON_MODULES = (
    "argparse", "ast", "base64", "bisect", "collections", "contextlib", "copy", "csv",
    "dataclasses", "datetime", "decimal", "enum", "fractions", "functools", "hashlib", "heapq",
    "inspect", "io", "itertools", "json", "linecache", "logging", "math", "operator", "os",
    "pathlib", "queue", "random", "re", "shutil", "signal", "statistics", "string", "subprocess",
    "tempfile", "textwrap", "threading", "time", "traceback", "types", "typing", "unittest",
)  # fmt: skip
LONGEST_CELLS = 3600


class Settings:
    """What holds for every run of this process. Copied with each fork, so a run may change it."""

    def __init__(self, mode, fields, is_bare):
        self.mode = mode
        self.is_bare = is_bare
        self.is_nested = mode != "oneshot" and not is_bare
        self.site = fields.get("site")
        self.work_is_given = fields.get("work") == "given"
        self.is_unsized = bool(fields.get("unsized"))
        self.bare_folder = fields.get("work") if is_bare else None
        folders = ["/usr/bin", "/bin"]
        if self.site:
            folders.insert(0, self.site + "/bin")
        self.path = fields.get("path") or ":".join(folders)
        self.folder = WORKING_FOLDER
        self.temporary = "/tmp"
        self.has_own_folders = self.is_nested
        if os.getuid() == 0 and not (is_bare and fields.get("uid") is None):
            become(fields.get("uid") or NOBODY, keep_administration=mode == "oneshot")
        elif not is_bare:
            empty_bounding_set()
            lower_capabilities(mode == "oneshot")
        resource.setrlimit(resource.RLIMIT_CORE, (NO_CORE, NO_CORE))
        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        most = MOST_DESCRIPTORS if most < 0 else min(most, MOST_DESCRIPTORS)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
        self.landlock = 0 if is_bare else landlock_version()
        self.filter = None if is_bare else CallFilter()
        self.groups = ControlGroups(fields.get("groups"))
        # A one-shot may keep /proc, where it sees its warden's name and nothing more.
        self.hidden = ["/proc"] if self.is_nested else []
        for folder in ["/dev/pts", *self.groups.paths.values()]:
            if not is_bare and os.path.isdir(folder):
                self.hidden.append(folder)
        if not is_bare:
            control(NO_NEW_PRIVILEGES, 1)
            control(SET_DUMPABLE, 0)
        self.address_space = self.own_memory = 0

    def measures(self):
        """What keeps a run apart, in words for a report."""
        found = []
        if not self.is_bare:
            own = "user, pid, mount, ipc, uts, net, cgroup" if self.is_nested else "by bubblewrap"
            found += ["namespaces: " + own, "read-only root", "seccomp", "no new privileges"]
            if self.has_own_folders:
                found.append("private tmpfs")
            if self.landlock:
                found.append(f"landlock {self.landlock}")
        found += ["rlimits", "pidfd"]
        group = self.groups.measure()
        return found + ([group] if group else [])

    def environment(self):
        variables = {
            "PATH": self.path,
            "HOME": self.temporary,
            "TMPDIR": self.temporary,
            "LANG": "C.UTF-8",
            "LC_ALL": "C.UTF-8",
            "PYTHONDONTWRITEBYTECODE": "1",
            "STET_REPORT": str(REPORT_DESCRIPTOR),
        }
        if self.site:
            variables["PYTHONPATH"] = self.site
        return variables

    def confine(self):
        """For the judged process: gives up what it has, for good."""
        if self.is_bare:
            return
        give_up_capabilities()
        control(NO_NEW_PRIVILEGES, 1)
        restrict_paths(self.landlock, (self.folder, self.temporary, "/dev/shm"))
        self.filter.install()

    def limit_judged(self, order):
        is_session = order["mode"] == "session"
        base = 0 if order["mode"] == "command" else self.address_space
        # Counted with it are its warden and, in namespaces of its own, its reaper.
        ours = None if self.is_bare else 2 if self.is_nested else 1
        limit_resources(order["limits"], base, ours, LONGEST_CELLS if is_session else None)

    def warm_up(self, modules):
        """Imports what runs will want. Returns what could not be imported."""
        if self.site:
            sys.path.append(self.site)
        site.setquit()
        site.sethelper()
        site.setcopyright()
        # Some look round already when they are imported.
        os.environ.update(self.environment())
        if not self.is_bare:
            os.chdir(WORKING_FOLDER)
        # Threads of a library would be lost in a fork, and one arena of memory for each thread
        # would use up the address space that a run may have.
        os.environ["OPENBLAS_NUM_THREADS"] = os.environ["OMP_NUM_THREADS"] = "1"
        if hasattr(libc, "mallopt"):
            libc.mallopt(-8, 2)
        missing = []
        for name in modules:
            try:
                importlib.import_module(name)
            except Exception:
                missing.append(name)
        self.kept = sys.modules["__main__"]  # each judged process puts another in its place
        self.address_space, self.own_memory = own_memory()
        gc.collect()
        gc.freeze()
        gc.disable()
        return missing


def send_frame(channel, kind, fields):
    text = json.dumps(fields).encode()
    try:
        channel.sendall(kind + struct.pack(">I", len(text)) + text)
    except OSError:
        pass


def words_of(error):
    if isinstance(error, OSError) and error.strerror:
        step = f"{error.filename}: " if error.filename else ""
        return step + error.strerror
    return f"{type(error).__name__}: {error}"


def watch(channel, settings):
    """One run from beginning to end, in a process of its own."""
    default_signals(CHANGED_SIGNALS)
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    tree = (NamespacedTree if settings.is_nested else PlainTree)(settings)
    try:
        Warden(channel, settings, tree).run()
    except BaseException as error:
        code = "unavailable" if isinstance(error, OSError) else "lost"
        channel.settimeout(10)
        send_frame(channel, b"X", {"code": code, "detail": words_of(error)})
        tree.kill_at_last()
    finally:
        tree.release()


def fork_warden(channel, settings, others):
    """Returns the warden's PID. `others` are closed in it."""
    pid = os.fork()
    if pid:
        return pid
    try:
        signal.set_wakeup_fd(-1)
        for other in others:
            other.close()
        nothing = os.open(os.devnull, os.O_RDWR)
        if channel.fileno() != 0:
            os.dup2(nothing, 0)
        watch(channel, settings)
    finally:
        os._exit(0)


class Nursery:
    def __init__(self, channel, settings):
        self.channel = channel
        self.settings = settings
        self.woken, self.waking = socket.socketpair()
        for end in (self.woken, self.waking):
            end.setblocking(False)

    def serve(self):
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self.waking.fileno(), warn_on_full_buffer=False)
        poll = select.poll()
        poll.register(self.channel, select.POLLIN)
        poll.register(self.woken, select.POLLIN)
        while True:
            for file, _ in poll.poll():
                if file == self.woken.fileno():
                    self.reap()
                elif not self.take():
                    return

    def take(self):
        """One request for a run. Returns false at the end of the socket."""
        try:
            text, handles, _, _ = socket.recv_fds(self.channel, 1, 4)
        except OSError:
            return False
        for handle in handles:
            run = socket.socket(fileno=handle)
            try:
                fork_warden(run, self.settings, [self.channel, self.woken, self.waking])
            except OSError as error:
                detail = f"no process could be made: {error.strerror}"
                run.setblocking(False)
                send_frame(run, b"X", {"code": "unavailable", "detail": detail})
            finally:
                run.close()
        return bool(text)

    def reap(self):
        try:
            self.woken.recv(4096)
        except BlockingIOError:
            pass
        while True:
            try:
                pid, _ = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            # Where the warden itself was killed, its group is still there.
            self.settings.groups.remove(f"run-{pid}")


def probe(channel, settings):
    ours, theirs = socket.socketpair()
    fork_warden(theirs, settings, [ours, channel])
    theirs.close()
    ours.settimeout(30)
    try:
        head = ours.recv(5, socket.MSG_WAITALL)
        text = ours.recv(struct.unpack(">I", head[1:])[0], socket.MSG_WAITALL)
        channel.sendall(head + text)
    except (OSError, struct.error):
        send_frame(channel, b"X", {"code": "unavailable", "detail": "the trial gave no answer"})


def main():
    mode, fields = sys.argv[1], json.loads(sys.argv[2])
    channel = socket.socket(fileno=0)
    try:
        default_signals()
        signal.signal(signal.SIGPIPE, signal.SIG_IGN)
        settings = Settings(mode, fields, "bare" in sys.argv[3:])
        missing = settings.warm_up([*COMMON_MODULES, *fields.get("preload", [])])
    except Exception as error:
        detail = words_of(error)
        send_frame(channel, b"X", {"code": "unavailable", "detail": detail})
        return
    if mode == "oneshot":
        watch(channel, settings)
    elif mode == "probe":
        probe(channel, settings)
    else:
        facts = {"measures": settings.measures(), "missing": missing}
        send_frame(channel, b"R", {**facts, "python": ".".join(map(str, sys.version_info[:3]))})
        Nursery(channel, settings).serve()


if __name__ == "__main__":
    main()
    os._exit(0)
