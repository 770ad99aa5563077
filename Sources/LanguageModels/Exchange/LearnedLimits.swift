import Synchronization

/// What a server has refused, remembered for as long as the process asks it.
final class LearnedLimits: Sendable {
  struct Snapshot: Sendable, Equatable {
    /// Place on the wire's ladder of means for structured answers.
    var rung: Int
    var omitted: Set<OptionalField>
    /// A structured answer has come back by these means.
    var settled: Bool
  }

  private let rungs: Int
  private let state: Mutex<Snapshot>

  init(rungs: Int, settled: Bool) {
    self.rungs = rungs
    state = Mutex(Snapshot(rung: 0, omitted: [], settled: settled))
  }

  var snapshot: Snapshot { state.withLock { $0 } }

  func settle() { state.withLock { $0.settled = true } }

  /// Takes a refusal to heart.
  /// - Parameter sent: what was known when the refused request was written.
  /// - Returns: whether the request is worth sending again in its new form.
  func learn(_ fault: WireFault, sent: Snapshot) -> Bool {
    state.withLock { state in
      if let field = fault.refuses {
        // Another call may have learned it in the meantime.
        if state.omitted.insert(field).inserted { return true }
        return !sent.omitted.contains(field)
      }
      guard fault.refusesMode else { return false }
      if state.rung > sent.rung { return true }
      guard sent.rung + 1 < rungs else { return false }
      state.rung = sent.rung + 1
      return true
    }
  }
}
