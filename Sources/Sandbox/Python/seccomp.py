"""The system calls that judged code may make: an allow-list as a classic BPF program.

First of the files that are joined, in this order, into the one program text that bubblewrap's
python3 is given by `-c`: seccomp.py, confinement.py, control_group.py, judged.py, collection.py,
request.py, tree.py, run_socket.py, warden.py, nursery.py. Each can be imported as a module too.

What is not listed fails with EPERM, or with ENOSYS where its number is higher than any known here,
so that a newer C library falls back on what it used before. A call of a foreign architecture kills
the process. Source: seccomp(2), seccomp_filter.rst of the kernel, asm/unistd_64.h and
asm-generic/unistd.h.
"""

import errno
import os
import struct

# name:x86_64:aarch64. Left out on purpose, beside all that needs a capability: sockets other than
# pairs, ptrace and its kin, System V and POSIX queues and memory, memfd (memory that no limit
# counts), inotify (limits shared by all runs of one user), keyrings, bpf, io_uring, userfaultfd,
# perf, namespaces, mounts, handles, splice, extended attributes.
ALLOWED_CALLS = """
    read:0:63 write:1:64 open:2:- close:3:57 stat:4:- fstat:5:80 lstat:6:- poll:7:- lseek:8:62
    mmap:9:222 mprotect:10:226 munmap:11:215 brk:12:214 rt_sigaction:13:134 rt_sigprocmask:14:135
    rt_sigreturn:15:139 pread64:17:67 pwrite64:18:68 readv:19:65 writev:20:66 access:21:-
    pipe:22:- select:23:- sched_yield:24:124 mremap:25:216 msync:26:227 mincore:27:232
    madvise:28:233 dup:32:23 dup2:33:- pause:34:- nanosleep:35:101 getitimer:36:102 alarm:37:-
    setitimer:38:103 getpid:39:172 sendfile:40:71 vfork:58:- fork:57:- execve:59:221 exit:60:93
    wait4:61:260 kill:62:129 uname:63:160 flock:73:32 fsync:74:82 fdatasync:75:83 truncate:76:45
    ftruncate:77:46 getdents:78:- getcwd:79:17 chdir:80:49 fchdir:81:50 rename:82:- mkdir:83:-
    rmdir:84:- creat:85:- link:86:- unlink:87:- symlink:88:- readlink:89:- chmod:90:- fchmod:91:52
    umask:95:166 gettimeofday:96:169 getrlimit:97:163 getrusage:98:165 sysinfo:99:179
    times:100:153 getuid:102:174 getgid:104:176 geteuid:107:175 getegid:108:177 setpgid:109:154
    getppid:110:173 getpgrp:111:- setsid:112:157 getgroups:115:158 getresuid:118:148
    getresgid:120:150 getpgid:121:155 getsid:124:156 capget:125:90 rt_sigpending:127:136
    rt_sigtimedwait:128:137 rt_sigqueueinfo:129:138 rt_sigsuspend:130:133 sigaltstack:131:132
    utime:132:- statfs:137:43 fstatfs:138:44 getpriority:140:141 setpriority:141:140
    sched_getparam:143:121 sched_getscheduler:145:120 sched_get_priority_max:146:125
    sched_get_priority_min:147:126 sched_rr_get_interval:148:127 arch_prctl:158:-
    setrlimit:160:164 gettid:186:178 readahead:187:213 getxattr:191:8 lgetxattr:192:9
    fgetxattr:193:10 listxattr:194:11 llistxattr:195:12 flistxattr:196:13 tkill:200:130 time:201:-
    futex:202:98 sched_setaffinity:203:122 sched_getaffinity:204:123 epoll_create:213:-
    getdents64:217:61 set_tid_address:218:96 restart_syscall:219:128 fadvise64:221:223
    timer_create:222:107 timer_settime:223:110 timer_gettime:224:108 timer_getoverrun:225:109
    timer_delete:226:111 clock_gettime:228:113 clock_getres:229:114 clock_nanosleep:230:115
    exit_group:231:94 epoll_wait:232:- epoll_ctl:233:21 tgkill:234:131 utimes:235:- waitid:247:95
    openat:257:56 mkdirat:258:34 futimesat:261:- newfstatat:262:79 unlinkat:263:35 renameat:264:38
    linkat:265:37 symlinkat:266:36 readlinkat:267:78 fchmodat:268:53 faccessat:269:48
    pselect6:270:72 ppoll:271:73 set_robust_list:273:99 get_robust_list:274:100
    sync_file_range:277:84 utimensat:280:88 epoll_pwait:281:22 signalfd:282:-
    timerfd_create:283:85 eventfd:284:- fallocate:285:47 timerfd_settime:286:86
    timerfd_gettime:287:87 signalfd4:289:74 eventfd2:290:19 epoll_create1:291:20 dup3:292:24
    pipe2:293:59 preadv:295:69 pwritev:296:70 rt_tgsigqueueinfo:297:240 getcpu:309:168
    renameat2:316:276 getrandom:318:278 execveat:322:281 membarrier:324:283
    copy_file_range:326:285 preadv2:327:286 pwritev2:328:287 statx:332:291 rseq:334:293
    pidfd_send_signal:424:424 pidfd_open:434:434 close_range:436:436 openat2:437:437
    faccessat2:439:439 epoll_pwait2:441:441 futex_waitv:449:449 fchmodat2:452:452
    futex_wake:454:454 futex_wait:455:455 futex_requeue:456:456 shutdown:48:210 sendmsg:46:211
    recvfrom:45:207 recvmsg:47:212 getsockname:51:204 getpeername:52:205 getsockopt:55:209
    setsockopt:54:208 recvmmsg:299:243 sendmmsg:307:269 get_mempolicy:239:236 chown:92:-
    fchown:93:55 lchown:94:- fchownat:260:54
"""

