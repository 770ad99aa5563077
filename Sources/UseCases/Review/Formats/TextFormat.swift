import Domain

/// `--format text`: for a person at a terminal; the same without colour in a pipe.
struct TextFormat {
  private static let mostQuoted = 12
  private static let mostSkipped = 8

  private let color: Bool
  private let width: Int

  init(_ surroundings: ReviewFormat.Surroundings) {
    color = surroundings.color
    width = min(max(surroundings.width ?? 100, 40), 140)
  }

  private enum Paint: String {
    case error = "1;31"
    case warning = "1;33"
    case note = "1;36"
    case bold = "1"
    case faint = "2"
    case gutter = "34"
    case removed = "31"
    case added = "32"
  }

  func render(_ review: Review) -> String {
    let blocks = review.findings.map(finding) + [closing(review)]
    return blocks.joined(separator: "\n\n") + "\n"
  }

  // MARK: - A finding

  private func finding(_ finding: Finding) -> String {
    let digits = String(finding.line).count
    let margin = String(repeating: " ", count: digits)
    let bar = paint("|", .gutter)
    let word = "\(finding.severity.rawValue)[\(clean(finding.category))]"
    var lines = heading(word, finding)
    let removed = finding.side == .old ? " (removed)" : ""
    lines.append(
      "\(margin)\(paint("-->", .gutter)) \(clean(finding.path)):\(finding.lines)\(removed)")
    lines.append("\(margin) \(bar)")
    let quoted = finding.quote.split(separator: "\n", omittingEmptySubsequences: false)
    for (offset, text) in quoted.prefix(Self.mostQuoted).enumerated() {
      let number = String(finding.startLine + offset)
      let pad = String(repeating: " ", count: max(0, digits - number.count))
      let code = self.code(text, digits + 3)
      lines.append("\(paint(pad + number, .gutter)) \(bar)" + (code.isEmpty ? "" : " \(code)"))
    }
    if quoted.count > Self.mostQuoted {
      let more = ReviewSummary.count(quoted.count - Self.mostQuoted, "more line")
      lines.append("\(margin) \(bar) \(paint("... \(more)", .faint))")
    }
    lines.append("\(margin) \(bar)")
    if let suggestion = finding.suggestion {
      lines += change(quoted, suggestion, margin: margin, digits: digits)
    }
    let proofs = finding.verified.map(\.rawValue).joined(separator: ", ")
    let source = clean(finding.source.description)
    lines.append(
      "\(margin) \(paint("=", .gutter)) "
        + paint(
          "\(source), \(finding.confidence.percent)% sure"
            + (proofs.isEmpty ? "" : ", checked: \(proofs)"), .faint))
    return lines.joined(separator: "\n")
  }

  /// The severity, the category and the message, wrapped at words.
  private func heading(_ word: String, _ finding: Finding) -> [String] {
    let message = clean(finding.message)
    let wrapped = wrap(message, first: width - word.count - 2, rest: width - 2)
    guard let first = wrapped.first else { return [paint(word, tone(finding.severity))] }
    return ["\(paint(word, tone(finding.severity))): \(paint(first, .bold))"]
      + wrapped.dropFirst().map { "  " + paint($0, .bold) }
  }

  private func change(
    _ quoted: [Substring], _ suggestion: String, margin: String, digits: Int
  ) -> [String] {
    let new =
      suggestion.isEmpty ? [] : suggestion.split(separator: "\n", omittingEmptySubsequences: false)
    // Lines that stay at either end are not shown again.
    let head = zip(quoted, new).prefix(while: { $0 == $1 }).count
    let tail = min(
      zip(quoted.reversed(), new.reversed()).prefix(while: { $0 == $1 }).count,
      min(quoted.count, new.count) - head)
    let bar = paint("|", .gutter)
    var lines = ["\(margin) \(paint("=", .gutter)) suggestion"]
    func add(_ part: ArraySlice<Substring>, _ sign: String, _ tone: Paint) {
      for text in part.prefix(Self.mostQuoted) {
        lines.append("\(margin) \(bar) " + paint("\(sign) \(code(text, digits + 5))", tone))
      }
      if part.count > Self.mostQuoted {
        let more = ReviewSummary.count(part.count - Self.mostQuoted, "more line")
        lines.append("\(margin) \(bar) " + paint("\(sign) ... \(more)", tone))
      }
    }
    add(quoted[head..<(quoted.count - tail)], "-", .removed)
    add(new[head..<(new.count - tail)], "+", .added)
    lines.append("\(margin) \(bar)")
    return lines
  }

  // MARK: - The end

  private func closing(_ review: Review) -> String {
    var lines: [String] = []
    let skipped = review.coverage.skipped
    if !skipped.isEmpty {
      lines.append("Not looked at:")
      for part in skipped.prefix(Self.mostSkipped) {
        let hunk = part.hunk.map { ", hunk \($0)" } ?? ""
        lines.append("  " + paint("\(clean(part.path))\(hunk): \(part.reason.words)", .faint))
      }
      if skipped.count > Self.mostSkipped {
        let more = skipped.count - Self.mostSkipped
        lines.append("  " + paint("... and \(more) more; --format json lists them all", .faint))
      }
    }
    let tone: Paint =
      review.findings.map(\.severity).max().map(self.tone) ?? (skipped.isEmpty ? .added : .bold)
    let mark = color && review.findings.isEmpty && skipped.isEmpty ? "✓ " : ""
    let cost = CostLine.text(review.usage)
    lines.append(
      paint(mark + clean(review.summary), tone) + (cost.isEmpty ? "" : " " + paint(cost, .faint)))
    return lines.joined(separator: "\n")
  }

  // MARK: - Text

  private func tone(_ severity: Severity) -> Paint {
    switch severity {
    case .error: .error
    case .warning: .warning
    case .note: .note
    }
  }

  private func paint(_ text: String, _ paint: Paint) -> String {
    color && !text.isEmpty ? "\u{1B}[\(paint.rawValue)m\(text)\u{1B}[0m" : text
  }

  private func clean(_ text: String) -> String { Defanged.forTerminal(text, oneLine: true) }

  /// A line of code, tabs as four spaces, cut to the width of the terminal.
  private func code(_ text: Substring, _ taken: Int) -> String {
    let spaced = String(text.replacing("\t", with: "    "))
    let shown = Defanged.forTerminal(spaced.hasSuffix("\r") ? String(spaced.dropLast()) : spaced)
    let room = max(20, width - taken)
    return shown.count > room ? shown.prefix(room - 3) + "..." : shown
  }

  private func wrap(_ text: String, first: Int, rest: Int) -> [String] {
    var lines: [String] = []
    var line = ""
    for word in text.split(separator: " ") {
      let room = lines.isEmpty ? first : rest
      if !line.isEmpty, line.count + 1 + word.count > room {
        lines.append(line)
        line = String(word)
      } else {
        line += (line.isEmpty ? "" : " ") + word
      }
    }
    if !line.isEmpty { lines.append(line) }
    return lines
  }
}
