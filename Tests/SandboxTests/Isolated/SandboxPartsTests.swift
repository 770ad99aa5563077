import Domain
import Foundation
import Synchronization
import Testing

@testable import Sandbox

/// What tasks side by side have noted, in order.
private final class Seen: Sendable {
  private let numbers = Mutex([Int]())
  var all: [Int] { numbers.withLock { $0 } }
  func note(_ number: Int) { numbers.withLock { $0.append(number) } }
  func change(by step: Int) { numbers.withLock { $0.append(($0.last ?? 0) + step) } }
}

@Suite struct RunGateTests {
  @Test func othersComeInInOrder() async throws {
    let gate = RunGate(places: 1)
    try await gate.enter()
    let order = Seen()
    try await withThrowingTaskGroup(of: Void.self) { group in
      for number in 0..<20 {
        group.addTask {
          try await gate.enter()
          order.note(number)
          gate.leave()
        }
        // Each stands in the queue before the next comes.
        try await until { gate.waitingCount == number + 1 }
      }
      gate.leave()
      try await group.waitForAll()
    }
    #expect(order.all == Array(0..<20))
  }

  @Test func oneWhoGivesUpTakesNoPlace() async throws {
    let gate = RunGate(places: 1)
    try await gate.enter()
    let waiting = Task { try await gate.enter() }
    try await until { gate.waitingCount == 1 }
    waiting.cancel()
    let error = await #expect(throws: SandboxError.self) { try await waiting.value }
    #expect(error?.code == .cancelled)
    #expect(gate.waitingCount == 0)
    gate.leave()
    try await gate.enter()
  }

  @Test func neverMoreThanThePlaces() async throws {
    let gate = RunGate(places: 3)
    let seen = Seen()
    try await withThrowingTaskGroup(of: Void.self) { group in
      for _ in 0..<60 {
        group.addTask {
          try await gate.enter()
          seen.change(by: 1)
          await Task.yield()
          seen.change(by: -1)
          gate.leave()
        }
      }
      try await group.waitForAll()
    }
    #expect((seen.all.max() ?? 0) <= 3)
  }

  private func until(_ condition: () -> Bool) async throws {
    let deadline = ContinuousClock.now + .seconds(10)
    while !condition() {
      try #require(.now < deadline)
      try await Task.sleep(for: .milliseconds(1))
    }
  }
}

@Suite struct RunChannelTests {
  private func pair() throws -> (RunChannel, Descriptor, SocketThread) {
    let thread = SocketThread()
    let pair = try SocketPair.make()
    return (RunChannel(pair.ours, thread: thread), pair.theirs, thread)
  }

  private func send(_ bytes: [UInt8], to descriptor: Descriptor) {
    #expect(write(descriptor.number, bytes, bytes.count) == bytes.count)
  }

  @Test func framesComeWholeHoweverTheyAreCut() async throws {
    let (channel, other, thread) = try pair()
    let frames = [
      Frame(kind: .output, payload: []), Frame(kind: .error, payload: [1, 2, 3]),
      Frame(kind: .result, payload: [UInt8](repeating: 7, count: 70_000)),
    ]
    let bytes = frames.flatMap(\.bytes)
    for place in stride(from: 0, to: bytes.count, by: 997) {
      send(Array(bytes[place..<min(place + 997, bytes.count)]), to: other)
    }
    for frame in frames { #expect(await channel.next() == frame) }
    _ = shutdown(other.number, 2)
    #expect(await channel.next() == nil)
    #expect(!channel.isOpen)
    await thread.stop()
  }

  @Test(arguments: [[0x00, 0, 0, 0, 0], [0x6F, 0xFF, 0xFF, 0xFF, 0xFF]] as [[UInt8]])
  func whatIsNoFrameEndsTheChannel(_ bytes: [UInt8]) async throws {
    let (channel, other, thread) = try pair()
    send(bytes, to: other)
    #expect(await channel.next() == nil)
    await thread.stop()
  }

  @Test func aDeadlineEndsTheWait() async throws {
    let (channel, other, thread) = try pair()
    channel.send(.task, [], deadline: .milliseconds(50))
    let start = ContinuousClock.now
    #expect(await channel.next() == nil)
    #expect(channel.hasExpired)
    #expect(ContinuousClock.now - start < .seconds(3))
    withExtendedLifetime(other) {}
    await thread.stop()
  }

  @Test func moreThanASocketHoldsIsSentAsItIsRead() async throws {
    let (channel, other, thread) = try pair()
    let payload = [UInt8](repeating: 5, count: 3 << 20)
    channel.send(.task, payload, deadline: .seconds(20))
    let received = Task.detached { () -> Int in
      var buffer = [UInt8](repeating: 0, count: 64 << 10)
      var total = 0
      while total < payload.count + 5 {
        let count = read(other.number, &buffer, buffer.count)
        guard count > 0 else { break }
        total += count
      }
      return total
    }
    #expect(await received.value == payload.count + 5)
    await thread.stop()
  }

  @Test func theThreadsEndIsTheEndOfItsChannels() async throws {
    let (channel, other, thread) = try pair()
    let taker = Task { await channel.next() }
    await thread.stop()
    #expect(await taker.value == nil)
    withExtendedLifetime(other) {}
    let late = try await #require(throws: SandboxError.self) {
      try await thread.start(ProcessStart(words: ["/bin/true"], input: 0, error: 2))
    }
    #expect(late.code == .unavailable)
  }
}

