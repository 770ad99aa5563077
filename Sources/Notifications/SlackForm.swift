import Domain

/// A message as Slack's blocks.
enum SlackForm {
  // Slack's own bounds; longer texts are refused whole.
  static let longestHeader = 150
  static let longestSection = 2_900
  static let mostBlocks = 48

  static func payload(_ message: NoticeMessage) -> JSONValue {
    var blocks: [JSONValue] = []
    if message.items.count == 1, let item = message.items.first {
      blocks += self.blocks(item, title: message.title)
    } else {
      blocks.append(header(message.title))
      for item in message.items {
        if blocks.count >= mostBlocks - 1 { break }
        blocks.append(section("\(mark(item.severity)) \(link(item.title, item.url))"))
      }
      let hidden = message.items.count - (blocks.count - 1) + message.leftOut
      if hidden > 0 { blocks.append(context("and \(hidden) more")) }
    }
    // Where blocks are not shown, such as in a phone's notification, this is.
    return .object([
      "text": .string(escaped(cut(message.title, 300))), "blocks": .array(blocks),
      "unfurl_links": .bool(false), "unfurl_media": .bool(false),
    ])
  }

  private static func blocks(_ item: NoticeMessage.Item, title: String) -> [JSONValue] {
    var blocks = [section("\(mark(item.severity)) *\(bold(title, item.url))*")]
    if !item.facts.isEmpty {
      let fields = item.facts.prefix(10).map { fact in
        text("*\(escaped(fact.name))*\n\(escaped(fact.value))")
      }
      blocks.append(.object(["type": .string("section"), "fields": .array(fields)]))
    }
    var lines = ""
    for line in item.lines {
      let next = "• \(escaped(line))\n"
      if lines.utf8.count + next.utf8.count > longestSection { break }
      lines += next
    }
    if !lines.isEmpty { blocks.append(section(String(lines.dropLast()))) }
    var end = "\(item.event.rawValue) · \(escaped(item.repository))"
    if let run = item.run { end += " · run \(escaped(run))" }
    return blocks + [context(end)]
  }

  private static func header(_ title: String) -> JSONValue {
    .object([
      "type": .string("header"),
      "text": .object([
        "type": .string("plain_text"), "text": .string(cut(title, longestHeader)),
        "emoji": .bool(false),
      ]),
    ])
  }

  private static func section(_ words: String) -> JSONValue {
    .object(["type": .string("section"), "text": text(words)])
  }

  private static func context(_ words: String) -> JSONValue {
    .object(["type": .string("context"), "elements": .array([text(words)])])
  }

  private static func text(_ words: String) -> JSONValue {
    .object(["type": .string("mrkdwn"), "text": .string(words), "verbatim": .bool(true)])
  }

  private static func mark(_ severity: Severity) -> String {
    switch severity {
    case .error: ":red_circle:"
    case .warning: ":large_orange_circle:"
    case .note: ":large_blue_circle:"
    }
  }

  /// An asterisk inside would end the bold text.
  private static func bold(_ title: String, _ url: String?) -> String {
    link(title.replacing("*", with: "∗"), url)
  }

  private static func link(_ title: String, _ url: String?) -> String {
    guard let url else { return escaped(title) }
    return "<\(escaped(url))|\(escaped(title).replacing("|", with: "¦"))>"
  }

  /// With these three escaped nothing mentions anybody, links anywhere or names a channel.
  /// Source: Slack, "Formatting text for app surfaces".
  static func escaped(_ text: String) -> String {
    var result = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "&": result += "&amp;"
      case "<": result += "&lt;"
      case ">": result += "&gt;"
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result
  }

  static func cut(_ text: String, _ limit: Int) -> String {
    text.count <= limit ? text : String(text.prefix(limit - 1)) + "…"
  }
}
