import Domain
import Foundation

extension ActionCarrying {
  private static let marker = HiddenMarker.rule("refused")

  /// What could not be done stands on the pull request, where whoever wrote the rule looks first: in
  /// one comment, edited in place.
  func tellRefusals(
    _ facts: PolicyFacts, _ memory: inout PolicyMemory<PolicyLedger>
  ) async throws {
    let refusals = memory.value.refusals.values.sorted()
    let told = memory.value.refusalsTold
    if refusals.isEmpty, told == nil { return }
    let body = Self.body(refusals)
    if body == told { return }
    do {
      memory.value.refusalComment = try await put(body, memory.value.refusalComment)
      try await ports.audit.append(
        AuditEvent(
          actor: arguments.askedBy, action: "policy.refusals_told", place: place,
          decidedBy: "policy", job: job,
          facts: ["reason": "\(refusals.count) actions of rules could not be done"]))
    } catch let error as ForgeError where !error.isPassing {
      // Whoever may not comment either is told by the trail and by the job alone.
    }
    memory.value.refusalsTold = body
    try await memory.save()
  }

  /// - Returns: the comment's number.
  private func put(_ body: String, _ known: Int64?) async throws(ForgeError) -> Int64 {
    if let known {
      do throws(ForgeError) {
        try await forge.edit(comment: known, in: reference.repository, to: body)
        return known
      } catch {
        // Somebody deleted it.
        guard error.code == .notFound else { throw error }
      }
    }
    // A try before this one may have ended before it could note that it was heard.
    let own = try await forge.ownAccount()
    let found = try await forge.comments(on: reference).first {
      $0.author.isSame(as: own) && HiddenMarker(of: $0.body) == Self.marker
    }
    if let found {
      if found.body != body {
        try await forge.edit(comment: found.id, in: reference.repository, to: body)
      }
      return found.id
    }
    return try await forge.comment(body, on: reference).id
  }

  private static func body(_ refusals: [String]) -> String {
    guard !refusals.isEmpty else {
      return marker.text + "\nNothing that the rules ask for is refused any more."
    }
    let lines = refusals.prefix(20).map {
      "- " + Defanged.forMarkdown($0, oneLine: true, limit: 400)
    }
    let more = refusals.count > 20 ? ["- and \(refusals.count - 20) more"] : []
    return marker.text + "\nRules of `.stet.yml` ask for what could not be done:\n\n"
      + (lines + more).joined(separator: "\n")
  }
}
