"""What keeps a judged process apart: namespaces, folders, capabilities, limits, Landlock.

Second of the joined files; see seccomp.py for their order. Linux alone. Every function fails with
`OSError` that names what failed; callers decide whether that is the end.
"""

import ctypes
import os
import resource
import signal
import socket
import struct

if "filter_program" not in globals():
    from seccomp import filter_program

NEW_MOUNTS, NEW_GROUPS, NEW_HOSTNAME, NEW_QUEUES = 0x20000, 0x2000000, 0x4000000, 0x8000000
NEW_USERS, NEW_PROCESSES, NEW_NETWORK = 0x10000000, 0x20000000, 0x40000000
EVERY_NAMESPACE = (
    NEW_MOUNTS | NEW_GROUPS | NEW_HOSTNAME | NEW_QUEUES | NEW_USERS | NEW_PROCESSES | NEW_NETWORK
)
READ_ONLY, NO_SUID, NO_DEVICES, NO_EXECUTION, REMOUNT, BIND = 1, 2, 4, 8, 32, 4096

SET_DEATH_SIGNAL, SET_DUMPABLE, KEEP_CAPABILITIES, SET_SECCOMP = 1, 4, 8, 22
DROP_BOUND, BE_SUBREAPER, NO_NEW_PRIVILEGES, AMBIENT = 24, 36, 38, 47
SYSTEM_ADMINISTRATION = 21
# The same numbers on x86_64 and aarch64.
MOUNT_SETATTR, LANDLOCK_CREATE, LANDLOCK_ADD, LANDLOCK_RESTRICT = 442, 444, 445, 446

WORKING_FOLDER = "/work"
# Which numbers a judged process may find open, beside its report descriptor, which is the next.
REPORT_DESCRIPTOR = 3
MOST_DESCRIPTORS = 4096

# One byte is less than any core file has, and unlike 0 it also keeps the kernel from handing the
# core to a program of the machine, see core(5).
NO_CORE = 1

# Limits that are whole numbers; time and processor_time are seconds.
COUNTS = ("memory", "processes", "descriptors", "disk", "inodes", "output", "collected")

libc = ctypes.CDLL(None, use_errno=True)
if hasattr(libc, "prctl"):
    libc.prctl.argtypes = [ctypes.c_int] + [ctypes.c_ulong] * 4


def checked(result, what):
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), what)
    return result


def control(option, *arguments):
    return checked(libc.prctl(option, *(*arguments, 0, 0, 0)[:4]), "prctl")


def system_call(number, *arguments):
    words = [word if isinstance(word, bytes) else ctypes.c_long(word) for word in arguments]
    return libc.syscall(ctypes.c_long(number), *words)


def mount(source, target, kind=None, flags=0, options=None):
    result = libc.mount(
        source.encode(), target.encode(), kind and kind.encode(), ctypes.c_ulong(flags),
        options and options.encode(),
    )  # fmt: skip
    checked(result, "mount " + target)


def write_file(path, text, folder=None):
    file = os.open(path, os.O_WRONLY | os.O_CLOEXEC, dir_fd=folder)
    try:
        os.write(file, text.encode())
    finally:
        os.close(file)


def default_signals(numbers=None):
    """So that PID 1 of a namespace is deaf to signals from within it, which needs every one to be
    as the kernel has it, and so that nothing of ours is left in a judged process."""
    for number in signal.valid_signals() if numbers is None else numbers:
        if number not in (signal.SIGKILL, signal.SIGSTOP):
            signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


# Those that the interpreter, or the nursery, has set otherwise. All others are made so once.
CHANGED_SIGNALS = [
    getattr(signal, name)
    for name in ("SIGINT", "SIGPIPE", "SIGXFSZ", "SIGCHLD")
    if hasattr(signal, name)
]


def become(uid, keep_administration=False):
    """Takes another identity for good. Kept, in a one-shot, is the one capability by which the
    warden mounts the run's folders; the judged process gives it up."""
    if keep_administration:
        control(KEEP_CAPABILITIES, 1)
    # While the right to do so is still there.
    empty_bounding_set()
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)
    # What bubblewrap had asked for is forgotten with the old identity.
    control(SET_DEATH_SIGNAL, signal.SIGKILL)
    lower_capabilities(keep_administration)


