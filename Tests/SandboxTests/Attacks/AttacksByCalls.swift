import Domain
import Foundation

// Attacks by system calls that no judged program needs.

extension Attack {
  static let ofCalls = [
    Attack(
      "io_uring",
      #"""
      parameters = ctypes.create_string_buffer(256)
      attempt("setup", call, 425, 425, 8, parameters)
      attempt("enter", call, 426, 426, 0, 0, 0, 0, 0)
      attempt("register", call, 427, 427, 0, 0, 0, 0)
      tell()
      """#),
    Attack(
      "keyrings",
      #"""
      attempt("add_key", call, 248, 217, b"user", b"stet", b"x", 1, -2)
      attempt("request_key", call, 249, 218, b"user", b"stet", 0, 0)
      for ring in range(-6, 0):
          attempt("keyctl %d" % ring, call, 250, 219, 0, ring, 1)
      tell()
      """#),
    Attack(
      "bpf",
      #"""
      attributes = ctypes.create_string_buffer(128)
      for command in range(0, 36):
          attempt("bpf %d" % command, call, 321, 280, command, attributes, 128)
      tell()
      """#),
    Attack(
      "counters of the processor",
      #"""
      import struct
      for kind in range(0, 7):
          attributes = ctypes.create_string_buffer(struct.pack("=II", kind, 128), 128)
          for process, processor in ((0, -1), (-1, 0), (1, -1)):
              attempt("kind %d" % kind, call, 298, 241, attributes, process, processor, -1, 0)
      tell()
      """#),
    Attack(
      "page faults by hand",
      #"""
      for flags in (0, 1, 0o4000):
          attempt("userfaultfd", call, 323, 282, flags)
      attempt("/dev/userfaultfd", os.open, "/dev/userfaultfd", os.O_RDWR)
      tell()
      """#),
    Attack(
      "personality",
      #"""
      for flag in (0x0040000, 0x0400000, 0x0100000, 0x0008, 0x0020000):
          attempt("personality %x" % flag, call, 135, 92, flag)
      tell()
      """#),
    Attack(
      "programs from memory",
      #"""
      attempt("memfd", call, 319, 279, b"x", 0)
      attempt("secret memory", call, 447, 447, 0)
      if hasattr(os, "memfd_create"):
          attempt("memfd of Python", os.memfd_create, "x")
      tell()
      """#),
    Attack(
      "files by handle",
      #"""
      handle = ctypes.create_string_buffer(136)
      handle[0:4] = (128).to_bytes(4, "little")
      mount = ctypes.create_string_buffer(8)
      attempt("name_to_handle_at", call, 303, 264, -100, b"/usr", handle, mount, 0)
      attempt("open_by_handle_at", call, 304, 265, 3, handle, 0)
      tell()
      """#),
    Attack(
      "a terminal typed into",
      #"""
      import fcntl
      for number in range(0, 10):
          for request in (0x5412, 0x541C, 0x4B47, 0x5423, 0x540E, 0x4B3A, 0x5413 + 0x10000):
              attempt("ioctl %x of %d" % (request, number), fcntl.ioctl, number, request, b"x" * 64)
      try:
          end, other = os.openpty()
          attempt("typing into one's own", fcntl.ioctl, other, 0x5412, b"x")
          attempt("typing by a wider number", lambda: (
              libc.ioctl(other, ctypes.c_ulong(0x100005412), b"x") == 0 or 1 / 0))
      except OSError:
          pass
      tell()
      """#),
    Attack(
      "prctl",
      #"""
      # A tracer, its own memory map, secure bits, more capabilities, no more filter, scheduling.
      for option, arguments in ((0x59616D61, (-1,)), (35, (1, 0)), (28, (0,)), (24, (0,)),
                                (22, (0,)), (47, (2, 21)), (62, (1, 0)), (8, (1,)), (35, (14, 0)),
                                (43, (0,)), (53, (0,)), (68, (1,))):
          def ask():
              return libc.prctl(option, *arguments, *[0] * (4 - len(arguments))) == 0 or 1 / 0
          attempt("prctl %d %r" % (option, arguments), ask)
      tell()
      """#),
    Attack(
      "numbers of the x32 kind", ends: [.done],
      #"""
      if INTEL:
          for number in (41, 57, 101, 165, 272, 321, 512, 521, 538):
              def ask():
                  outcome = libc.syscall(ctypes.c_long(0x40000000 | number), 0, 0, 0, 0)
                  os._exit(0 if outcome >= 0 else 5)
              tried += 1
              if in_child(ask) == 0:
                  won.append("x32 call %d" % number)
      else:
          tried = 1
      tell()
      """#),
    Attack(
      "calls of the 32-bit kind, and calls by code of one's own", ends: [.done],
      #"""
      import mmap
      if INTEL:
          def machine(code):
              page = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
              page.write(code)
              place = ctypes.addressof(ctypes.c_char.from_buffer(page))
              outcome = ctypes.CFUNCTYPE(ctypes.c_int)(place)()
              os._exit(0 if outcome >= 0 else 5)
          # push rbx; mov eax, N; mov ebx, 2; mov ecx, 1; xor edx, edx; int 0x80; pop rbx; ret
          for number in (20, 359, 26, 21, 310):
              tried += 1
              code = (b"\x53\xb8" + number.to_bytes(4, "little") + b"\xbb\x02\0\0\0\xb9\x01\0\0\0"
                      + b"\x31\xd2\xcd\x80\x5b\xc3")
              if in_child(machine, code) == 0:
                  won.append("int 0x80 with %d" % number)
          # mov eax, 41; mov edi, 2; mov esi, 1; xor edx, edx; syscall; ret
          tried += 1
          if in_child(machine, b"\xb8\x29\0\0\0\xbf\x02\0\0\0\xbe\x01\0\0\0\x31\xd2\x0f\x05\xc3") == 0:
              won.append("socket by code of its own")
      else:
          tried = 1
      tell()
      """#),
  ]

  static let ofNewerCalls = [
    Attack(
      "everything that only root may ask of a kernel",
      #"""
      calls = {"reboot": (169, 142), "init_module": (175, 105), "finit_module": (313, 273),
               "delete_module": (176, 106), "kexec_load": (246, 104), "kexec_file": (320, 294),
               "swapon": (167, 224), "swapoff": (168, 225), "acct": (163, 89),
               "syslog": (103, 116), "iopl": (172, None), "ioperm": (173, None),
               "quotactl": (179, 60), "sethostname": (170, 161), "setdomainname": (171, 162),
               "vhangup": (153, 58), "modify_ldt": (154, None), "lookup_dcookie": (212, 18),
               "nfsservctl": (180, 42), "fanotify_init": (300, 262), "landlock": (444, 444),
               "mbind": (237, 235), "migrate_pages": (256, 238), "set_mempolicy": (238, 237),
               "pkey_alloc": (330, 289), "seccomp": (317, 277), "process_mrelease": (448, 448),
               "quotactl_fd": (443, 443), "listmount": (458, 458), "lsm_list": (461, 461)}
      for name, (intel, arm) in calls.items():
          for arguments in ((0, 0, 0, 0), (1, 0, 0, 0), (0xFEE1DEAD, 672274793, 0x1234567, 0)):
              attempt(name, call, intel, arm, *arguments)
      tell()
      """#),
    Attack(
      "the clock",
      #"""
      import struct
      moment = struct.pack("@qq", 1, 0)
      attempt("settimeofday", call, 164, 170, moment, 0)
      for clock in range(0, 12):
          attempt("clock_settime %d" % clock, call, 227, 112, clock, moment)
          attempt("clock_adjtime %d" % clock, call, 305, 266, clock, b"\x01" * 208)
      attempt("adjtimex", call, 159, 171, b"\x01" * 208)
      attempt("time.clock_settime", time.clock_settime, time.CLOCK_REALTIME, 1)
      attempt("/dev/rtc", os.open, "/dev/rtc0", os.O_RDWR)
      tell()
      """#),
    Attack(
      "pipes spliced into files",
      #"""
      read_end, write_end = os.pipe()
      os.write(write_end, b"x" * 4096)
      file = os.open("/usr/bin/env", os.O_RDONLY)
      offset = ctypes.create_string_buffer(8)
      attempt("splice", call, 275, 76, file, offset, write_end, 0, 1, 0)
      attempt("tee", call, 276, 77, read_end, write_end, 1, 0)
      attempt("vmsplice", call, 278, 75, write_end, b"\0" * 16, 1, 0)
      tell()
      """#),
    Attack(
      "watches on files", ends: [.done],
      #"""
      attempt("inotify_init", call, 253, 26)
      attempt("inotify_init1", call, 294, 26, 0)
      attempt("fanotify", call, 300, 262, 0, 0)
      import fcntl
      file = os.open("/tmp", os.O_RDONLY)
      tell()
      """#),
    Attack(
      "a storm of random system calls", limits: .ofAttacks(time: .seconds(6), processes: 8),
      ends: [.done, .timedOut], reports: false,
      #"""
      import random
      def storm(seed):
          chance = random.Random(seed)
          signal.alarm(2)
          # Not those that end, stop or close this process before the others had their turn.
          spared = {0, 1, 3, 15, 34, 60, 61, 62, 200, 231, 234, 247, 23, 7, 270, 271, 436, 129, 297}
          words = [0, 1, 2, 3, -1, -100, 4096, 1 << 31, 1 << 63, id(chance), 0x7FFFFFFF, 0xFFFF]
          for _ in range(4000):
              number = chance.randrange(0, 520)
              if number in spared or number == 202 or number == 35 or number == 230:
                  continue
              libc.syscall(ctypes.c_long(number), *[
                  ctypes.c_ulong(chance.choice(words) & (1 << 64) - 1) for _ in range(6)])
      end, seed = time.monotonic() + 4, 0
      while time.monotonic() < end:
          seed += 1
          try:
              in_child(storm, seed)
          except OSError:
              pass
      """#),
  ]

  static let ofRights = [
    Attack(
      "another program in the process's place",
      #"""
      import subprocess
      programs = {
          "a shell on the network": "exec 3<>/dev/tcp/127.0.0.1/%d" % PORT,
          "a mount": "mount -t tmpfs none /tmp", "a namespace": "unshare -U true",
          "a namespace with root": "unshare -Ur id -u", "an entry": "nsenter -t 1 -U -m -p true",
          "another root": "chroot / true", "a canary": "cat %s/canary" % FOLDER,
          "a line outside": "echo x >> %s/canary" % FOLDER, "a trace": "strace true",
          "a sandbox": "bwrap --ro-bind / / true", "another user": "setpriv --reuid=0 id",
      }
      for name, line in programs.items():
          tried += 1
          try:
              ran = subprocess.run(["/bin/bash", "-c", line], capture_output=True, timeout=10)
          except (OSError, subprocess.SubprocessError):
              continue
          if ran.returncode == 0:
              won.append(name)
      tell()
      """#),
    Attack(
      "a library loaded first",
      environment: [
        "LD_PRELOAD": "/work/evil.so", "LD_AUDIT": "/work/evil.so", "LD_LIBRARY_PATH": "/work",
        "PYTHONSTARTUP": "/work/evil.py", "PYTHONHOME": "/work", "BASH_ENV": "/work/evil.sh",
      ],
      #"""
      # What the task's own environment says reaches the judged program and nothing of ours: the
      # filter is on it already, whatever a loader loads.
      import subprocess
      environment = dict(os.environ, LD_PRELOAD="/work/evil.so", PYTHONHOME="/usr")
      program = "import socket; socket.socket()"
      tried += 1
      ran = subprocess.run([sys.executable, "-I", "-S", "-c", program], capture_output=True,
                           env={"PATH": "/usr/bin:/bin"}, timeout=20)
      if ran.returncode == 0:
          won.append("a program of its own has the network")
      tell()
      """#),
    Attack(
      "modules put in the place of the library's",
      files: [
        SandboxFile("json.py", text: "raise SystemExit(9)\n"),
        SandboxFile("sitecustomize.py", text: "open('/tmp/ran', 'w')\n"),
        SandboxFile("encodings/__init__.py", text: "raise SystemExit(9)\n"),
        SandboxFile("ctypes.py", text: "raise SystemExit(9)\n"),
      ],
      #"""
      tried = 1
      if os.path.exists("/tmp/ran"):
          won.append("a file of the working folder ran at the start")
      tell()
      """#),
    Attack(
      "the shared libraries overwritten in memory",
      #"""
      # Copy on write keeps it from all others; that nothing of it is seen is what the next run says.
      place = ctypes.cast(libc.getpid, ctypes.c_void_p).value & ~4095
      tried = 1
      if libc.mprotect(ctypes.c_void_p(place), 4096, 7) == 0:
          ctypes.memset(place, 0xCC, 8)
      attempt("the file itself", lambda: open("/lib/x86_64-linux-gnu/libc.so.6", "r+b"))
      tell()
      """#),
  ]
}
