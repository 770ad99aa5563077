import Domain
import Foundation

/// The one comment that says what Stet makes of an issue. It is edited in place.
struct EnrichmentComment: Sendable {
  enum Labels: Sendable {
    /// They wait for a person's word.
    case proposed
    case set
    /// A person did not want them.
    case declined
  }

  var summary: String
  var source: TrackedIssue.Source
  var labels: [String]
  var state: Labels
  /// Numbers of earlier issues.
  var duplicates: [TrackedIssue.Duplicate]
  /// Sentences about the set-up, such as a policy that could not be read.
  var notes: [String] = []
  var handle = "stet"

  var body: String {
    var parts = [HiddenMarker.enrichment.text]
    if !summary.isEmpty { parts.append(Defanged.forMarkdown(summary, oneLine: true, limit: 1_000)) }
    if !labels.isEmpty { parts.append(labelLine) }
    if !duplicates.isEmpty {
      let list = duplicates.map { "#\($0.id) (\(Self.shown($0)))" }
      parts.append("Perhaps the same: \(list.joined(separator: ", ")).")
    }
    parts += notes.map { "> " + Defanged.forMarkdown($0, oneLine: true, limit: 600) }
    let who = source == .fallback ? "No model was asked. " : ""
    parts.append(
      "<sub>\(who)\(Defanged.codeSpan("@\(handle) enrich")) has me look again.</sub>")
    return parts.joined(separator: "\n\n") + "\n"
  }

  private var labelLine: String {
    let list = labels.map { Defanged.codeSpan($0) }.joined(separator: ", ")
    switch state {
    case .set: return "Labels: \(list). Take away what is wrong: I learn from it."
    case .proposed:
      return "Labels that fit: \(list). A 👍 on this comment, by somebody who may triage here, sets "
        + "them; a 👎 drops them."
    case .declined: return "Labels that were not wanted: \(list)."
    }
  }

  /// With what it was found by.
  private static func shown(_ duplicate: TrackedIssue.Duplicate) -> String {
    func percent(_ score: Double) -> String {
      "\(Int((min(1, max(0, score)) * 100).rounded())) % alike"
    }
    let parts = [
      duplicate.words.map { percent($0) + " in words" },
      duplicate.meaning.map { percent($0) + " in meaning" },
    ]
    return parts.compactMap(\.self).joined(separator: ", ")
  }
}
