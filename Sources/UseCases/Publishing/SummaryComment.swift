import Domain

/// The one comment on the conversation that says where a review stands. It is edited in place.
struct SummaryComment: Sendable {
  var head: String
  var review: Review
  var placed: PlacedFindings
  /// Sentences about the set-up, such as a policy that could not be read.
  var notes: [String] = []
  /// Whom a command addresses, such as `stet`.
  var handle = "stet"

  /// GitHub takes 65,536 characters, others fewer bytes: this is safe in both counts.
  static let longest = 60_000
  private static let longestLedger = 200

  var body: String {
    var parts = [
      HiddenMarker.summary.text, "## Stet: \(title)",
      "Reviewed \(Defanged.codeSpan(String(head.prefix(12)))). "
        + Defanged.forMarkdown(review.summary, oneLine: true),
    ]
    if !counts.isEmpty { parts.append(counts) }
    parts += notes.map { "> " + Defanged.forMarkdown($0, oneLine: true, limit: 600) }
    let tail = [footer]
    var room = Self.longest - (parts + tail).reduce(0) { $0 + $1.utf8.count + 2 }
    // The ledger is owed to the reader: it is cut last, the list of findings before it.
    let ledger = Self.ledger(review.coverage, room: min(room, Self.longest / 2))
    room -= ledger.utf8.count + 2
    let list = list(room: room)
    if !list.isEmpty { parts.append(list) }
    parts.append(ledger)
    return (parts + tail).joined(separator: "\n\n") + "\n"
  }

  /// One line, without markup.
  var title: String {
    switch review.verdict {
    case .requestChanges: "changes requested"
    case .comment where !placed.standing.isEmpty: "comments"
    case .comment where CheckConclusion.unseen(review.coverage).isEmpty: "nothing found"
    case .comment: "not all was looked at"
    case .approve: "nothing to object"
    }
  }

  private var counts: String {
    var parts: [String] = []
    if !placed.atLines.isEmpty { parts.append("\(placed.atLines.count) at lines of this commit") }
    if !placed.earlier.isEmpty {
      parts.append("\(placed.earlier.count) commented on an earlier commit and still there")
    }
    if !placed.listed.isEmpty { parts.append("\(placed.listed.count) listed below") }
    if placed.ignored > 0 { parts.append("\(placed.ignored) ignored by request") }
    return parts.isEmpty ? "" : "Findings: \(parts.joined(separator: ", "))."
  }

  private func list(room: Int) -> String {
    guard !placed.listed.isEmpty else { return "" }
    var text = "### Findings that have no place in the diff"
    for (index, finding) in placed.listed.enumerated() {
      let line = "\n" + FindingComment.line(finding)
      if text.utf8.count + line.utf8.count + 40 > room {
        return text + "\n- … and \(placed.listed.count - index) more."
      }
      text += line
    }
    return text
  }

  static func ledger(_ coverage: Coverage, room: Int) -> String {
    let seen =
      "Coverage: \(coverage.hunksReviewed) of \(ReviewSummary.count(coverage.hunks, "hunk")) in "
      + "\(ReviewSummary.count(coverage.files, "file")) looked at"
    guard !coverage.skipped.isEmpty else {
      return "<details><summary>\(seen)</summary>\n\nNothing was left out.\n\n</details>"
    }
    var text = "<details><summary>\(seen), \(coverage.skipped.count) left out</summary>\n\n"
    text += "| not looked at | reason |\n|---|---|"
    for (index, part) in coverage.skipped.enumerated() {
      let hunk = part.hunk.map { ", hunk \($0)" } ?? ""
      let path = Defanged.codeSpan(part.path.replacing("|", with: "¦"))
      let row = "\n| \(path)\(hunk) | \(part.reason.words) |"
      if index >= longestLedger || text.utf8.count + row.utf8.count + 60 > room {
        text += "\n| … and \(coverage.skipped.count - index) more | see the run |"
        break
      }
      text += row
    }
    return text + "\n\n</details>"
  }

  private var footer: String {
    let cost = CostLine.text(review.usage)
    let run = "Run \(Defanged.codeSpan(review.run))."
    let help = "\(Defanged.codeSpan("@\(handle) help")) lists what can be asked."
    return "<sub>" + [cost, run, help].filter { !$0.isEmpty }.joined(separator: " ") + "</sub>"
  }
}
