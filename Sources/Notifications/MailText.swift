import Domain

/// The two parts of a mail.
enum MailText {
  static func plain(_ message: NoticeMessage) -> String {
    var lines = [message.title, ""]
    for item in message.items {
      if message.items.count > 1 { lines.append("[\(item.severity.rawValue)] \(item.title)") }
      if let url = item.url { lines.append(url) }
      lines += item.facts.map { "\($0.name): \($0.value)" }
      lines += item.lines.map { "- \($0)" }
      lines.append("")
    }
    if message.leftOut > 0 { lines += ["and \(message.leftOut) more", ""] }
    return (lines + ["-- ", footer(message)]).joined(separator: "\n") + "\n"
  }

  static func html(_ message: NoticeMessage) -> String {
    var html = """
      <!doctype html>
      <html lang="en"><head><meta charset="utf-8"><title>\(escaped(message.title))</title></head>
      <body style="font-family: sans-serif; color: #1f2328; max-width: 44em">
      <h1 style="font-size: 1.2em">\(escaped(message.title))</h1>

      """
    for item in message.items { html += section(item, isOnly: message.items.count == 1) }
    if message.leftOut > 0 { html += "<p>and \(message.leftOut) more</p>\n" }
    return html + "<p style=\"color: #59636e; font-size: 0.85em\">\(escaped(footer(message)))</p>\n"
      + "</body></html>\n"
  }

  private static func section(_ item: NoticeMessage.Item, isOnly: Bool) -> String {
    var html =
      "<div style=\"border-left: 4px solid \(colour(item.severity)); padding-left: 1em\">\n"
    if !isOnly { html += "<h2 style=\"font-size: 1em\">\(linked(item.title, item.url))</h2>\n" }
    if !item.facts.isEmpty {
      html += "<table>\n"
      for fact in item.facts {
        html +=
          "<tr><th align=\"left\">\(escaped(fact.name))</th><td>\(escaped(fact.value))</td></tr>\n"
      }
      html += "</table>\n"
    }
    if !item.lines.isEmpty {
      html += "<ul>\n" + item.lines.map { "<li>\(escaped($0))</li>\n" }.joined() + "</ul>\n"
    }
    if isOnly, let url = item.url { html += "<p>\(linked(url, url))</p>\n" }
    return html + "</div>\n"
  }

  private static func footer(_ message: NoticeMessage) -> String {
    let run = message.items.count == 1 ? message.items.first?.run : nil
    return "Sent by Stet" + (run.map { ", run \($0)" } ?? "")
      + ". The notify: section of .stet.yml, or the server's settings, say who is told of what."
  }

  private static func colour(_ severity: Severity) -> String {
    switch severity {
    case .error: "#cf222e"
    case .warning: "#bc4c00"
    case .note: "#0969da"
    }
  }

  private static func linked(_ text: String, _ url: String?) -> String {
    guard let url else { return escaped(text) }
    return "<a href=\"\(escaped(url))\">\(escaped(text))</a>"
  }

  static func escaped(_ text: String) -> String { HTMLText.escaped(text) }
}
