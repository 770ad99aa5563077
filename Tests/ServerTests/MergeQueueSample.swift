import Domain
import Jobs

@testable import UseCases

/// A merge queue as the use cases keep it.
enum MergeQueueSample {
  static func enqueue(
    _ numbers: [Int], branch: String, freeze: String, _ access: ForgeAccess,
    notes: any PolicyNotes, jobs: any JobStore
  ) async throws {
    let key = AdvanceMergeQueue.key(access.forge, "\(access.repository)", branch)
    var memory = try await PolicyMemory(
      key, in: notes, new: AdvanceMergeQueue.State(queue: MergeQueue(branch: branch)))
    for number in numbers {
      memory.value.handle(
        .enqueued(number: number, head: "c\(number)", number == 7 ? .urgent : .normal))
    }
    memory.value.handle(.frozen(reason: freeze))
    try await memory.save()
    _ = try await jobs.enqueue(
      try numbers.map { try AdvanceMergeQueue.job(access, branch: branch, number: $0) })
  }
}
