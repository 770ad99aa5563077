import Domain
import Testing

/// What every `PolicyNotes` must do. - Parameter notes: empty ones.
func policyNotesContract(_ notes: any PolicyNotes) async throws {
  #expect(try await notes.note("queue a main") == nil)
  let first = try await notes.save(PolicyNote(key: "queue a main", body: "{\"ä\":1}"))
  #expect(first.version == 1)
  #expect(try await notes.note("queue a main") == first)
  #expect(try await notes.note("queue a Main") == nil)
  var next = first
  next.body = "{}"
  let second = try await notes.save(next)
  #expect(second.version == 2)
  // Whoever read before that is told, and changes nothing.
  for stale in [PolicyNote(key: "queue a main", body: "x"), first] {
    let error = await #expect(throws: StoreError.self) { try await notes.save(stale) }
    #expect(error?.code == .conflict)
  }
  #expect(try await notes.note("queue a main") == second)
  let won = await withTaskGroup(of: Bool.self) { group in
    for number in 0..<8 {
      group.addTask {
        (try? await notes.save(PolicyNote(key: "turns", body: "\(number)"))) != nil
      }
    }
    return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
  }
  #expect(won == 1)
}
