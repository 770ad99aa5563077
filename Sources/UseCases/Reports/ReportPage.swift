import Domain

extension RepositoryReport {
  /// Headings, tables and plots without a page around them, for one that has its own style.
  public var htmlFragment: String { ReportPage.body(self) }
}

/// A report as one page that loads nothing: style and plots stand in it.
enum ReportPage {
  static func html(_ report: RepositoryReport) -> String {
    let title = escaped(ReportFigures.title(report))
    return """
      <!doctype html>
      <html lang="en">
      <head>
      <meta charset="utf-8">
      <meta name="viewport" content="width=device-width, initial-scale=1">
      <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
      <title>\(title)</title>
      <style>
      body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #1f2328; background: #fff; }
      h1 { font-size: 1.4rem; } h2 { font-size: 1.1rem; }
      table { border-collapse: collapse; margin: 1rem 0; }
      th, td { padding: .25rem .75rem; border-bottom: 1px solid #d0d7de; text-align: right; }
      th:first-child, td:first-child { text-align: left; }
      table.figures td { text-align: left; }
      svg { max-width: 100%; height: auto; }
      .note { color: #59636e; }
      </style>
      </head>
      <body>
      \(body(report))</body>
      </html>

      """
  }

  static func body(_ report: RepositoryReport) -> String {
    var html = """
      <h1>\(escaped(ReportFigures.title(report)))</h1>
      <table class="figures">

      """
    for (name, value) in ReportFigures.rows(report) {
      html += "<tr><th scope=\"row\">\(escaped(name))</th><td>\(escaped(value))</td></tr>\n"
    }
    html += "</table>\n"
    if !report.categories.isEmpty {
      html += "<h2>Findings and what became of them</h2>\n"
      html += ReportPlot.fates(report.categories) + "<table>\n<tr>"
      html += ReportFigures.columns.map { "<th scope=\"col\">\(escaped($0))</th>" }.joined()
      html += "</tr>\n"
      for rate in report.categories {
        let cells = ReportFigures.cells(rate).map { "<td>\(escaped($0))</td>" }
        html += "<tr>\(cells.joined())</tr>\n"
      }
      html += "</table>\n"
    }
    if report.days.count > 1 {
      html += "<h2>By day</h2>\n"
      html += ReportPlot.days("Findings", report.days.map { ($0.day, Double($0.findings)) })
      html += ReportPlot.days("Cost in US$", report.days.map { ($0.day, $0.costUSD) })
    }
    for note in report.notes { html += "<p class=\"note\">\(escaped(note))</p>\n" }
    return html
  }

  static func escaped(_ text: String) -> String {
    HTMLText.escaped(HiddenText.stripped(text).text)
  }
}

/// Plots as SVG, each with its figures as text for those who do not see it.
enum ReportPlot {
  private static let colours: [(FindingFate, String)] = [
    (.fixed, "#1a7f37"), (.resolved, "#4ac26b"), (.open, "#d0d7de"), (.ignored, "#bf8700"),
    (.disputed, "#cf222e"),
  ]

  /// One bar for each category, parted by fate.
  static func fates(_ rates: [OutcomeRate]) -> String {
    let shown = rates.prefix(15)
    let most = Double(shown.map(\.findings).max() ?? 1)
    let (left, width, row) = (180.0, 480.0, 24.0)
    let height = Double(shown.count) * row + 34
    var body = ""
    for (index, rate) in shown.enumerated() {
      let top = Double(index) * row + 4
      body += text(left - 8, top + 13, clipped(rate.name, 24), anchor: "end")
      var x = left
      for (fate, colour) in colours {
        let count = rate.fates[fate] ?? 0
        guard count > 0 else { continue }
        let length = width * Double(count) / max(1, most)
        body +=
          "<rect x=\"\(number(x))\" y=\"\(number(top))\" width=\"\(number(length))\" "
          + "height=\"16\" fill=\"\(colour)\"><title>\(fate.rawValue) \(count)</title></rect>\n"
        x += length
      }
      body += text(x + 6, top + 13, "\(rate.findings)", anchor: "start")
    }
    var x = left
    for (fate, colour) in colours {
      body +=
        "<rect x=\"\(number(x))\" y=\"\(number(height - 18))\" width=\"12\" height=\"12\" fill=\"\(colour)\"/>\n"
      body += text(x + 16, height - 8, fate.rawValue, anchor: "start")
      x += 90
    }
    let words = shown.map { "\($0.name) \($0.findings)" }.joined(separator: ", ")
    return svg(left + width + 60, height, "Findings by category: \(words)", body)
  }

  static func days(_ name: String, _ values: [(day: String, value: Double)]) -> String {
    let most = values.map(\.value).max() ?? 0
    let (left, width, height) = (48.0, 620.0, 120.0)
    let step = width / Double(max(1, values.count))
    var body = text(left, 14, name, anchor: "start")
    body +=
      text(left - 6, 34, short(most), anchor: "end")
      + text(left - 6, height + 24, "0", anchor: "end")
    for (index, entry) in values.enumerated() {
      let bar = most > 0 ? entry.value / most * height : 0
      body +=
        "<rect x=\"\(number(left + Double(index) * step))\" y=\"\(number(height + 24 - bar))\" "
        + "width=\"\(number(max(1, step * 0.8)))\" height=\"\(number(bar))\" fill=\"#0969da\">"
        + "<title>\(ReportPage.escaped(entry.day)): \(short(entry.value))</title></rect>\n"
    }
    if let first = values.first, let last = values.last {
      body += text(left, height + 42, first.day, anchor: "start")
      body += text(left + width, height + 42, last.day, anchor: "end")
    }
    let sum = values.reduce(0) { $0 + $1.value }
    return svg(left + width + 12, height + 50, "\(name) by day, \(short(sum)) in all", body)
  }

  private static func svg(
    _ width: Double, _ height: Double, _ label: String, _ body: String
  ) -> String {
    "<svg xmlns=\"http://www.w3.org/2000/svg\" role=\"img\" viewBox=\"0 0 \(number(width)) "
      + "\(number(height))\" width=\"\(number(width))\" height=\"\(number(height))\" "
      + "font-family=\"system-ui, sans-serif\" font-size=\"12\">\n"
      + "<title>\(ReportPage.escaped(label))</title>\n\(body)</svg>\n"
  }

  private static func text(_ x: Double, _ y: Double, _ words: String, anchor: String) -> String {
    "<text x=\"\(number(x))\" y=\"\(number(y))\" text-anchor=\"\(anchor)\">"
      + "\(ReportPage.escaped(words))</text>\n"
  }

  private static func clipped(_ text: String, _ limit: Int) -> String {
    text.count <= limit ? text : String(text.prefix(limit - 1)) + "…"
  }

  /// At most two decimals, with a point whatever the machine's language.
  private static func number(_ value: Double) -> String {
    let hundredths = Int((value * 100).rounded())
    let (whole, rest) = (hundredths / 100, abs(hundredths % 100))
    return rest == 0 ? "\(whole)" : "\(whole).\(rest < 10 ? "0" : "")\(rest)"
  }

  private static func short(_ value: Double) -> String { number(value) }
}
