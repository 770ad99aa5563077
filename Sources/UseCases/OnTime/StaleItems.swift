import Domain
import Foundation
import Jobs

/// Reminds of what nobody touches, takes the label off again where somebody answers, and closes what
/// stays quiet. Every deed is noted before it is begun, so that one that was cut off is found, and
/// none is done twice.
struct StaleItems: Sendable {
  struct Ports: Sendable {
    var forge: any Forge
    var notes: any PolicyNotes
    var audit: any AuditTrail
    var notices: NoticeQueue?
    var now: @Sendable () -> Date
  }

  let ports: Ports
  let access: ForgeAccess
  let policy: StalePolicy
  /// Who or what asked, as in `AuditEvent.actor`.
  let actor: String
  let job: String?

  static func key(_ forge: String, _ reference: PullRequestReference) -> String {
    "stale \(forge):\(reference)".lowercased()
  }

  static func mark(
    _ forge: String, _ reference: PullRequestReference, in notes: any PolicyNotes
  ) async throws(StoreError) -> PolicyMemory<StaleMark?> {
    try await PolicyMemory(key(forge, reference), in: notes, new: nil)
  }

  /// - Parameter begins: told before anything is changed on the forge, so that a deed that is cut off
  ///   is found.
  /// - Returns: whether anything was done, or tried.
  func visit(_ item: OpenItem, begins: () async throws -> Void = {}) async throws -> Bool {
    var memory = try await Self.mark(access.forge, item.reference, in: ports.notes)
    do {
      let answer = try await answer(item, &memory)
      switch policy.step(item, memory.value, answer: answer, now: ports.now()) {
      case .leave: return false
      case .remind(let reason):
        try await begins()
        try await remind(item, reason, &memory)
      case .wake(let reason):
        try await begins()
        try await wake(item, reason, &memory)
      case .close(let reason):
        try await begins()
        return try await close(item, reason, &memory)
      }
    } catch let error as ForgeError {
      // What the forge does not let Stet do with one item keeps it from none of the others.
      guard [.unauthorized, .rejected, .notFound].contains(error.code) else { throw error }
      memory.value = StaleMark(
        stage: .refused, at: ports.now(), label: policy.label, round: memory.value?.round ?? 1)
      try await memory.save()
      try await note("stale.refused", item, SecretMask.masked(error.detail).text)
    }
    return true
  }

  // MARK: What people did

  /// What happened to an item since people were reminded of it; `nil`: nobody answered. Stet's own
  /// label and comment changed it too, so what changed it is looked at once for each change.
  private func answer(
    _ item: OpenItem, _ memory: inout PolicyMemory<StaleMark?>, isSure: Bool = false
  ) async throws -> String? {
    guard let mark = memory.value, mark.stage == .reminded, !mark.isShadow, !policy.isShadow else {
      return nil
    }
    if !isSure, let seen = mark.seen, item.updatedAt <= seen { return nil }
    let reference = item.reference
    if item.kind == .pullRequests, let head = mark.head,
      try await ports.forge.pullRequest(reference).head != head
    {
      return "something was pushed"
    }
    // The forge's clock may be a little behind ours.
    let earliest = mark.at.addingTimeInterval(-1)
    let said = try await ports.forge.comments(on: reference, since: earliest).first {
      !$0.author.isBot && $0.createdAt >= earliest && HiddenMarker(of: $0.body) == nil
    }
    if let said { return "\(said.author.login) answered" }
    memory.value?.seen = item.updatedAt
    try await memory.save()
    return nil
  }

  // MARK: Deeds

  private func remind(
    _ item: OpenItem, _ reason: String, _ memory: inout PolicyMemory<StaleMark?>
  ) async throws {
    let before = memory.value
    if policy.isShadow {
      memory.value = StaleMark(
        stage: .reminded, at: ports.now(), label: policy.label, isShadow: true)
      try await memory.save()
      return try await note("stale.shadow", item, reason, ["action": "remind"])
    }
    let isCutOff = before?.stage == .reminding
    if !isCutOff {
      memory.value = StaleMark(
        stage: .reminding, at: ports.now(), label: policy.label,
        head: item.kind == .pullRequests
          ? try await ports.forge.pullRequest(item.reference).head : nil,
        round: (before?.round ?? 0) + 1)
      try await memory.save()
    }
    guard let mark = memory.value else { return }
    try await say(
      policy.message, Self.reminder(policy), item, reason, deed: "stale-remind-\(mark.round)",
      mayStand: isCutOff)
    try await ports.forge.setLabels(add: [mark.label], remove: [], on: item.reference)
    try await note("stale.reminded", item, reason, ["label": mark.label])
    memory.value?.stage = .reminded
    try await memory.save()
  }

