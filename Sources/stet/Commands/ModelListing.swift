import Domain
import LanguageModels
import Synchronization

/// `stet model list`, for people and for programs.
enum ModelListing {
  private struct Row: Encodable {
    var name: String
    var state: String
    var size: Int
    var sha256: String
    var licence: String
    var isDefault: Bool
    var path: String

    enum CodingKeys: String, CodingKey {
      case name, state, size, sha256, licence
      case isDefault = "default"
      case path
    }
  }

  static func print(_ models: [ModelStore.Listing], json: Bool, terminal: Terminal) throws {
    if json {
      try Output.results.write(
        JSONText.of(
          models.map {
            Row(
              name: $0.entry.name, state: state($0).word, size: $0.entry.size.value,
              sha256: $0.entry.sha256, licence: $0.entry.licence, isDefault: $0.isDefault,
              path: $0.path)
          }))
      return
    }
    var table = TextTable(columns: 4)
    for model in models {
      table.add([
        model.entry.name + (model.isDefault ? " (default)" : ""), size(model.entry.size.value),
        model.entry.licence, state(model).sentence,
      ])
    }
    try Output.results.write(table.text)
  }

  static func size(_ bytes: Int) -> String {
    bytes >= 1_000_000_000
      ? "\(bytes / 1_000_000_000).\(bytes % 1_000_000_000 / 100_000_000) GB"
      : "\(bytes / 1_000_000) MB"
  }

  private static func state(_ model: ModelStore.Listing) -> (word: String, sentence: String) {
    switch model.state {
    case .absent: ("absent", "not here; stet model pull \(model.entry.name)")
    case .partial(let count):
      (
        "partial",
        "\(count.value * 100 / max(1, model.entry.size.value)) % here; stet model pull "
          + "\(model.entry.name) goes on"
      )
    case .ready: ("ready", "ready")
    case .damaged: ("damaged", "damaged; stet model pull \(model.entry.name)")
    }
  }
}

/// Progress of a download: one line that is written over on a terminal, else a line per step.
final class PullProgressLine: Sendable {
  private let terminal: Terminal
  private let shown = Mutex<Int?>(nil)

  init(terminal: Terminal) { self.terminal = terminal }

  func show(_ progress: PullProgress) {
    switch progress {
    case .transferred(let done, let total):
      let percent = done.value * 100 / max(1, total.value)
      guard terminal.progress,
        shown.withLock({ old in
          defer { old = percent }
          return old != percent
        })
      else { return }
      let size = ModelListing.size(total.value)
      try? Output.notes.write("\r\u{1B}[K\(percent) % of \(size)")
    case .trying(let source): step("Fetching from \(source)")
    case .sourceFailed(let source, let reason): step("\(source): \(reason)")
    case .resuming(let at): step("Going on at \(ModelListing.size(at.value))")
    case .waiting: step("Another command fetches this model; waiting for it")
    }
  }

  func end() {
    if shown.withLock({ $0 }) != nil { Output.notes.tell("") }
  }

  private func step(_ text: String) {
    let clear = shown.withLock { old in
      defer { old = nil }
      return old != nil
    }
    Output.notes.tell((clear ? "\n" : "") + text)
  }
}
