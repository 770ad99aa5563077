import Domain
import Foundation

/// A message as mail: headers, a plain and an HTML part.
/// Source: RFC 5322, RFC 2045 to 2047.
struct MailForm {
  /// `NAME <ADDRESS>` without the name's quotes, or an address.
  var from: MailSender
  var to: String
  var date: Date

  static let lineEnd = "\r\n"

  /// Lines end in CRLF and have at most 998 bytes, none of them beyond ASCII.
  func text(_ message: NoticeMessage) -> String {
    let boundary = "stet-" + Self.word(message.id)
    var lines = headers(message)
    lines += [
      "MIME-Version: 1.0",
      "Content-Type: multipart/alternative; boundary=\"\(boundary)\"", "",
    ]
    for (type, text) in [("plain", MailText.plain(message)), ("html", MailText.html(message))] {
      lines += [
        "--\(boundary)", "Content-Type: text/\(type); charset=utf-8",
        "Content-Transfer-Encoding: quoted-printable", "", QuotedPrintable.encoded(text),
      ]
    }
    lines += ["--\(boundary)--", ""]
    return lines.joined(separator: Self.lineEnd)
  }

  private func headers(_ message: NoticeMessage) -> [String] {
    let domain = MailAddress.domain(of: from.address) ?? "localhost"
    var headers = [
      "Date: \(Self.dated(date))",
      "From: \(from.header)", "To: <\(to)>",
      "Subject: \(HeaderText.encoded(message.title, after: 9))",
      // The same for each try, so that a reader sees a doubled mail as one.
      "Message-ID: <\(Self.word(message.id)).\(Self.word(to, longest: 60))@\(domain)>",
      // Whatever answers mail by itself leaves this one alone.
      "Auto-Submitted: auto-generated", "X-Auto-Response-Suppress: All",
      "X-Stet-Severity: \(message.severity.rawValue)",
    ]
    if let thread = thread(message) {
      let id = "<\(Self.word(thread, longest: 150)).thread@\(domain)>"
      headers += ["References: \(id)", "In-Reply-To: \(id)"]
    }
    return headers
  }

  /// Mails about one pull request stand together.
  private func thread(_ message: NoticeMessage) -> String? {
    message.items.count == 1 ? message.items.first?.subject : nil
  }

  /// Letters, digits, dots and dashes.
  static func word(_ text: String, longest: Int = 100) -> String {
    var word = ""
    for byte in text.utf8.prefix(longest) {
      let isPlain =
        (0x30...0x39).contains(byte) || (0x61...0x7A).contains(byte | 0x20) && byte < 0x80
        || byte == 0x2D
      word.unicodeScalars.append(isPlain ? Unicode.Scalar(byte) : "-")
    }
    return word.isEmpty ? "none" : word
  }

  /// Such as `Sun, 22 Nov 2026 01:02:03 +0000`.
  static func dated(_ date: Date) -> String {
    let seconds = Int(date.timeIntervalSince1970.rounded(.down))
    var time = tm()
    var clock = time_t(seconds)
    gmtime_r(&clock, &time)
    let days = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
    let months = [
      "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]
    func two(_ number: Int32) -> String { number < 10 ? "0\(number)" : "\(number)" }
    return "\(days[Int(time.tm_wday)]), \(two(time.tm_mday)) \(months[Int(time.tm_mon)]) "
      + "\(Int(time.tm_year) + 1_900) \(two(time.tm_hour)):\(two(time.tm_min)):"
      + "\(two(time.tm_sec)) +0000"
  }
}

/// Who sends: an address, and perhaps a name before it in angle brackets.
public struct MailSender: Sendable, Equatable {
  public var name: String?
  public var address: String

  /// `stet@example.org` or `Stet <stet@example.org>`; `nil` for another form.
  public init?(_ text: String) {
    if MailAddress.isValid(text) {
      address = text
      return
    }
    guard text.hasSuffix(">"), let open = text.lastIndex(of: "<") else { return nil }
    let inner = String(text[text.index(after: open)...].dropLast())
    let name = text[..<open].trimmingCharacters(in: CharacterSet(charactersIn: " \""))
    guard MailAddress.isValid(inner), !name.isEmpty,
      name.unicodeScalars.allSatisfy({ $0.value >= 0x20 && $0.value != 0x7F })
    else { return nil }
    self.name = name
    address = inner
  }

  var header: String {
    guard let name else { return "<\(address)>" }
    return "\(HeaderText.phrase(name)) <\(address)>"
  }
}
