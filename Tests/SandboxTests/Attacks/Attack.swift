import Domain
import Foundation
import Testing

@testable import Sandbox

/// A program that tries to do what the sandbox must not let it do.
///
/// It counts what it tries, and names in its report what worked. An attack that tried nothing proves
/// nothing, so unless it says `reports: false` the report must come and tell of at least one try.
struct Attack: Sendable, CustomTestStringConvertible {
  /// How a run may come to its end.
  enum Ending: String, Sendable, CaseIterable {
    case done, failed, signaled, timedOut, outOfMemory

    init(_ end: SandboxResult.End) {
      self =
        switch end {
        case .exited(0): .done
        case .exited: .failed
        case .signaled: .signaled
        case .timedOut: .timedOut
        case .outOfMemory: .outOfMemory
        }
    }
  }

  /// What one attack came to, for the checks of its own.
  struct Outcome: Sendable {
    var result: SandboxResult
    var scene: AttackScene
    /// The most that was seen of it from outside, while it ran.
    var seen: AttackWatch.Seen

    /// A number of the program's report.
    func number(_ name: String) -> Double? {
      guard case .object(let members)? = result.report else { return nil }
      switch members[name] {
      case .integer(let value): return Double(value)
      case .number(let value): return value
      default: return nil
      }
    }
  }

  typealias Check = @Sendable (Outcome) -> [String]

  let name: String
  let program: String
  var limits: SandboxLimits
  var files: [SandboxFile]
  var input: [UInt8]
  var environment: [String: String]
  var collects: [String]
  var endings: Set<Ending>
  var reports: Bool
  /// Runs at the same time, and must come to its own right end.
  var neighbour: String?
  let check: Check

  var testDescription: String { name }

  init(
    _ name: String, limits: SandboxLimits = .ofAttacks(), files: [SandboxFile] = [],
    input: [UInt8] = [], environment: [String: String] = [:], collects: [String] = [],
    ends endings: Set<Ending> = [.done], reports: Bool = true, neighbour: String? = nil,
    _ program: String, check: @escaping Check = { _ in [] }
  ) {
    self.name = name
    self.program = program
    self.limits = limits
    self.files = files
    self.input = input
    self.environment = environment
    self.collects = collects
    self.endings = endings
    self.reports = reports
    self.neighbour = neighbour
    self.check = check
  }

  static let all =
    ofProcesses + ofMemory + ofDisk + ofOutput + ofNetwork + ofFiles + ofDevices + ofOtherProcesses
    + ofCollection + ofNeighbours + ofForgery + ofText + ofCalls + ofNewerCalls + ofRights

  func task(in scene: AttackScene) -> SandboxTask {
    SandboxTask(
      .python(Self.prelude + program), arguments: scene.arguments, files: files, input: input,
      environment: environment, limits: limits, collects: collects)
  }

  /// What every attack finds defined.
  static let prelude = #"""
    import ctypes, errno, json, os, signal, sys, time
    FOLDER, PORT, SOCKET, ABSTRACT, HOST_PID = sys.argv[1:6]
    PORT, HOST_PID = int(PORT), int(HOST_PID)
    INTEL = os.uname().machine == "x86_64"
    libc = ctypes.CDLL(None, use_errno=True)
    won, tried = [], 0

    def attempt(what, action, *arguments):
        """Whatever comes back, unless it is an exception, should not have been possible."""
        global tried
        tried += 1
        try:
            outcome = action(*arguments)
        except BaseException as error:
            return error
        won.append("%s: %r" % (what, repr(outcome)[:120]))
        return None

    def call(intel, arm, *arguments):
        """A raw system call by its numbers on the two architectures."""
        number = intel if INTEL else arm
        if number is None:
            raise OSError(errno.ENOSYS, "not on this architecture")
        words = [a if isinstance(a, (bytes, ctypes.Array)) else ctypes.c_long(a) for a in arguments]
        outcome = libc.syscall(ctypes.c_long(number), *words)
        if outcome < 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
        return outcome

    def in_child(action, *arguments):
        """Its exit status, or minus the signal that killed it."""
        child = os.fork()
        if child == 0:
            try:
                action(*arguments)
            except BaseException:
                os._exit(1)
            os._exit(0)
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

    def fork():
        """As `os.fork`; `None` where there may be no more processes."""
        try:
            return os.fork()
        except OSError:
            return None

    def tell(**more):
        text = json.dumps({"won": won[:20], "tried": tried, **more})
        os.write(int(os.environ["STET_REPORT"]), text.encode() + b"\n")


    """#
}

extension SandboxLimits {
  static func ofAttacks(
    time: Duration = .seconds(10), processorTime: Duration = .seconds(10), memory: Int = 256,
    processes: Int = 16, disk: Int = 16, inodes: Int = 1_024, output: Int = 64 << 10,
    collected: Int = 1 << 20
  ) -> SandboxLimits {
    SandboxLimits(
      time: time, processorTime: processorTime, memory: .mebibytes(memory), processes: processes,
      descriptors: 64, disk: .mebibytes(disk), inodes: inodes, output: ByteCount(output),
      collected: ByteCount(collected))
  }
}
