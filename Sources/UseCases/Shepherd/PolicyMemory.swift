import Domain
import Foundation

/// A value among the notes of policies, written back only if nobody else has written meanwhile.
struct PolicyMemory<Value: Codable & Sendable>: Sendable {
  private let notes: any PolicyNotes
  private var note: PolicyNote
  var value: Value

  init(_ key: String, in notes: any PolicyNotes, new: Value) async throws(StoreError) {
    self.notes = notes
    guard let note = try await notes.note(key) else {
      self.note = PolicyNote(key: key, body: "")
      value = new
      return
    }
    self.note = note
    let decoder = JSONDecoder()
    decoder.dateDecodingStrategy = .secondsSince1970
    do { value = try decoder.decode(Value.self, from: Data(note.body.utf8)) } catch {
      throw StoreError(
        code: .corrupt,
        detail:
          "'\(key)' of the policies' notes cannot be read: another version may have written it.")
    }
  }

  /// - Throws: `.conflict` where another worker has written.
  mutating func save() async throws(StoreError) {
    let encoder = JSONEncoder()
    encoder.dateEncodingStrategy = .secondsSince1970
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    do { note.body = String(decoding: try encoder.encode(value), as: UTF8.self) } catch {
      throw StoreError(code: .failed, detail: "'\(note.key)' cannot be written as JSON.")
    }
    note = try await notes.save(note)
  }
}
