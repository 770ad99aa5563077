import Domain
import Foundation

/// How `stet report` prints a report.
public enum ReportFormat: String, Sendable, Hashable, CaseIterable {
  case text, markdown, html, json

  /// - Returns: the whole document, with a final newline.
  public func render(_ report: RepositoryReport) throws -> String {
    switch self {
    case .text: ReportText.text(report)
    case .markdown: ReportText.markdown(report)
    case .html: ReportPage.html(report)
    case .json: try Self.json(report)
    }
  }

  private static func json(_ report: RepositoryReport) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    encoder.dateEncodingStrategy = .iso8601
    return String(decoding: try encoder.encode(report), as: UTF8.self) + "\n"
  }
}

/// The figures of a report in words, the same in every form.
enum ReportFigures {
  static func title(_ report: RepositoryReport) -> String {
    "\(report.repository ?? "All repositories"), \(day(report.from)) to "
      + day(report.to.addingTimeInterval(-1))
  }

  private static func day(_ date: Date) -> String {
    RepositoryReport.name(of: Int((date.timeIntervalSince1970 / 86_400).rounded(.down)))
  }

  static func rows(_ report: RepositoryReport) -> [(String, String)] {
    var rows: [(String, String)] = []
    if let opened = report.opened, let merged = report.merged, let closed = report.closed {
      rows.append(("opened", "\(opened)"))
      rows.append(("merged", "\(merged)"))
      rows.append(("closed unmerged", "\(closed)"))
      rows.append(("time to first review", spread(report.firstReview)))
      rows.append(("time to merge", spread(report.merge)))
    }
    rows.append(
      (
        "reviews",
        "\(report.reviews) of \(report.pullRequests) pull requests, \(report.failed) failed"
      ))
    let verdicts = report.verdicts.sorted { $0.key < $1.key }
    if !verdicts.isEmpty {
      rows.append(
        (
          "verdicts",
          verdicts.map { "\($0.value) \($0.key.replacing("_", with: " "))" }
            .joined(separator: ", ")
        ))
    }
    rows.append(("findings", "\(report.findings)"))
    rows.append(
      (
        "model calls",
        "\(report.modelCalls), \(report.inputTokens) tokens in, \(report.outputTokens) out"
      ))
    var cost = "$" + CostLine.dollars(report.costUSD)
    if report.unpriced > 0 { cost += ", and \(report.unpriced) calls without a known price" }
    rows.append(("cost", cost))
    return rows
  }

  static func spread(_ spread: RepositoryReport.Spread?) -> String {
    guard let spread else { return "none" }
    return "\(time(spread.median)) in the middle, \(time(spread.ninth)) for nine of ten"
  }

  static func time(_ seconds: Double) -> String {
    switch seconds {
    case ..<90: "\(Int(seconds.rounded())) s"
    case ..<5_400: "\(Int((seconds / 60).rounded())) min"
    case ..<172_800: "\(Int((seconds / 3_600).rounded())) h"
    default: "\(Int((seconds / 86_400).rounded())) days"
    }
  }

  static let columns = [
    "category", "findings", "fixed", "resolved", "disputed", "ignored", "open", "acted on",
  ]

  static func cells(_ rate: OutcomeRate) -> [String] {
    let fates = [FindingFate.fixed, .resolved, .disputed, .ignored, .open]
    return [rate.name, "\(rate.findings)"] + fates.map { "\(rate.fates[$0] ?? 0)" }
      + [rate.rate.map { "\($0.percent) %" } ?? "–"]
  }
}

enum ReportText {
  static func text(_ report: RepositoryReport) -> String {
    var lines = [ReportFigures.title(report), ""]
    let rows = ReportFigures.rows(report)
    let width = rows.map { $0.0.count }.max() ?? 0
    lines += rows.map { padded($0.0, width) + "  " + $0.1 }
    if !report.categories.isEmpty {
      lines.append("")
      let table =
        [ReportFigures.columns]
        + report.categories.map { rate in
          var cells = ReportFigures.cells(rate)
          cells[0] = Defanged.forTerminal(cells[0], oneLine: true, limit: 60)
          return cells
        }
      let widths = ReportFigures.columns.indices.map { column in
        table.map { $0[column].count }.max() ?? 0
      }
      for row in table {
        let cells = row.enumerated().map {
          $0 == 0 ? padded($1, widths[$0]) : right($1, widths[$0])
        }
        lines.append(cells.joined(separator: "  "))
      }
    }
    if report.days.count > 1 {
      lines += ["", "findings by day"]
      let most = max(1, report.days.map(\.findings).max() ?? 1)
      lines += report.days.suffix(31).map { day in
        let bar = String(repeating: "#", count: (day.findings * 40 + most - 1) / most)
        return "\(day.day)  \(right("\(day.findings)", 5))  \(bar)"
      }
    }
    if !report.notes.isEmpty { lines += [""] + report.notes.map { "note: \($0)" } }
    return lines.joined(separator: "\n") + "\n"
  }

  static func markdown(_ report: RepositoryReport) -> String {
    var lines = ["## \(ReportFigures.title(report))", "", "| | |", "|---|---|"]
    lines += ReportFigures.rows(report).map { "| \($0.0) | \($0.1) |" }
    if !report.categories.isEmpty {
      lines += ["", "| " + ReportFigures.columns.joined(separator: " | ") + " |"]
      lines.append("|---|" + String(repeating: "---:|", count: ReportFigures.columns.count - 1))
      lines += report.categories.map { rate in
        var cells = ReportFigures.cells(rate)
        cells[0] = Defanged.codeSpan(cells[0].replacing("|", with: "¦"), limit: 60)
        return "| " + cells.joined(separator: " | ") + " |"
      }
    }
    if !report.notes.isEmpty {
      lines += [""] + report.notes.map { Defanged.forMarkdown($0, oneLine: true, limit: 500) }
    }
    return lines.joined(separator: "\n") + "\n"
  }

  private static func padded(_ text: String, _ width: Int) -> String {
    text + String(repeating: " ", count: max(0, width - text.count))
  }

  private static func right(_ text: String, _ width: Int) -> String {
    String(repeating: " ", count: max(0, width - text.count)) + text
  }
}
