"""What a run uses: one control group for it, beneath folders that were delegated to us, of version
1 or 2; and where there is none for memory, a look at its processes from time to time.

Third of the joined files; see seccomp.py for their order. `folders` of the configuration is
`{"memory": PATH, "pids": PATH}` for version 1, either of them alone, or `{"unified": PATH}` for
version 2, where the controllers memory and pids are switched on for its children and our own
process is in another group beneath the same writable one. The folders belong to the uid under which
the nursery runs. A group is named `run-PID` by the warden's PID as the nursery sees it.
"""

import os
import resource
import time

if "write_file" not in globals():
    from confinement import write_file


class ControlGroups:
    """The delegated folders, opened once, so that they can be hidden by name from every run."""

    def __init__(self, folders):
        self.paths = dict(folders or {})
        self.handles = {}
        for kind in ("memory", "pids", "unified"):
            if kind in self.paths:
                try:
                    self.handles[kind] = os.open(
                        self.paths[kind], os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
                    )
                except OSError:
                    pass
        self.handles = {kind: handle for kind, handle in self.handles.items() if self.works(kind)}

    def works(self, kind):
        name = f"try-{os.getpid()}"
        try:
            os.mkdir(name, 0o755, dir_fd=self.handles[kind])
        except OSError:
            return False
        needed = {"memory": "memory.limit_in_bytes", "pids": "pids.max", "unified": "memory.max"}
        try:
            os.stat(name + "/" + needed[kind], dir_fd=self.handles[kind])
            return True
        except OSError:
            return False
        finally:
            self.remove(name, kinds=[kind])

    def measure(self):
        """In words, or `None` where there is no group."""
        if "unified" in self.handles:
            return "cgroup v2: memory, pids"
        if self.handles:
            return "cgroup v1: " + ", ".join(sorted(self.handles))
        return None

    def remove(self, name, kinds=None):
        """A group that has just lost its last process may be busy for an instant."""
        for kind in list(self.handles) if kinds is None else kinds:
            for _ in range(50):
                try:
                    os.rmdir(name, dir_fd=self.handles[kind])
                    break
                except FileNotFoundError:
                    break
                except OSError:
                    time.sleep(0.002)


class RunGroup:
    def __init__(self, groups):
        self.groups = groups
        self.name = f"run-{os.getpid()}"
        for handle in groups.handles.values():
            os.mkdir(self.name, 0o755, dir_fd=handle)

    def write(self, kind, file, value):
        write_file(self.name + "/" + file, str(value), folder=self.groups.handles[kind])

    def try_write(self, kind, file, value):
        try:
            self.write(kind, file, value)
        except OSError:
            pass  # not on every kernel

    def admit(self, pid):
        for kind in self.groups.handles:
            self.write(kind, "cgroup.procs", pid)

    def limit(self, memory, processes):
        kinds = self.groups.handles
        if "memory" in kinds:
            self.write("memory", "memory.limit_in_bytes", memory)
            self.try_write("memory", "memory.memsw.limit_in_bytes", memory)
        if "pids" in kinds:
            self.write("pids", "pids.max", processes)
        if "unified" in kinds:
            self.write("unified", "memory.max", memory)
            self.try_write("unified", "memory.swap.max", 0)
            self.try_write("unified", "pids.max", processes)

    def limits_memory(self):
        return "memory" in self.groups.handles or "unified" in self.groups.handles

    def killed_for_memory(self):
        for kind, file in (("memory", "memory.oom_control"), ("unified", "memory.events")):
            if kind not in self.groups.handles:
                continue
            try:
                handle = os.open(
                    self.name + "/" + file,
                    os.O_RDONLY | os.O_CLOEXEC,
                    dir_fd=self.groups.handles[kind],
                )
            except OSError:
                continue
            try:
                rows = os.read(handle, 4096).decode().splitlines()
            finally:
                os.close(handle)
            for row in rows:
                words = row.split()
                if len(words) == 2 and words[0] == "oom_kill" and words[1] != "0":
                    return True
        return False

    def remove(self):
        self.groups.remove(self.name)


class MemoryWatch:
    """Adds up what the processes of a run hold for themselves. Between two looks it may be more.
    Needs /proc as it was before it was hidden, of a kernel that lists children there."""

    INTERVAL = 0.1

    def __init__(self, own):
        """- own: bytes that each process has from the fork of its interpreter."""
        self.own = own
        self.next = 0.0
        try:
            self.folder = os.open("/proc", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError:
            self.folder = -1

    def children(self, pid):
        """As PIDs; none where they are not known."""
        try:
            return children_in(pid, self.folder) if self.folder >= 0 else []
        except (OSError, ValueError):
            return []

    def is_due(self):
        return self.folder >= 0 and time.monotonic() >= self.next

    def use(self, roots):
        """In bytes, of these processes and all beneath them."""
        total, waiting = 0, list(roots)
        while waiting:
            pid = waiting.pop()
            try:
                total += max(0, memory_of(pid, self.folder) - self.own)
                waiting += children_in(pid, self.folder)
            except (OSError, ValueError, IndexError):
                continue  # it has ended
        self.next = time.monotonic() + self.INTERVAL
        return total


def read_file(path, folder):
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC, dir_fd=folder)
    try:
        return os.read(file, 65536).decode()
    finally:
        os.close(file)


def memory_of(pid, folder):
    """Bytes that a process holds of memory of its own and of memory that it shares, without files.
    What several share is counted for each of them."""
    total = 0
    for row in read_file(f"{pid}/status", folder).splitlines():
        name, _, value = row.partition(":")
        if name in ("RssAnon", "RssShmem"):
            total += int(value.split()[0]) << 10
    return total


def children_in(pid, folder):
    """The kernel lists a child with the thread that made it."""
    tasks = os.open(f"{pid}/task", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=folder)
    try:
        found = []
        for task in os.listdir(tasks):
            found += [int(word) for word in read_file(f"{task}/children", tasks).split()]
        return found
    finally:
        os.close(tasks)


def own_memory():
    """Address space of this process, and what it holds for itself, in bytes."""
    try:
        with open("/proc/self/statm", "rb") as file:
            size, resident, shared = [
                int(word) * resource.getpagesize() for word in file.read().split()[:3]
            ]
        return size, resident - shared
    except (OSError, ValueError):
        return 256 << 20, 32 << 20