@Suite struct SandboxTextTests {
  @Test(arguments: [
    (#"{"a":"\ud800"}"#, #"{"a":"\ufffd"}"#), (#"{"a":"\udc00x"}"#, #"{"a":"\ufffdx"}"#),
    (#"["\ud83d\ude00"]"#, #"["\ud83d\ude00"]"#),
    (#"["\ud83d\ud83d\ude00"]"#, #"["\ufffd\ud83d\ude00"]"#),
    (#"["\\ud800"]"#, #"["\\ud800"]"#), (#"["\\\ud800"]"#, #"["\\\ufffd"]"#),
    (#"["\uD8"#, #"["\uD8"#), ("[1]", "[1]"),
  ]) func halvesOfSurrogatePairsAreReplaced(_ text: String, _ expected: String) {
    let result = JSONText.withoutLoneSurrogates(Array(text.utf8))
    #expect(String(decoding: result, as: UTF8.self) == expected)
  }

  /// Linux takes 128 KiB for one argument, its ending zero byte included; source: execve(2).
  @Test func ourOwnProgramFitsInOneArgument() {
    #expect(SandboxProgram.text.utf8.count < 120 << 10)
  }

  @Test func noncesAreLongAndDiffer() {
    let nonces = Set((0..<1_000).map { _ in Nonce.make() })
    #expect(nonces.count == 1_000)
    #expect(nonces.allSatisfy { $0.count == 32 })
  }
}

@Suite struct GroupPlacesTests {
  private let mounts = """
    31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
    35 31 0:32 / /sys/fs/cgroup/memory rw,relatime shared:3 - cgroup cgroup rw,memory
    39 31 0:36 /docker/abc /sys/fs/cgroup/pids rw,relatime - cgroup cgroup rw,pids
    40 31 0:33 / /sys/fs/cgroup/cpu,cpuacct rw,relatime - cgroup cgroup rw,cpu,cpuacct
    41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
    """

  @Test func versionOneHasAFolderForEachController() {
    let groups =
      "9:name=systemd:/\n8:pids:/docker/abc/inner\n4:memory:/process/1\n1:cpu,cpuacct:/\n"
    let places = GroupPlaces(groups: groups, mounts: mounts)
    #expect(places.own["memory"] == "/sys/fs/cgroup/memory/process/1")
    #expect(places.own["pids"] == "/sys/fs/cgroup/pids/inner")
    #expect(places.own["cpuacct"] == "/sys/fs/cgroup/cpu,cpuacct")
    #expect(places.unified == [])
  }

  @Test func versionTwoHasOneAndThoseAboveIt() {
    let places = GroupPlaces(
      groups: "0::/user.slice/user-1000.slice/session.scope\n",
      mounts: "30 23 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw\n")
    #expect(
      places.unified == [
        "/sys/fs/cgroup/user.slice/user-1000.slice/session.scope",
        "/sys/fs/cgroup/user.slice/user-1000.slice", "/sys/fs/cgroup/user.slice", "/sys/fs/cgroup",
      ])
    #expect(places.own == [:])
  }

  @Test func nothingOfItIsNothing() {
    #expect(GroupPlaces(groups: "", mounts: "nonsense\n- -\n").own == [:])
  }
}