def lower_capabilities(keep_administration):
    try:
        set_capabilities(1 << SYSTEM_ADMINISTRATION if keep_administration else 0)
    except PermissionError:
        set_capabilities(0)  # it was not left to us


def set_capabilities(bits):
    header = struct.pack("=Ii", 0x20080522, 0)
    low, high = bits & 0xFFFFFFFF, bits >> 32
    data = struct.pack("=6I", low, low, 0, high, high, 0)
    checked(libc.capset(header, data), "capset")


def empty_bounding_set():
    for number in range(64):
        try:
            control(DROP_BOUND, number)
        except OSError:
            break  # past the last one, or the bounding set is not ours to lower


def give_up_capabilities():
    empty_bounding_set()
    try:
        control(AMBIENT, 4)
    except OSError:
        pass
    set_capabilities(0)


def separate():
    """Fresh namespaces of every kind for this process, and for its children a fresh PID namespace.
    The identity inside is the same number as outside, and the only one there is."""
    uid, gid = os.getuid(), os.getgid()
    checked(libc.unshare(ctypes.c_int(EVERY_NAMESPACE)), "unshare")
    # The kernel gives the files below to root where a process may not be dumped.
    control(SET_DUMPABLE, 1)
    write_file("/proc/self/setgroups", "deny")
    write_file("/proc/self/uid_map", f"{uid} {uid} 1")
    write_file("/proc/self/gid_map", f"{gid} {gid} 1")
    control(SET_DUMPABLE, 0)
    socket.sethostname("sandbox")


def separate_mounts():
    """Mounts and a host name of our own: the namespaces that bubblewrap made may belong to a user
    namespace above ours."""
    checked(libc.unshare(ctypes.c_int(NEW_MOUNTS | NEW_HOSTNAME)), "unshare")
    socket.sethostname("sandbox")


def seal():
    """Makes all that is mounted now read-only. Devices stay writable, as devices are."""
    attributes = struct.pack("=4Q", READ_ONLY | NO_SUID, 0, 0, 0)
    try:
        # AT_FDCWD and AT_RECURSIVE.
        checked(system_call(MOUNT_SETATTR, -100, b"/", 0x8000, attributes, len(attributes)), "seal")
    except OSError:
        for folder in ("/", "/dev"):  # Linux before 5.12: the two that bubblewrap may leave open
            flags = READ_ONLY | NO_SUID | REMOUNT | BIND
            kept = os.statvfs(folder).f_flag
            flags |= kept & (os.ST_NODEV | os.ST_NOEXEC | os.ST_NOATIME | os.ST_RELATIME)
            mount("none", folder, None, flags)


def unseal(folder):
    """Takes back what `seal` did to one mount. What was read-only before that stays so where it
    came from a user namespace above ours."""
    attributes = struct.pack("=4Q", 0, READ_ONLY, 0, 0)
    try:
        place = folder.encode()
        checked(system_call(MOUNT_SETATTR, -100, place, 0, attributes, len(attributes)), "unseal")
    except OSError:
        if os.statvfs(folder).f_flag & os.ST_RDONLY:
            raise


def limits_of_folders(limits):
    return f"size={max(limits['disk'], 4096)},nr_inodes={max(limits['inodes'], 16)}"


def make_folders(limits, work, hidden):
    """Mounts one fresh file system whose folders are /work, /tmp and /dev/shm, so that one limit
    counts for them together, and an empty one over each folder of `hidden`.

    - work: whether /work is among them, or was mounted by whoever started us.
    """
    if hidden:
        options = "size=4k,nr_inodes=2,mode=0555"
        mount("none", hidden[0], "tmpfs", NO_SUID | NO_DEVICES | NO_EXECUTION | READ_ONLY, options)
        for folder in hidden[1:]:
            mount(hidden[0], folder, None, BIND)
    flags = NO_SUID | NO_DEVICES
    mount("none", "/tmp", "tmpfs", flags, limits_of_folders(limits) + ",mode=0755")
    for name in ("work", "shm", "tmp"):
        os.mkdir("/tmp/" + name, 0o755)
    if work:
        mount("/tmp/work", WORKING_FOLDER, None, BIND)
    if os.path.isdir("/dev/shm"):
        mount("/tmp/shm", "/dev/shm", None, BIND)
    mount("/tmp/tmp", "/tmp", None, BIND)


