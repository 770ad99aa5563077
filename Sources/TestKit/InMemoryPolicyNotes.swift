public import Domain

/// What policies remember, until the process ends, for tests.
public actor InMemoryPolicyNotes: PolicyNotes {
  private var notes: [String: PolicyNote] = [:]

  public init() {}

  public func note(_ key: String) async throws(StoreError) -> PolicyNote? { notes[key] }

  public func save(_ note: PolicyNote) async throws(StoreError) -> PolicyNote {
    guard notes[note.key]?.version ?? 0 == note.version else {
      throw StoreError(code: .conflict, detail: "'\(note.key)' was changed meanwhile.")
    }
    var next = note
    next.version += 1
    notes[note.key] = next
    return next
  }
}
