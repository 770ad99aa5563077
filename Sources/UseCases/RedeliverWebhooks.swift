public import Domain
public import Foundation
public import Jobs

/// Has webhooks sent again that the forge says failed, that are not in the inbox, and that no later
/// attempt brought. Forges do not do so by themselves.
public struct RedeliverWebhooks: Sendable {
  public struct Ports: Sendable {
    public var log: any DeliveryLog
    public var inbox: any Inbox
    public var notes: any PolicyNotes
    public var audit: any AuditTrail
    public var register: any RepositoryRegister
    /// Whether a hook's address is ours.
    public var isOurs: @Sendable (String) -> Bool
    public var now: @Sendable () -> Date

    public init(
      log: any DeliveryLog, inbox: any Inbox, notes: any PolicyNotes, audit: any AuditTrail,
      register: any RepositoryRegister, isOurs: @escaping @Sendable (String) -> Bool,
      now: @escaping @Sendable () -> Date = { Date() }
    ) {
      self.log = log
      self.inbox = inbox
      self.notes = notes
      self.audit = audit
      self.register = register
      self.isOurs = isOurs
      self.now = now
    }
  }

  /// Where the reading of one hook's log stands.
  struct State: Codable, Sendable {
    struct Failed: Codable, Sendable, Hashable {
      /// Of the newest attempt.
      var id: Int64
      var event: String
      var at: Date
      var status: Int
      /// How often Stet asked for it.
      var asked = 0
      var notBefore: Date?
    }

    struct Gap: Codable, Sendable, Hashable {
      var cursor: String
      var downTo: Int64
    }

    /// Up to which attempt the log was read.
    var through: Int64 = 0
    /// What a run had no time for.
    var gap: Gap?
    /// By delivery.
    var failed: [String: Failed] = [:]
    /// Until then the forge is not asked, because it refused.
    var refusedUntil: Date?
  }

  public struct Budget: Sendable {
    /// Of a hundred attempts each, for one hook.
    public var pages = 50
    /// Deliveries asked for in one run.
    public var redeliveries = 50
    public init() {}
  }

  /// GitHub sends nothing again that is older.
  static let oldest: TimeInterval = 3 * 86_400
  static let mostAsked = 3
  private static let page = 100

  let ports: Ports
  var budget = Budget()

  public init(ports: Ports) { self.ports = ports }

  public func handle(_ context: JobContext) async throws -> JobOutcome {
    try await run(
      job: context.job.id, age: ForgeFailure.age(of: context.job, at: ports.now()),
      progress: context.progress)
  }

  /// - Throws: `JobFailure`, or `CancellationError`.
  func run(
    job: String? = nil, age: Duration? = nil, progress: (String) -> Void = { _ in }
  ) async throws -> JobOutcome {
    var left = budget.redeliveries
    do {
      if ports.log.hasOneSource {
        try await read(.app, key: "app", job, &left)
      } else {
        var after: String?
        while true {
          let known = try await ports.register.repositories(after: after, limit: Self.page)
          for one in known where one.forge == ports.log.forge {
            try Task.checkCancellation()
            try await read(one.repository, job, &left)
          }
          guard known.count == Self.page, let last = known.last else { break }
          after = last.key
        }
      }
    } catch let error as ForgeError {
      return try ForgeFailure.outcome(error, at: ports.log.forge, age: age)
    } catch let error as StoreError {
      if error.code == .conflict { return try ForgeFailure.takenOver(at: "webhooks", age: age) }
      throw ForgeFailure.failure(error, isQueued: age != nil)
    }
    let asked = budget.redeliveries - left
    if asked == 0 { return .cancelled(reason: "every webhook has arrived") }
    progress("\(asked) webhooks are sent again")
    return .completed
  }

  /// The hooks of one repository that send here. A token that may not see them is not asked for a day.
  private func read(_ repository: RepositoryName, _ job: String?, _ left: inout Int) async throws {
    let place = "\(ports.log.forge):\(repository)".lowercased()
    var memory = try await PolicyMemory(
      "redelivery \(place)", in: ports.notes, new: State())
    if let until = memory.value.refusedUntil, until > ports.now() { return }
    do throws(ForgeError) {
      for hook in try await ports.log.hooks(in: repository) where ports.isOurs(hook.address) {
        guard case .repository(_, let id) = hook.source else { continue }
        do {
          try await read(hook.source, key: "\(place) \(id)", job, &left)
        } catch let error as ForgeError {
          throw error
        } catch {
          throw ForgeError(code: .unreachable, detail: "the log of webhooks is not kept: \(error)")
        }
      }
    } catch {
      guard error.code == .unauthorized || error.code == .notFound else { throw error }
      memory.value.refusedUntil = ports.now().addingTimeInterval(86_400)
      try await memory.save()
    }
  }

