import Domain
import Foundation

// Attacks that reach for the network, for files and for devices of this machine.

extension Attack {
  static let ofNetwork = [
    Attack(
      "sockets of every family and kind",
      #"""
      import socket
      for family in range(0, 64):
          for kind in (1, 2, 3, 4, 5, 6, 10):
              for protocol in (0, 1, 255):
                  attempt("socket %d %d" % (family, kind), call, 41, 198, family, kind, protocol)
      for family in range(2, 64):
          attempt("pair %d" % family, socket.socketpair, family)
      tell()
      """#),
    Attack(
      "connections out of the machine and into it",
      #"""
      import socket, urllib.request
      targets = [("127.0.0.1", PORT), ("localhost", PORT), ("1.1.1.1", 53), ("::1", PORT),
                 ("169.254.169.254", 80), ("10.0.2.2", PORT), ("172.17.0.1", PORT)]
      for target in targets:
          attempt("TCP to %s" % (target,), socket.create_connection, target, 0.5)
      attempt("HTTP", urllib.request.urlopen, "http://127.0.0.1:%d/" % PORT, None, 0.5)
      attempt("a server", socket.create_server, ("0.0.0.0", 0))
      # Fast open sends and connects in one call.
      ends = socket.socketpair()
      attempt("sendto", ends[0].sendto, b"x", 0x20000000, ("127.0.0.1", PORT))
      attempt("sendmsg", ends[0].sendmsg, [b"x"], [], 0x20000000, ("127.0.0.1", PORT))
      tell()
      """#),
    Attack(
      "names on the network",
      #"""
      import socket
      for name in ("example.com", "pypi.org", "metadata.google.internal"):
          attempt("address of " + name, socket.gethostbyname, name)
          attempt("addresses of " + name, socket.getaddrinfo, name, 80)
      attempt("what resolves", lambda: open("/etc/resolv.conf").read())
      tell()
      """#),
    Attack(
      "unix sockets outside, named and abstract",
      #"""
      import socket
      for address in (SOCKET, "\0" + ABSTRACT, "/run/dbus/system_bus_socket",
                      "/var/run/docker.sock", "/run/systemd/private", "\0/tmp/.X11-unix/X0"):
          def connect():
              with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as plug:
                  plug.connect(address)
          attempt("connect to %r" % address, connect)
          # A pair's end is a socket too, and datagrams may bear an address.
          ends = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
          attempt("sendto %r" % address, ends[0].sendto, b"x", address)
          attempt("sendmsg to %r" % address, ends[0].sendmsg, [b"x"], [], 0, address)
          attempt("connect a pair to %r" % address, ends[0].connect, address)
          attempt("bind a pair", ends[1].bind, "\0" + ABSTRACT + "-mine")
      tell()
      """#),
    Attack(
      "interfaces, routes and what the network looks like",
      #"""
      import socket, fcntl
      ends = socket.socketpair()
      attempt("interfaces by ioctl", fcntl.ioctl, ends[0], 0x8912, b"\0" * 1024)
      for name in ("dev", "route", "tcp", "unix", "arp"):
          def read():
              text = open("/proc/self/net/" + name).read() + open("/proc/net/" + name).read()
              if any(word in text for word in ("eth0", "ens", "wlan", ABSTRACT, SOCKET)):
                  return text
              raise OSError("nothing of the machine")
          attempt("/proc/net/" + name, read)
      tell()
      """#),
  ]

  static let ofFiles = [
    Attack(
      "files of this machine",
      #"""
      places = [FOLDER + "/canary", "/etc/passwd", "/etc/shadow", "/root", "/home", "/var/log",
                "/proc/%d/root/etc/passwd" % HOST_PID, "/proc/%d/cwd" % HOST_PID, "/run", "/mnt",
                "/opt", "/srv", "/boot", "/etc/ssh", "/var/run", "/etc/hostname", "/sys/class"]
      for place in places:
          def look():
              found = os.listdir(place) if os.path.isdir(place) else open(place, "rb").read()
              if not found:
                  raise OSError("nothing there")
              return found
          attempt("reading " + place, look)
      # Up and out by every folder that is open or known.
      for start in ("/work", "/tmp", "/proc/self/cwd", "/proc/self/root", "/dev/fd"):
          path = start + "/.." * 12 + FOLDER + "/canary"
          attempt("reading " + path, lambda: open(path, "rb").read())
      tell()
      """#),
    Attack(
      "writing outside of the folders meant for it",
      #"""
      places = ["/", "/usr", "/usr/bin", "/usr/lib", "/bin", "/lib", "/etc", "/dev", "/dev/pts",
                "/sys", "/sys/fs/cgroup", "/proc", "/proc/sys/kernel", "/image", "/image/site",
                "/var", "/var/tmp", "/run", "/home", "/root", "/opt", FOLDER, "/boot", "/mnt"]
      for place in places:
          attempt("a file in " + place, lambda: open(place + "/stet-attack", "w").write("x"))
          attempt("a folder in " + place, os.mkdir, place + "/stet-attack-folder")
          attempt("a link in " + place, os.symlink, "/work", place + "/stet-attack-link")
      for file in ("/usr/bin/env", "/usr/bin/python3", "/lib/x86_64-linux-gnu/libc.so.6",
                   FOLDER + "/canary", "/etc/ld.so.cache"):
          attempt("changing " + file, lambda: open(file, "r+b").write(b"x"))
          attempt("cutting " + file, os.truncate, file, 0)
          attempt("removing " + file, os.unlink, file)
          attempt("renaming " + file, os.rename, file, "/work/taken")
          attempt("opening up " + file, os.chmod, file, 0o777)
          attempt("touching " + file, os.utime, file, (1, 1))
      for name in ("kernel/core_pattern", "kernel/hostname", "vm/overcommit_memory",
                   "kernel/modprobe", "fs/binfmt_misc/register"):
          attempt(name, lambda: open("/proc/sys/" + name, "w").write("|/bin/sh"))
      for name in ("oom_score_adj", "setgroups", "uid_map", "attr/current", "timerslack_ns"):
          def write():
              before = open("/proc/self/" + name).read()
              open("/proc/self/" + name, "w").write("-1000" if "oom" in name else "0 0 1")
              if open("/proc/self/" + name).read() == before:
                  raise OSError("unchanged")
          attempt("/proc/self/" + name, write)
      tell()
      """#),
    Attack(
      "programs that change who one is",
      #"""
      import stat, subprocess
      for action in (lambda: os.setuid(0), lambda: os.setgid(0), lambda: os.setgroups([0]),
                     lambda: os.setresuid(0, 0, 0), lambda: os.setreuid(0, 0),
                     lambda: os.setresgid(0, 0, 0), lambda: os.setregid(0, 0)):
          attempt("another identity", action)
      with open("/work/suid", "w") as file:
          file.write("#!/bin/sh\nid -u\n")
      os.chmod("/work/suid", 0o6755)
      for program in (["/work/suid"], ["su", "-c", "id -u"], ["sudo", "-n", "id", "-u"],
                      ["newgrp"], ["mount", "-t", "tmpfs", "x", "/tmp"], ["pkexec", "id"]):
          tried += 1
          try:
              ran = subprocess.run(program, capture_output=True, timeout=5,
                                   stdin=subprocess.DEVNULL)
          except (OSError, subprocess.SubprocessError):
              continue
          if ran.stdout.strip() == b"0" or (program[0] == "mount" and ran.returncode == 0):
              won.append(program[0])
      if 0 in os.getresuid() + os.getresgid() or os.getgroups() not in ([], [65534]):
          won.append("it is %r %r %r" % (os.getresuid(), os.getresgid(), os.getgroups()))
      tell(uid=os.getuid())
      """#,
      check: { outcome in outcome.number("uid") == 0 ? ["it ran as root"] : [] }),
    Attack(
      "capabilities",
      #"""
      import struct
      status = {}
      try:
          for row in open("/proc/self/status"):
              name, _, value = row.partition(":")
              status[name] = value.strip()
      except OSError:
          pass
      tried += 1
      for name in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
          if int(status.get(name, "0"), 16):
              won.append("%s %s" % (name, status[name]))
      header = struct.pack("=Ii", 0x20080522, 0)
      held = ctypes.create_string_buffer(24)
      call(125, 90, header, held)
      if any(struct.unpack("=6I", held.raw)):
          won.append("capabilities %r" % held.raw.hex())
      everything = struct.pack("=6I", *[0xFFFFFFFF] * 6)
      attempt("capset", call, 126, 91, header, everything)
      for number in range(41):
          attempt("ambient %d" % number, lambda: libc.prctl(47, 2, number, 0, 0) == 0 or 1 / 0)
      if libc.prctl(39, 0, 0, 0, 0) != 1:
          won.append("new privileges can be had")
      attempt("new privileges", lambda: libc.prctl(38, 0, 0, 0, 0) == 0 or 1 / 0)
      tell()
      """#),
  ]

  static let ofDevices = [
    Attack(
      "device files",
      #"""
      import stat
      harmless = {"null", "zero", "full", "random", "urandom", "tty", "ptmx", "console"}
      for folder, _, names in os.walk("/dev"):
          for name in names:
              path = folder + "/" + name
              kind = os.stat(path, follow_symlinks=False).st_mode
              if not (stat.S_ISBLK(kind) or stat.S_ISCHR(kind)):
                  continue
              if name not in harmless and "/pts" not in folder:
                  attempt(path, os.open, path, os.O_RDONLY | os.O_NONBLOCK)
      for name in ("mem", "kmsg", "kvm", "fuse", "vda", "sda", "loop0", "net/tun", "port", "tty0",
                   "vhost-net", "dri/card0", "input/event0", "uinput", "hwrng", "watchdog"):
          attempt("/dev/" + name, os.open, "/dev/" + name, os.O_RDONLY | os.O_NONBLOCK)
      attempt("the terminal", os.open, "/dev/tty", os.O_RDWR)
      attempt("the console", os.open, "/dev/console", os.O_RDWR)
      tell()
      """#),
    Attack(
      "device files of one's own",
      #"""
      import stat
      for folder in ("/work", "/tmp", "/dev/shm", "/dev"):
          for name, kind, device in (("null", stat.S_IFCHR, (1, 3)), ("mem", stat.S_IFCHR, (1, 1)),
                                     ("disk", stat.S_IFBLK, (254, 0)), ("s", stat.S_IFSOCK, (0, 0))):
              path = "%s/%s" % (folder, name)
              attempt(path, os.mknod, path, kind | 0o666, os.makedev(*device))
      tell()
      """#),
    Attack(
      "mounts",
      #"""
      for place in ("/tmp", "/work", "/proc", "/", "/usr"):
          path = place.encode()
          attempt("tmpfs on " + place, call, 165, 40, b"none", path, b"tmpfs", 0, 0)
          attempt("proc on " + place, call, 165, 40, b"none", path, b"proc", 0, 0)
          attempt("bind on " + place, call, 165, 40, b"/dev", path, 0, 4096, 0)
          attempt("writable " + place, call, 165, 40, b"none", path, 0, 32, 0)
          attempt("writable, bound " + place, call, 165, 40, b"none", path, 0, 32 | 4096, 0)
          attempt("unmounting " + place, call, 166, 39, path, 2)
          attempt("tree of " + place, call, 428, 428, -100, path, 1)
          attempt("attributes of " + place, call, 442, 442, -100, path, 0, b"\0" * 32, 32)
      for name in (b"tmpfs", b"overlay", b"proc", b"sysfs", b"cgroup2", b"fuse"):
          attempt("fsopen", call, 430, 430, name, 0)
      attempt("pivot_root", call, 155, 41, b"/work", b"/work")
      attempt("chroot", os.chroot, "/work")
      attempt("move_mount", call, 429, 429, -100, b"/tmp", -100, b"/work", 0)
      attempt("mounts of others", call, 457, 457, b"\0" * 64, b"\0" * 64, 64, 0)
      tell()
      """#),
    Attack(
      "namespaces from within",
      #"""
      kinds = {"user": 0x10000000, "mount": 0x20000, "pid": 0x20000000, "net": 0x40000000,
               "ipc": 0x8000000, "uts": 0x4000000, "cgroup": 0x2000000, "time": 0x80}
      for name, flag in kinds.items():
          attempt("unshare " + name, call, 272, 97, flag)
          attempt("unshare user and " + name, call, 272, 97, flag | kinds["user"])
          if name != "time":
              attempt("clone " + name, lambda: call(56, 220, flag | 17, 0, 0, 0, 0) or os._exit(0))
          def enter():
              file = os.open("/proc/self/ns/" + name, os.O_RDONLY)
              return call(308, 268, file, 0)
          attempt("setns " + name, enter)
      arguments = ctypes.create_string_buffer((0x10000000).to_bytes(8, "little") + b"\0" * 80)
      attempt("clone3", lambda: call(435, 435, arguments, 88) or os._exit(0))
      attempt("chroot after all", os.chroot, "/")
      tell()
      """#),
    Attack(
      "control groups and the kernel's own files",
      #"""
      for folder, _, names in os.walk("/sys"):
          for name in names[:50]:
              attempt(folder + "/" + name, lambda: open(folder + "/" + name, "r+b"))
      for folder in ("/sys/fs/cgroup", "/sys/fs/cgroup/memory", "/sys/fs/cgroup/unified"):
          attempt("a group", os.mkdir, folder + "/attack")
          attempt("leaving", lambda: open(folder + "/cgroup.procs", "w").write(str(os.getpid())))
          attempt("agent", lambda: open(folder + "/release_agent", "w").write("/work/x"))
      # The groups of runs, wherever the nursery has them mounted.
      for place in ("/groups", "/groups/memory", "/groups/pids", "/groups/unified", "/cgroup"):
          attempt("a group in " + place, os.mkdir, place + "/attack")
          for folder, _, names in os.walk(place):
              for name in names:
                  attempt(folder + "/" + name, lambda: open(folder + "/" + name, "rb"))
          for name in ("cgroup.procs", "tasks", "memory.limit_in_bytes", "pids.max"):
              attempt(place + "/" + name, lambda: open(place + "/" + name, "w").write("0"))
      attempt("limits", lambda: open("/sys/fs/cgroup/pids.max", "w").write("max"))
      tell()
      """#),
  ]
}
