import Domain
import Synchronization

/// What GitHub has refused for want of a permission, so that it is not asked again each time.
final class Grants: Sendable {
  /// After this long it is tried again: an owner may have granted the permission meanwhile.
  static let memory: Duration = .seconds(6 * 3600)

  private struct State {
    /// Until when, by repository in lower case.
    var checkRunsRefused: [String: Duration] = [:]
    var permissionSets: [Int64: (index: Int, until: Duration)] = [:]
  }

  private let uptime: @Sendable () -> Duration
  private let state = Mutex(State())

  init(uptime: @escaping @Sendable () -> Duration) { self.uptime = uptime }

  func mayCreateCheckRuns(in repository: RepositoryName) -> Bool {
    let now = uptime()
    let until = state.withLock { $0.checkRunsRefused[repository.description.lowercased()] }
    return until.map { $0 <= now } ?? true
  }

  func refuseCheckRuns(in repository: RepositoryName) {
    let until = uptime() + Self.memory
    state.withLock { $0.checkRunsRefused[repository.description.lowercased()] = until }
  }

  /// The first of `GitHubConnection.permissionSets` that is worth asking for.
  func permissionSet(of installation: Int64) -> Int {
    let now = uptime()
    let known = state.withLock { $0.permissionSets[installation] }
    guard let known, known.until > now else { return 0 }
    return known.index
  }

  /// - Parameter index: of the set that GitHub granted.
  func note(permissionSet index: Int, of installation: Int64) {
    let now = uptime()
    state.withLock { state in
      // What is remembered keeps its time, so that the fuller sets are tried again one day.
      if let known = state.permissionSets[installation], known.index == index, known.until > now {
        return
      }
      state.permissionSets[installation] = (index, now + Self.memory)
    }
  }
}