  private func read(
    _ source: DeliverySource, key: String, _ job: String?, _ left: inout Int
  ) async throws {
    let name = key == "app" ? "\(ports.log.forge) app" : key
    var memory = try await PolicyMemory("redelivery \(name)", in: ports.notes, new: State())
    try await read(source, into: &memory.value)
    try await memory.save()
    let oldest = ports.now().addingTimeInterval(-Self.oldest)
    memory.value.failed = memory.value.failed.filter { $0.value.at > oldest }
    let due = memory.value.failed.filter { ($0.value.notBefore ?? .distantPast) <= ports.now() }
      .sorted { ($0.value.at, $0.key) < ($1.value.at, $1.key) }
    for (delivery, failed) in due {
      if left <= 0 { break }
      try Task.checkCancellation()
      if try await ports.inbox.delivery(id: "\(ports.log.forge):\(delivery)") != nil {
        memory.value.failed[delivery] = nil
        continue
      }
      if failed.asked >= Self.mostAsked {
        memory.value.failed[delivery] = nil
        try await memory.save()
        try await note("webhook.given_up", delivery, failed, source, job)
        continue
      }
      left -= 1
      memory.value.failed[delivery]?.asked += 1
      // The forge sends it within a minute or so, and its next failure is seen by then.
      memory.value.failed[delivery]?.notBefore = ports.now().addingTimeInterval(
        600 * Double(1 << failed.asked))
      // Written before it is asked for: what is asked twice would be sent twice.
      try await memory.save()
      do throws(ForgeError) {
        try await ports.log.redeliver(failed.id, of: source)
      } catch {
        guard error.code == .notFound || error.code == .rejected else { throw error }
        memory.value.failed[delivery] = nil
        try await note(
          "webhook.refused", delivery, failed, source, job,
          ["because": SecretMask.masked(error.detail).text])
        continue
      }
      try await note("webhook.redelivered", delivery, failed, source, job)
    }
    try await memory.save()
  }

  // MARK: The log

  /// Reads what is new, then what earlier runs had no time for.
  private func read(_ source: DeliverySource, into state: inout State) async throws {
    let oldest = ports.now().addingTimeInterval(-Self.oldest)
    var pages = budget.pages
    let before = state.through
    var arrived: Set<String> = []
    var highest = before
    var rest = try await walk(
      source, from: nil, downTo: before, oldest, &pages, &state, &arrived, &highest)
    state.through = highest
    if rest == nil, let gap = state.gap {
      rest = try await walk(
        source, from: gap.cursor, downTo: gap.downTo, oldest, &pages, &state, &arrived, &highest)
      state.gap = rest.map { State.Gap(cursor: $0, downTo: gap.downTo) }
    } else if let rest {
      state.gap = State.Gap(cursor: rest, downTo: min(before, state.gap?.downTo ?? before))
    }
  }

  /// - Returns: where to go on; `nil` at the end.
  private func walk(
    _ source: DeliverySource, from start: String?, downTo lowest: Int64, _ oldest: Date,
    _ pages: inout Int, _ state: inout State, _ arrived: inout Set<String>, _ highest: inout Int64
  ) async throws -> String? {
    var cursor = start
    while true {
      if pages <= 0 { return cursor }
      pages -= 1
      let page = try await ports.log.deliveries(of: source, cursor: cursor)
      for item in page.items {
        if item.id <= lowest || item.at < oldest { return nil }
        highest = max(highest, item.id)
        note(item, in: &state, &arrived)
      }
      guard let next = page.next, !page.items.isEmpty else { return nil }
      cursor = next
    }
  }

  /// Newest first: what arrived later takes away what failed before.
  private func note(
    _ item: SentDelivery, in state: inout State, _ arrived: inout Set<String>
  ) {
    if item.arrived {
      arrived.insert(item.delivery)
      state.failed[item.delivery] = nil
    } else if !arrived.contains(item.delivery), item.event != "ping" {
      var failed =
        state.failed[item.delivery]
        ?? State.Failed(id: item.id, event: item.event, at: item.at, status: item.status)
      if item.id > failed.id { (failed.id, failed.status) = (item.id, item.status) }
      failed.at = min(failed.at, item.at)
      state.failed[item.delivery] = failed
    }
  }

  private func note(
    _ action: String, _ delivery: String, _ failed: State.Failed, _ source: DeliverySource,
    _ job: String?, _ more: [String: String] = [:]
  ) async throws(StoreError) {
    var facts = more
    facts["delivery"] = delivery
    facts["event"] = failed.event
    facts["reason"] =
      failed.status == 0
      ? "the forge could not deliver it" : "the forge was answered \(failed.status)"
    let place =
      switch source {
      case .app: ports.log.forge
      case .repository(let repository, _): "\(ports.log.forge):\(repository)"
      }
    try await ports.audit.append(
      AuditEvent(
        actor: "schedule:redeliver", action: action, place: place, decidedBy: "redelivery",
        job: job, facts: facts))
  }
}
