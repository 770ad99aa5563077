import Foundation
import Testing

@testable import Sandbox

/// The parts of the sandbox's Python that no task can reach through the port, each asked by a
/// script of its own, which fails by an exception.
@Suite struct NurseryProtocolTests {
  struct Script: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var text: String

    init(_ name: String, _ text: String) {
      testDescription = name
      self.text = text
    }
  }

  /// A classic BPF machine with the few instructions that the filters are made of.
  static let machine = """
    import struct, seccomp as s

    def verdict(machine, number, *arguments, arch=None):
        program = s.filter_program(machine)
        arch = s.AUDIT_ARCHITECTURES[machine] if arch is None else arch
        data = struct.pack("<IIQ", number & 0xFFFFFFFF, arch, 0)
        for place in range(6):
            value = arguments[place] if place < len(arguments) else 0
            data += struct.pack("<Q", value & (2**64 - 1))
        at = word = 0
        while True:
            code, yes, no, value = struct.unpack_from("<HBBI", program, at * 8)
            at += 1
            if code == 0x20:
                (word,) = struct.unpack_from("<I", data, value)
            elif code == 0x54:
                word &= value
            elif code == 0x06:
                return value
            else:
                holds = {0x15: word == value, 0x25: word > value, 0x35: word >= value,
                         0x45: bool(word & value)}[code]
                at += yes if holds else no

    both = ("x86_64", "aarch64")
    allow, kill, error = 0x7FFF0000, 0x80000000, 0x00050000

    """

  static let scripts = [
    Script(
      "what is listed is allowed, the rest fails, and what is newer is unknown",
      machine + """
        for machine in both:
            allowed = set(s.call_numbers(s.ALLOWED_CALLS, machine).values())
            checked = set(s.call_numbers(s.CHECKED_CALLS, machine).values())
            assert len(allowed) > 150 and not allowed & checked
            for number in set(range(600)) - checked:
                wanted = allow if number in allowed else error | (1 if number <= 462 else 38)
                assert verdict(machine, number) == wanted, (machine, number)
        """),
    Script(
      "a call of another architecture kills",
      machine + """
        assert verdict("x86_64", 0, arch=0x40000003) == kill
        assert verdict("aarch64", 0, arch=s.AUDIT_ARCHITECTURES["x86_64"]) == kill
        assert verdict("x86_64", 0x40000000 + 39) == kill
        """),
    Script(
      "dangerous calls are not listed",
      machine + """
        names = {row.split(":")[0] for row in (s.ALLOWED_CALLS + s.CHECKED_CALLS).split()}
        for name in '''ptrace process_vm_readv process_vm_writev bpf io_uring_setup keyctl add_key
            request_key userfaultfd perf_event_open mount umount2 move_mount fsopen open_tree setns
            unshare pivot_root chroot open_by_handle_at kexec_load init_module finit_module socket
            connect bind listen accept memfd_create shmget msgget mq_open seccomp reboot
            clock_settime quotactl setuid setgid setgroups capset iopl ioperm'''.split():
            assert name not in names, name
        """),
    Script(
      "arguments decide",
      machine + """
        for machine in both:
            numbers = s.call_numbers(s.CHECKED_CALLS, machine)
            def asked(name, *arguments):
                return verdict(machine, numbers[name], *arguments)
            for flag in (0x20000, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000,
                         0x40000000):
                assert asked("clone", flag | 17) == error | 1, hex(flag)
            assert asked("clone", 0x3D0F00) == asked("clone", 17) == allow
            assert asked("clone3") == error | 38
            assert asked("socketpair", 1) == allow and asked("socketpair", 2) == error | 97
            assert asked("sendto", 3, 0, 0, 0, 0) == allow
            assert asked("sendto", 3, 0, 0, 0, 1 << 40) == asked("sendto", 3, 0, 0, 0, 8) == error | 1
            assert asked("prctl", 15) == allow and asked("prctl", 22) == error | 1
            assert asked("ioctl", 0, 0x5412) == asked("ioctl", 0, 0x541C) == error | 25
            assert asked("personality", 0xFFFFFFFF) == allow != asked("personality", 0x0040000)
            assert asked("prlimit64", 0) == allow != asked("prlimit64", 1)
            assert asked("mknodat", 3, 0, 0o010600) == allow != asked("mknodat", 3, 0, 0o020600)
            assert asked("fcntl", 1, 1) == allow != asked("fcntl", 1, 1031)
        """),
    Script(
      "the numbers are those of the system's own headers",
      machine + """
        import os, re
        path = "/usr/include/x86_64-linux-gnu/asm/unistd_64.h"
        if os.path.exists(path):
            text = open(path).read()
            known = {name: int(n) for name, n in re.findall(r"#define __NR_(\\w+) (\\d+)", text)}
            ours = {**s.call_numbers(s.ALLOWED_CALLS, "x86_64"),
                    **s.call_numbers(s.CHECKED_CALLS, "x86_64")}
            for name, number in ours.items():
                assert known.get(name, number) == number, name
        """),
    Script(
      "the report is the last JSON line, whatever floods it",
      """
      from request import ReportLines, LARGEST_REPORT
      def last(*parts):
          lines = ReportLines()
          for part in parts:
              lines.feed(part)
          return lines.last_valid()
      assert last() is None and last(b"no\\n") is None
      assert last(b'{"a":', b"1}\\n", b"[2", b"]\\nno\\n{") == "[2]"
      assert last(b"[1]\\n[2]") == "[2]"
      assert last(b"[1]\\n", b"\\xff\\n", b"NaN\\n", b"[" * 100_000 + b"\\n") == "[1]"
      assert last(b"[1]\\n", b"9" * (LARGEST_REPORT + 1), b"\\n") == "[1]"
      assert last(b"[1]\\n", *[b"x" * 65536] * 100) == "[1]"
      assert last(b"[1]\\n", b"1" * 1_000_000) == "1" * 1_000_000
      lines = ReportLines()
      for _ in range(200):
          lines.feed(b"[3]\\n" * 10_000)
      assert lines.size < 2 * LARGEST_REPORT and lines.last_valid() == "[3]"
      """),
    Script(
      "paths lead beneath the folder or nowhere",
      """
      from collection import Invalid, steps_of
      assert steps_of("a/ü b/c.txt") == ["a", "ü b", "c.txt"]
      for path in ("", "/", "/a", "a/", "a//b", "..", "a/../b", "./a", "a\\0b", "\\ud800",
                   "n" * 256, "ü" * 128):
          try:
              steps_of(path)
          except Invalid:
              continue
          raise AssertionError(path)
      """),
    Script(
      "links, pipes, depth and size are not followed, waited for or believed",
      """
      import os, tempfile
      from collection import Collection, Invalid, write_files
      with tempfile.TemporaryDirectory() as place:
          outside, inside = place + "/outside", place + "/inside"
          for folder in (outside, inside):
              os.mkdir(folder)
          open(outside + "/secret", "w").write("s")
          folder = os.open(inside, os.O_RDONLY | os.O_DIRECTORY)
          write_files(folder, [("a/b", b"1"), ("run", b"#!/bin/sh"), ("a/c", b"22")])
          assert os.stat(inside + "/run").st_mode & 0o111 == 0o111
          os.symlink(outside, inside + "/way")
          os.symlink(outside + "/secret", inside + "/link")
          os.mkfifo(inside + "/pipe")
          open(inside + "/sparse", "wb").truncate(1 << 40)
          open(os.fsencode(inside) + b"/\\xff", "w").close()
          os.makedirs(inside + "/deep" * 70)
          found = Collection(folder, 100)
          for path in (".", "way/secret", "link", "a/b", "gone", "../outside/secret", "pipe/x"):
              found.collect(path)
          assert dict(found.found) == {"a/b": b"1", "a/c": b"22", "run": b"#!/bin/sh"}, found.found
          reasons = found.left_out
          assert reasons["link"] == reasons["way"] == "is a link"
          assert reasons["way/secret"] == "leads over a link"
          assert reasons["pipe"] == "is not a regular file" and "limit" not in reasons["gone"]
          assert "bytes" in reasons["sparse"] and "UTF-8" in reasons["\\\\xff"]
          assert any(reason == "is too deep" for reason in reasons.values())
          for path in ("way/new", "link", "a/b/c", "pipe"):
              try:
                  write_files(folder, [(path, b"x")])
              except Invalid:
                  continue
              raise AssertionError(path)
          assert os.listdir(outside) == ["secret"]
          assert open(outside + "/secret").read() == "s"
      """),
    Script(
      "a task that is not as it should be is refused",
      """
      import json
      from collection import Invalid
      from confinement import COUNTS
      from request import Task
      limits = {**{name: 10 for name in COUNTS}, "time": 1.5, "processor_time": 1}
      good = {"nonce": "n", "mode": "python", "program": "", "limits": limits}
      assert Task(json.dumps(good)).limits["time"] == 1.5
      wrong = [
          {"mode": "shell"}, {"mode": "command", "program": []}, {"mode": "command"},
          {"mode": "command", "program": [1]}, {"program": ["a"]}, {"limits": {}},
          {"limits": {**limits, "memory": -1}}, {"limits": {**limits, "time": float("nan")}},
          {"limits": {**limits, "processor_time": 1 << 62}}, {"limits": {**limits, "disk": 1e300}},
          {"limits": {**limits, "time": float("inf")}}, {"files": [{"path": "../a", "content": ""}]},
          {"files": [{"path": "a", "content": "?"}]}, {"input": "?"}, {"environment": {"A=B": "c"}},
          {"environment": {"A": "\\0"}}, {"environment": {"": "a"}}, {"arguments": ["\\0"]},
          {"environment": []}, {"files": 1}, {"collects": 1},
      ]
      texts = [json.dumps({**good, **change}) for change in wrong]
      for text in [*texts, "", "[]", "{}", "null", "[" * 100_000, json.dumps({"limits": limits})]:
          try:
              Task(text)
          except Invalid:
              continue
          raise AssertionError(text[:200])
      """),
    Script(
      "frames are read whole, in any pieces, and an end is an end",
      """
      import select, socket, struct
      from collection import Invalid
      from run_socket import RunSocket
      ours, theirs = socket.socketpair()
      channel = RunSocket(theirs, select.poll())
      text = b"T" + struct.pack(">I", 3) + b"abc" + b"K" + struct.pack(">I", 0)
      found = []
      for place in range(len(text)):
          ours.sendall(text[place : place + 1])
          found += channel.read_frames()
      assert found == [(b"T", b"abc"), (b"K", b"")]
      assert list(channel.read_frames()) == [] and not channel.is_alone
      channel.send(b"o", b"x" * (8 << 20))
      assert channel.outgoing, "nobody reads, and nothing waits for that"
      ours.sendall(b"T" + struct.pack(">I", (128 << 20) + 1))
      try:
          list(channel.read_frames())
          raise AssertionError("a message without end was taken")
      except Invalid:
          pass
      ours.close()
      channel.flush(10)
      assert channel.is_alone and not channel.outgoing
      """),
    Script(
      "memory of daemons counts in a one-shot",
      """
      import os, signal, time, confinement, control_group, tree

      confinement.control(confinement.BE_SUBREAPER, 1)
      held = tree.PlainTree(None)
      held.watch = control_group.MemoryWatch(0)
      limit = 32 << 20
      assert not held.uses_more_than(limit)
      read, write = os.pipe()
      held.child = os.fork()
      if held.child == 0:
          if os.fork() == 0:
              kept = bytearray(b"x") * (80 << 20)
              os.write(write, str(os.getpid()).encode())
              time.sleep(60)
          os._exit(0)
      daemon = int(os.read(read, 20))
      os.waitpid(held.child, 0)
      held.watch.next = 0.0
      try:
          assert held.uses_more_than(limit)
      finally:
          os.kill(daemon, signal.SIGKILL)
      """),
  ]

  @Test(arguments: scripts) func holds(_ script: Script) async throws {
    let folder = NSTemporaryDirectory() + "nursery-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let modules: [String: [UInt8]] = [
      "seccomp": PackageResources.seccomp_py, "confinement": PackageResources.confinement_py,
      "request": PackageResources.request_py, "judged": PackageResources.judged_py,
      "control_group": PackageResources.control_group_py, "tree": PackageResources.tree_py,
      "collection": PackageResources.collection_py, "run_socket": PackageResources.run_socket_py,
    ]
    for (name, text) in modules {
      try Data(text).write(to: URL(fileURLWithPath: "\(folder)/\(name).py"))
    }
    let python = try #require(
      Isolation.find("python3", path: "/usr/bin:/usr/local/bin:/bin"), "no python3 here")
    let start = "import sys; sys.path.insert(0, \(quoted(folder)))\n"
    let result = try await CommandRunner().run(
      Command(python, ["-I", "-S", "-B", "-c", start + script.text], timeout: .seconds(60)))
    #expect(result.succeeded, "\(result.errorText)")
  }

  private func quoted(_ text: String) -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = .withoutEscapingSlashes
    return String(decoding: (try? encoder.encode(text)) ?? Data(), as: UTF8.self)
  }
}
