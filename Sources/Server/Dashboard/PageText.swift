import Domain
import Foundation

/// How text of others, times and figures are shown on pages. Templates escape; here secrets are
/// masked, what cannot be seen is taken out, and all of it is bounded.
enum PageText {
  static func line(_ text: String, limit: Int = 200) -> String {
    Defanged.oneLine(SecretMask.masked(text).text, limit: limit)
  }

  static func block(_ text: String, limit: Int = 8_000) -> String {
    Defanged.forPlainJSON(SecretMask.masked(text).text, limit: limit)
  }

  static func words(_ name: String) -> String { name.replacing("_", with: " ") }

  /// `1 run`, `2 runs`.
  static func count(_ number: Int, _ one: String, _ many: String? = nil) -> String {
    "\(grouped(number)) \(number == 1 ? one : many ?? one + "s")"
  }

  static func grouped(_ number: Int) -> String {
    let digits = String(abs(number))
    var result = ""
    for (index, digit) in digits.enumerated() {
      if index > 0, (digits.count - index) % 3 == 0 { result += "\u{202F}" }
      result.append(digit)
    }
    return (number < 0 ? "-" : "") + result
  }

  static func span(_ seconds: Double) -> String {
    switch max(0, seconds) {
    case ..<10: "\((max(0, seconds) * 10).rounded() / 10) s"
    case ..<90: "\(Int(seconds.rounded())) s"
    case ..<5_400: "\(Int((seconds / 60).rounded())) min"
    case ..<172_800: "\(Int((seconds / 3_600).rounded())) h"
    default: "\(Int((seconds / 86_400).rounded())) days"
    }
  }

  static func dollars(_ cost: USD?) -> String? {
    cost.map { "$" + String(format: "%.4f", $0.value) }
  }
}

struct TimeView {
  /// For machines.
  var iso: String
  /// `2026-11-22 05:30 UTC`.
  var full: String
  /// `5 min ago`.
  var ago: String

  init(_ date: Date, now: Date) {
    iso = date.formatted(Date.ISO8601FormatStyle())
    full = String(iso.prefix(16)).replacing("T", with: " ") + " UTC"
    let seconds = now.timeIntervalSince(date)
    ago =
      seconds < -1
      ? "in \(PageText.span(-seconds))"
      : seconds < 10 ? "just now" : "\(PageText.span(seconds)) ago"
  }
}

/// Links that are built here, and go to the dashboard or to the forge that the settings name.
struct PageLinks: Sendable {
  /// `https://github.com`; anything but a web address gives no links.
  private let forge: String?
  private let webURL: String?

  init(forge: String?, webURL: String?) {
    self.forge = forge
    let url = webURL.flatMap { URLComponents(string: $0) }
    let isWeb = ["http", "https"].contains(url?.scheme?.lowercased() ?? "") && url?.host != nil
    self.webURL = isWeb ? webURL.map { $0.hasSuffix("/") ? String($0.dropLast()) : $0 } : nil
  }

  static func run(_ id: String) -> String { "/ui/runs/\(DashboardDoor.encoded(id))" }
  static func jobs(ofRun id: String) -> String { "/ui/jobs?run=\(DashboardDoor.encoded(id))" }
  static func report(_ name: RepositoryName) -> String { "/ui/reports/\(name.owner)/\(name.name)" }
  static func audit(_ place: String) -> String {
    "/ui/audit?place=\(DashboardDoor.encoded(place))"
  }

  /// - Parameter place: `github:OWNER/NAME#N`, or the same without the forge where there is one
  ///   only.
  func issue(_ place: String) -> String? {
    guard let webURL, let reference = reference(place) else { return nil }
    // The forge sends on to the pull request where it is one.
    return "\(webURL)/\(reference.repository)/issues/\(reference.number)"
  }

  func issue(_ forge: String, _ repository: RepositoryName, _ number: Int) -> String? {
    guard let webURL, forge == self.forge ?? forge else { return nil }
    return "\(webURL)/\(repository)/issues/\(number)"
  }

  func reference(_ place: String) -> PullRequestReference? {
    let parts = place.split(separator: ":", maxSplits: 1)
    if parts.count == 2, let forge, parts[0] != forge { return nil }
    return PullRequestReference(String(parts.last ?? ""))
  }
}
