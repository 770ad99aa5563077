import Synchronization

/// The memory that the bodies of all requests may take together.
final class BodyBudget: Sendable {
  private let left: Mutex<Int>

  init(most: Int) { left = Mutex(most) }

  fileprivate func take(_ bytes: Int) -> Bool {
    left.withLock { left in
      guard bytes <= left else { return false }
      left -= bytes
      return true
    }
  }

  fileprivate func giveBack(_ bytes: Int) { left.withLock { $0 += bytes } }
}

/// One request's part of the budget, held until it is answered.
final class BodyShare: Sendable {
  private let budget: BodyBudget
  private let taken = Mutex(0)

  init(of budget: BodyBudget) { self.budget = budget }

  /// - Returns: false where no room is left; nothing is taken then.
  func take(_ bytes: Int) -> Bool {
    guard budget.take(bytes) else { return false }
    taken.withLock { $0 += bytes }
    return true
  }

  func giveBack() {
    let bytes = taken.withLock { taken in
      defer { taken = 0 }
      return taken
    }
    budget.giveBack(bytes)
  }
}
