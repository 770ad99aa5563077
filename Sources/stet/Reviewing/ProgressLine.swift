import Synchronization

/// One line on standard error that is written over; nothing where no person watches.
final class ProgressLine: Sendable {
  private let terminal: Terminal
  private let isShown = Mutex(false)

  init(terminal: Terminal) { self.terminal = terminal }

  func show(_ text: String) {
    guard terminal.progress else { return }
    isShown.withLock { $0 = true }
    try? Output.notes.write("\r\u{1B}[K\(text)")
  }

  func end() {
    let wasShown = isShown.withLock { shown in
      defer { shown = false }
      return shown
    }
    if wasShown { try? Output.notes.write("\r\u{1B}[K") }
  }
}
