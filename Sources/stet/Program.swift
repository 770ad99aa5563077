import ArgumentParser

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// A command that runs until it is asked to stop, and hears the signals itself.
protocol ServerCommand: AsyncParsableCommand {}

/// From arguments to an exit status.
enum Program {
  enum Ending: Sendable, Equatable {
    case exit(ProgramStatus)
    /// Ended by this signal, as a shell should see it.
    case signal(Int32)
  }

  static func run(_ arguments: [String]) async -> Ending {
    signal(SIGPIPE, SIG_IGN)
    var command: any ParsableCommand
    do {
      command = try Stet.parseAsRoot(arguments)
    } catch {
      return told(error)
    }
    guard let asynchronous = command as? any AsyncParsableCommand else {
      return finish { try command.run() }
    }
    let isServer = asynchronous is any ServerCommand
    let work = Task { () -> Ending in
      var running = asynchronous
      do {
        try await running.run()
        return .exit(.done)
      } catch {
        return ending(of: error)
      }
    }
    // A server stops in an order of its own.
    if isServer { return await work.value }
    let interruption = Interruption { work.cancel() }
    let result = await work.value
    // A cancelled command has ended its children by now; the signal ended it, whatever it returns.
    return interruption.received.map { Ending.signal($0) } ?? result
  }

  static func finish(_ body: () throws -> Void) -> Ending {
    signal(SIGPIPE, SIG_IGN)
    do {
      try body()
      return .exit(.done)
    } catch {
      return ending(of: error)
    }
  }

  /// What the argument parser has to say: help, a completion script, or what is wrong.
  private static func told(_ error: any Error) -> Ending {
    let message = Stet.fullMessage(for: error)
    guard Stet.exitCode(for: error).isSuccess else {
      Output.notes.tell(message)
      return .exit(.misuse)
    }
    return finish { try Output.results.line(message) }
  }

  private static func ending(of error: any Error) -> Ending {
    switch error {
    case is CancellationError:
      // Only a signal cancels a command, and who sent it knows.
      return .exit(.failed)
    case OutputError.closed:
      return .signal(SIGPIPE)
    case OutputError.failed(let reason):
      Output.notes.tell(
        "stet: standard output could not be written: \(reason). Free some space, or send the "
          + "output elsewhere.")
      return .exit(.failed)
    case let failure as CommandFailure:
      if let sentence = failure.sentence { Output.notes.tell("stet: \(sentence)") }
      return .exit(failure.status)
    case let code as ExitCode:
      return .exit(ProgramStatus(rawValue: code.rawValue) ?? .failed)
    default:
      // `stet help` and a bare `stet` are commands whose run throws the help text.
      let code = Stet.exitCode(for: error)
      if code.isSuccess || code == .validationFailure { return told(error) }
      Output.notes.tell("stet: \(error)")
      return .exit(.failed)
    }
  }
}