def resize_folders(limits):
    mount("none", "/tmp", None, REMOUNT | NO_SUID | NO_DEVICES, limits_of_folders(limits))


def lower(kind, wanted, hard=None):
    """Both limits, hard and soft, or as low as they are already."""
    _, most = resource.getrlimit(kind)
    hard = wanted if hard is None else hard
    if most != resource.RLIM_INFINITY:
        wanted, hard = min(wanted, most), min(hard, most)
    resource.setrlimit(kind, (wanted, hard))


def limit_resources(limits, base, counts_processes, processor_hard=None):
    """- base: address space of the interpreter itself, in bytes.
    - counts_processes: how many of ours are counted with the judged ones; `None` where the count
      would take in every process of this user.
    """
    processor = max(1, int(-(-limits["processor_time"] // 1)))
    # First the soft limit, at which a signal comes that says why; a second later the end.
    hard = max(processor + 1, processor_hard or 0)
    lower(resource.RLIMIT_CPU, processor, hard)
    lower(resource.RLIMIT_AS, limits["memory"] + base)
    lower(resource.RLIMIT_FSIZE, limits["disk"])
    lower(resource.RLIMIT_NOFILE, max(limits["descriptors"], 8))
    lower(resource.RLIMIT_CORE, NO_CORE)
    lower(resource.RLIMIT_STACK, 8 << 20)
    lower(resource.RLIMIT_MEMLOCK, 0)
    for name, most in (("MSGQUEUE", 0), ("SIGPENDING", 1024), ("NICE", 0), ("RTPRIO", 0)):
        kind = getattr(resource, "RLIMIT_" + name, None)
        if kind is not None:
            lower(kind, most)
    if counts_processes is not None:
        lower(resource.RLIMIT_NPROC, limits["processes"] + counts_processes)


def landlock_version():
    """0 where the kernel has none or it is switched off, and for the first version, under which no
    file can be moved from one folder to another."""
    version = system_call(LANDLOCK_CREATE, 0, 0, 1)
    return version if version > 1 else 0


def restrict_paths(version, writable):
    """Landlock: reading and executing everywhere, writing beneath `writable` only, no devices made,
    no TCP, no signal and no abstract socket to a process outside. A second wall behind the mounts.
    Source: landlock(7)."""
    if version < 2:
        return
    rights = 14 + (version >= 3) + (version >= 5)
    everything = (1 << rights) - 1
    reading = 0b1101  # execute, read a file, read a folder
    devices = 1 << 6 | 1 << 11
    ruleset = struct.pack("=3Q", everything, 3 if version >= 4 else 0, 3 if version >= 6 else 0)
    size = 24 if version >= 6 else 16 if version >= 4 else 8
    rules = checked(system_call(LANDLOCK_CREATE, ruleset[:size], size, 0), "landlock ruleset")
    try:
        allowed = [("/", reading), ("/dev", reading | (everything & (1 << 1 | 1 << 14)))]
        allowed += [(folder, everything & ~devices) for folder in writable]
        for path, access in allowed:
            if not os.path.isdir(path):
                continue
            folder = os.open(path, os.O_PATH | os.O_CLOEXEC)
            try:
                rule = struct.pack("=Qi", access, folder)
                checked(system_call(LANDLOCK_ADD, rules, 1, rule, 0), "landlock rule " + path)
            finally:
                os.close(folder)
        checked(system_call(LANDLOCK_RESTRICT, rules, 0), "landlock restrict")
    finally:
        os.close(rules)


class CallFilter:
    """The seccomp program in the form that the kernel takes, built once for all forks."""

    def __init__(self):
        text = filter_program()
        self.text = ctypes.create_string_buffer(text, len(text))
        address = ctypes.addressof(self.text)
        # struct sock_fprog: a count, padding, a pointer.
        self.header = ctypes.create_string_buffer(struct.pack("@H6xQ", len(text) // 8, address), 16)

    def install(self):
        control(SET_SECCOMP, 2, ctypes.addressof(self.header))