# Allowed for some arguments only, by the rules below.
CHECKED_CALLS = """
    clone:56:220 clone3:435:435 prctl:157:167 ioctl:16:29 fcntl:72:25 socketpair:53:199
    sendto:44:206 personality:135:92 prlimit64:302:261 mknod:133:- mknodat:259:33 sync:162:81
    syncfs:306:267
"""

# Numbers above this one are unknown here.
NEWEST_CALL = 462
AUDIT_ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}

LOAD, JUMP_EQUAL, JUMP_ABOVE, JUMP_FROM, JUMP_BITS, RETURN = 0x20, 0x15, 0x25, 0x35, 0x45, 0x06
AND = 0x54
ALLOW, KILL, ERROR = 0x7FFF0000, 0x80000000, 0x00050000
CALL_NUMBER, ARCHITECTURE, FIRST_ARGUMENT = 0, 4, 16

# CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET.
NAMESPACE_FLAGS = 0x00020000 | 0x7E000000
# Names, death signal, dumpable, no_new_privs, what is read only, timer slack, huge pages,
# subreaper, names of mappings.
PRCTL_ALLOWED = (1, 2, 3, 4, 15, 16, 21, 23, 27, 29, 30, 36, 37, 38, 39, 41, 42, 0x53564D41)
# Window size, terminal modes (read and set), bytes waiting, non-blocking, close on exec, process
# group. TIOCSTI and TIOCLINUX, which type into a terminal, are not among them.
IOCTL_ALLOWED = (
    0x5401, 0x5402, 0x5403, 0x5404, 0x540F, 0x5410, 0x5413, 0x541B, 0x5421, 0x5450, 0x5451, 0x5452,
)  # fmt: skip
F_SETPIPE_SZ = 1031


def call_numbers(table, machine):
    """The numbers in such a table, by name, of those that this architecture has."""
    column = 1 if machine == "x86_64" else 2
    rows = (entry.split(":") for entry in table.split())
    return {row[0]: int(row[column]) for row in rows if row[column] != "-"}


def instruction(code, value, if_true=0, if_false=0):
    return struct.pack("=HBBI", code, if_true, if_false, value)


def argument(index, high=False):
    """Loads one half of an argument. Both architectures are little-endian."""
    return instruction(LOAD, FIRST_ARGUMENT + 8 * index + (4 if high else 0))


