import Domain
import Foundation

/// Goes through what is open in a repository, from where the last run stopped, as far as its budget
/// goes. What was untouched for longest comes first, and nothing is passed over for ever: a run that
/// spends its budget leaves a place to go on from.
struct StaleRound: Sendable {
  /// What one run may do for each list.
  struct Budget: Sendable {
    /// Items that something is done about.
    var deeds = 60
    /// Pages of a hundred that are looked at.
    var pages = 25
  }

  /// Where a list is gone on with.
  struct Place: Codable, Sendable, Hashable {
    /// Only what changed then or later; `nil`: from the beginning.
    var since: Date?
    /// Among those of that very second.
    var page = 1
  }

  struct Cursor: Codable, Sendable, Hashable {
    /// What bears the label.
    var labelled: Place?
    /// What has been quiet.
    var quiet: Place?
    /// The item that something was begun about: what was done of it may have moved it in the lists.
    var underWay: Int?
  }

  struct Tally: Sendable, Hashable {
    var looked = 0
    var done = 0
    /// Whether both lists were gone through to their ends.
    var isWhole = true
  }

  let items: StaleItems
  let budget: Budget

  private var access: ForgeAccess { items.access }

  func run() async throws -> Tally {
    let key =
      "stale-cursor \(access.forge):\(access.repository) \(items.policy.label)".lowercased()
      + " \(items.policy.kinds.map(\.rawValue).sorted().joined(separator: "+"))"
    var memory = try await PolicyMemory(key, in: items.ports.notes, new: Cursor())
    var tally = Tally()
    if let number = memory.value.underWay {
      let reference = PullRequestReference(access.repository, number)
      if let item = try await items.ports.forge.openItem(reference), try await items.visit(item) {
        tally.done += 1
      }
      memory.value.underWay = nil
    }
    // First what people were told will be closed, then what they are to be told of.
    let (labelled, quiet) = (memory.value.labelled, memory.value.quiet)
    var place = try await goThrough(
      items.policy.label, from: labelled ?? Place(), &memory, &tally
    ) { _ in true }
    memory.value.labelled = place
    let limit = items.ports.now().addingTimeInterval(-Double(items.policy.remind))
    place = try await goThrough(nil, from: quiet ?? Place(), &memory, &tally) {
      $0.updatedAt <= limit
    }
    memory.value.quiet = place
    memory.value.underWay = nil
    tally.isWhole = memory.value == Cursor()
    try await memory.save()
    return tally
  }

  /// - Returns: where to go on; `nil` at the end.
  private func goThrough(
    _ label: String?, from start: Place, _ memory: inout PolicyMemory<Cursor>,
    _ tally: inout Tally, while belongs: (OpenItem) -> Bool
  ) async throws -> Place? {
    var place = start
    var seen: Set<Int> = []
    var done = 0
    for _ in 0..<budget.pages {
      let page = try await items.ports.forge.openItems(
        in: access.repository, label: label, since: place.since, page: place.page)
      var doneHere = 0
      for item in page where seen.insert(item.reference.number).inserted {
        guard belongs(item) else { return nil }
        guard items.policy.kinds.contains(item.kind) else { continue }
        try Task.checkCancellation()
        guard done < budget.deeds else {
          return place.since == item.updatedAt ? place : Place(since: item.updatedAt)
        }
        tally.looked += 1
        let isDone = try await items.visit(item) {
          memory.value.underWay = item.reference.number
          try await memory.save()
        }
        if isDone {
          done += 1
          doneHere += 1
          tally.done += 1
        }
      }
      guard page.count == Backlog.page, let last = page.last else { return nil }
      if let since = place.since, last.updatedAt <= since {
        // A whole page of one second. What was done has left it, and others have moved up.
        if doneHere == 0 { place.page += 1 }
      } else {
        place = Place(since: last.updatedAt)
      }
    }
    return place
  }
}