  private func wake(
    _ item: OpenItem, _ reason: String, _ memory: inout PolicyMemory<StaleMark?>
  ) async throws {
    try await Self.wake(
      item.reference, because: reason, &memory, forge: ports.forge, has: item.has(label:),
      note: { try await note("stale.woken", item, $0, $1) })
  }

  /// Takes the label off, where it is there.
  static func wake(
    _ reference: PullRequestReference, because reason: String,
    _ memory: inout PolicyMemory<StaleMark?>, forge: any Forge, has: (String) -> Bool,
    note: (String, [String: String]) async throws -> Void
  ) async throws {
    guard let mark = memory.value else { return }
    if !mark.isShadow {
      if has(mark.label) {
        try await forge.setLabels(add: [], remove: [mark.label], on: reference)
      }
      try await note(reason, ["label": mark.label])
    }
    memory.value?.stage = .woken
    try await memory.save()
  }

  /// The item is read anew, at once before it is closed: somebody may have answered just now.
  private func close(
    _ listed: OpenItem, _ reason: String, _ memory: inout PolicyMemory<StaleMark?>
  ) async throws -> Bool {
    if policy.isShadow {
      memory.value?.stage = .closed
      try await memory.save()
      try await note("stale.shadow", listed, reason, ["action": "close"])
      return true
    }
    let isCutOff = memory.value?.stage == .closing
    guard let item = try await ports.forge.openItem(listed.reference) else {
      // Somebody else has closed it.
      memory.value?.stage = .closed
      try await memory.save()
      return false
    }
    if !isCutOff {
      let answer = try await answer(item, &memory, isSure: true)
      switch policy.step(item, memory.value, answer: answer, now: ports.now()) {
      case .close: break
      case .wake(let why):
        try await wake(item, why, &memory)
        return true
      case .leave, .remind: return false
      }
      memory.value?.stage = .closing
      try await memory.save()
    }
    guard let mark = memory.value else { return false }
    try await say(
      policy.closeMessage, Self.farewell, item, reason,
      deed: "stale-close-\(mark.round)", mayStand: isCutOff)
    try await ports.forge.closeItem(item.reference, item.kind)
    try await note("stale.closed", item, reason)
    try await ports.notices?.tell(notice(item, reason, mark), access: access)
    memory.value?.stage = .closed
    try await memory.save()
    return true
  }

  // MARK: Words

  private static func reminder(_ policy: StalePolicy) -> String {
    let end =
      policy.close.map {
        " It is closed in \(StalePolicy.time($0)) unless somebody answers"
          + "\(policy.kinds == [.issues] ? "." : " or pushes.")"
      } ?? ""
    return "Is this still of interest? Here {reason}.\(end)"
  }

  private static var farewell: String {
    "Closed, because {reason}. Reopen it if it still matters."
  }

  private func say(
    _ template: PolicyTemplate?, _ usual: String, _ item: OpenItem, _ reason: String,
    deed: String, mayStand: Bool
  ) async throws {
    let marker = HiddenMarker.rule(deed)
    if mayStand {
      let own = try await ports.forge.ownAccount()
      let isThere = try await ports.forge.comments(on: item.reference).contains {
        $0.author.isSame(as: own) && HiddenMarker(of: $0.body) == marker
      }
      if isThere { return }
    }
    guard let template = template ?? (try? PolicyTemplate(usual)) else { return }
    let words = template.rendered(item.facts(now: ports.now()), rule: "stale", reason: reason) {
      Defanged.message($0, limit: 2_000)
    }
    _ = try await ports.forge.comment("\(marker.text)\n\(words)", on: item.reference)
  }

  private func notice(_ item: OpenItem, _ reason: String, _ mark: StaleMark) -> Notice {
    Notice(
      id: "stale-closed-\(access.forge):\(item.reference)-\(mark.round)", event: .stale,
      severity: .note, forge: access.forge, repository: item.reference.repository,
      subject: "\(item.reference)", subjectTitle: item.title,
      headline: "Closed as stale: \(reason).", facts: [Notice.Fact("author", item.author.login)],
      at: ports.now())
  }

  private func note(
    _ action: String, _ item: OpenItem, _ reason: String, _ facts: [String: String] = [:]
  ) async throws(StoreError) {
    var facts = facts
    facts["reason"] = String(reason.prefix(300))
    try await ports.audit.append(
      AuditEvent(
        actor: actor, action: action, place: "\(access.forge):\(item.reference)",
        decidedBy: "stale", job: job, facts: facts))
  }
}

extension OpenItem {
  /// What a template may name; an issue has no branches and no commit.
  func facts(now: Date) -> PolicyFacts {
    PolicyFacts(
      event: .scheduled, repository: "\(reference.repository)", number: reference.number,
      title: title, author: .init(login: author.login, isBot: author.isBot), isDraft: isDraft,
      base: "", head: "", baseCommit: "", headCommit: "", createdAt: createdAt,
      updatedAt: updatedAt, now: now)
  }
}