def answer(value):
    return instruction(RETURN, value)


def fails(number):
    return answer(ERROR | number)


def one_of(index, values, otherwise):
    """Allows the call where the argument's lower half is one of these. The kernel itself reads no
    more than that half of each argument checked this way."""
    text = argument(index)
    for value in values:
        text += instruction(JUMP_EQUAL, value & 0xFFFFFFFF, 0, 1) + answer(ALLOW)
    return text + fails(otherwise)


def none_of(index, value, otherwise):
    return argument(index) + instruction(JUMP_EQUAL, value, 0, 1) + fails(otherwise) + answer(ALLOW)


def file_kinds(index):
    """FIFOs and regular files, no devices and no sockets."""
    text = argument(index) + instruction(AND, 0o170000)
    for kind in (0, 0o010000, 0o100000):
        text += instruction(JUMP_EQUAL, kind, 0, 1) + answer(ALLOW)
    return text + fails(errno.EPERM)


def argument_rules():
    without_address = (
        argument(4)
        + instruction(JUMP_EQUAL, 0, 0, 3)
        + argument(4, high=True)
        + instruction(JUMP_EQUAL, 0, 0, 1)
        + answer(ALLOW)
        + fails(errno.EPERM)
    )
    without_namespaces = (
        argument(0)
        + instruction(JUMP_BITS, NAMESPACE_FLAGS, 0, 1)
        + fails(errno.EPERM)
        + answer(ALLOW)
    )
    return {
        "clone": without_namespaces,
        # Its flags lie in memory, where no filter can look; the C library then uses clone.
        "clone3": fails(errno.ENOSYS),
        "prctl": one_of(0, PRCTL_ALLOWED, errno.EPERM),
        "ioctl": one_of(1, IOCTL_ALLOWED, errno.ENOTTY),
        # Pipes of a mebibyte each would use up what all runs of this user share.
        "fcntl": none_of(1, F_SETPIPE_SZ, errno.EPERM),
        "socketpair": one_of(0, (1,), errno.EAFNOSUPPORT),
        "sendto": without_address,
        "personality": one_of(0, (0, 0xFFFFFFFF), errno.EPERM),
        "prlimit64": one_of(0, (0,), errno.EPERM),
        "mknod": file_kinds(1),
        "mknodat": file_kinds(2),
        # Would flush the machine's disks; here nothing is on a disk.
        "sync": fails(0),
        "syncfs": fails(0),
    }


def filter_program(machine=None):
    """The program as bytes, eight for each instruction. Raises `KeyError` on an architecture
    whose numbers are not known here."""
    machine = machine or os.uname().machine
    text = instruction(LOAD, ARCHITECTURE)
    text += instruction(JUMP_EQUAL, AUDIT_ARCHITECTURES[machine], 1, 0) + answer(KILL)
    text += instruction(LOAD, CALL_NUMBER)
    if machine == "x86_64":
        # Calls of the x32 kind have numbers of their own.
        text += instruction(JUMP_FROM, 0x40000000, 0, 1) + answer(KILL)
    rules = argument_rules()
    checked = call_numbers(CHECKED_CALLS, machine)
    for name, number in checked.items():
        rule = rules[name]
        text += instruction(JUMP_EQUAL, number, 0, len(rule) // 8) + rule
    for low, high in ranges(call_numbers(ALLOWED_CALLS, machine).values()):
        if low == high:
            text += instruction(JUMP_EQUAL, low, 0, 1) + answer(ALLOW)
        else:
            text += instruction(JUMP_FROM, low, 0, 2)
            text += instruction(JUMP_ABOVE, high, 1, 0) + answer(ALLOW)
    text += instruction(JUMP_ABOVE, NEWEST_CALL, 0, 1) + fails(errno.ENOSYS)
    return text + fails(errno.EPERM)


def ranges(numbers):
    found = []
    for number in sorted(numbers):
        if found and found[-1][1] == number - 1:
            found[-1][1] = number
        else:
            found.append([number, number])
    return found
