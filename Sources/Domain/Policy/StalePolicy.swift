public import Foundation

/// What becomes of issues and pull requests that nobody touches: people are reminded, and what stays
/// quiet after that is closed.
public struct StalePolicy: Sendable, Hashable {
  public enum Kind: String, Sendable, Hashable, Codable, CaseIterable {
    case issues
    case pullRequests = "pull_requests"
  }

  public enum Milestones: Sendable, Hashable {
    /// A milestone protects from nothing.
    case none
    /// Any of them does.
    case all
    case named([NameGlob])
  }

  public var kinds: Set<Kind>
  /// Seconds in which nothing happened, after which people are reminded.
  public var remind: Int
  /// Seconds after the reminder in which nobody answered, after which it is closed; `nil`: never.
  public var close: Int?
  /// Shows that people were reminded.
  public var label: String
  public var exemptLabels: [NameGlob]
  public var exemptMilestones: Milestones
  public var exemptDrafts: Bool
  /// What somebody is assigned to.
  public var exemptAssigned: Bool
  /// `nil`: Stet's own words.
  public var message: PolicyTemplate?
  public var closeMessage: PolicyTemplate?
  /// Only recorded, not carried out.
  public var isShadow: Bool

  public init(
    kinds: Set<Kind> = Set(Kind.allCases), remind: Int = 60 * 86_400, close: Int? = 14 * 86_400,
    label: String = "stale", exemptLabels: [NameGlob] = [], exemptMilestones: Milestones = .none,
    exemptDrafts: Bool = false, exemptAssigned: Bool = false, message: PolicyTemplate? = nil,
    closeMessage: PolicyTemplate? = nil, isShadow: Bool = false
  ) {
    self.kinds = kinds
    self.remind = remind
    self.close = close
    self.label = label
    self.exemptLabels = exemptLabels
    self.exemptMilestones = exemptMilestones
    self.exemptDrafts = exemptDrafts
    self.exemptAssigned = exemptAssigned
    self.message = message
    self.closeMessage = closeMessage
    self.isShadow = isShadow
  }
}

/// An open issue or pull request as a forge lists it.
public struct OpenItem: Sendable, Hashable {
  public var reference: PullRequestReference
  public var kind: StalePolicy.Kind
  public var title: String
  public var author: ForgeAccount
  public var labels: [String]
  public var isDraft: Bool
  /// Its title.
  public var milestone: String?
  public var isAssigned: Bool
  public var createdAt: Date
  /// When anything happened to it last, by whomever.
  public var updatedAt: Date

  public init(
    reference: PullRequestReference, kind: StalePolicy.Kind, title: String, author: ForgeAccount,
    labels: [String] = [], isDraft: Bool = false, milestone: String? = nil,
    isAssigned: Bool = false, createdAt: Date, updatedAt: Date
  ) {
    self.reference = reference
    self.kind = kind
    self.title = title
    self.author = author
    self.labels = labels
    self.isDraft = isDraft
    self.milestone = milestone
    self.isAssigned = isAssigned
    self.createdAt = createdAt
    self.updatedAt = updatedAt
  }

  /// - Parameter label: letters of either case are the same to forges.
  public func has(label: String) -> Bool {
    labels.contains { $0.lowercased() == label.lowercased() }
  }
}

/// What was done about one item that grew stale.
public struct StaleMark: Sendable, Hashable, Codable {
  public enum Stage: String, Sendable, Hashable, Codable {
    /// Begun, and not known to be done.
    case reminding
    case reminded
    /// Begun, and not known to be done.
    case closing
    case closed
    /// Somebody answered; it begins anew.
    case woken
    /// The forge did not let Stet; it is left alone for a while.
    case refused
  }

  public var stage: Stage
  /// When people were reminded.
  public var at: Date
  /// The label that was set.
  public var label: String
  /// The head of a pull request when people were reminded.
  public var head: String?
  /// Up to which change of the item nobody had answered.
  public var seen: Date?
  /// Nothing was said: the policy only records.
  public var isShadow: Bool
  /// How often people were reminded.
  public var round: Int

  public init(
    stage: Stage, at: Date, label: String, head: String? = nil, seen: Date? = nil,
    isShadow: Bool = false, round: Int = 1
  ) {
    self.stage = stage
    self.at = at
    self.label = label
    self.head = head
    self.seen = seen
    self.isShadow = isShadow
    self.round = round
  }
}

/// What follows for one item now, with the reason in a sentence.
public enum StaleStep: Sendable, Hashable {
  case leave(String)
  case remind(String)
  /// Takes the label off again.
  case wake(String)
  case close(String)

  public var reason: String {
    switch self {
    case .leave(let reason), .remind(let reason), .wake(let reason), .close(let reason): reason
    }
  }
}

extension StalePolicy {
  /// - Parameters:
  ///   - mark: what was done before; `nil` for nothing.
  ///   - answer: what people did since they were reminded, in words; `nil`: nothing is known.
  public func step(
    _ item: OpenItem, _ mark: StaleMark?, answer: String? = nil, now: Date
  ) -> StaleStep {
    // What a policy only recorded was never said.
    let mark = mark?.isShadow == isShadow ? mark : nil
    if let exemption = exemption(of: item) {
      switch mark?.stage {
      case .reminding, .reminded, .closing: return .wake(exemption)
      default: return .leave(exemption)
      }
    }
    switch mark?.stage {
    case .reminding: return .remind("nothing happened for \(Self.time(remind))")
    case .closing: return .close(closing)
    case .reminded: return after(mark, item, answer, now)
    case .refused where now.timeIntervalSince(mark?.at ?? now) < Self.afterRefusal:
      return .leave("the forge did not let Stet remind of it")
    case .closed where mark?.isShadow == true: return .leave("it would have been closed")
    case .closed, .woken, .refused, nil:
      let idle = now.timeIntervalSince(item.updatedAt)
      guard idle >= Double(remind) else {
        return .leave("something happened in the last \(Self.time(remind))")
      }
      return .remind(
        "nothing happened for \(Self.time(Int(idle))); the limit is \(Self.time(remind))")
    }
  }

  /// Seconds until what a forge refused is tried again.
  static let afterRefusal = 7.0 * 86_400

  private var closing: String { "nobody answered the reminder in \(Self.time(close ?? 0))" }

  private func after(
    _ mark: StaleMark?, _ item: OpenItem, _ answer: String?, _ now: Date
  ) -> StaleStep {
    guard let mark else { return .leave("nobody was reminded") }
    if let answer { return .wake(answer) }
    if mark.isShadow, item.updatedAt > mark.at { return .wake("something happened") }
    if !mark.isShadow, !item.has(label: mark.label) {
      return .wake("the label '\(mark.label)' was taken off")
    }
    guard let close else { return .leave("people were reminded, and it is never closed") }
    if now.timeIntervalSince(mark.at) >= Double(close) { return .close(closing) }
    return .leave("people were reminded less than \(Self.time(close)) ago")
  }

  /// Why an item is never stale; `nil` where it may be.
  public func exemption(of item: OpenItem) -> String? {
    if let label = item.labels.first(where: { label in
      exemptLabels.contains { $0.matches(label) }
    }) {
      return "the label '\(label)' protects it"
    }
    if exemptDrafts, item.isDraft { return "drafts are left alone" }
    if exemptAssigned, item.isAssigned { return "somebody is assigned to it" }
    switch (exemptMilestones, item.milestone) {
    case (.all, let milestone?): return "the milestone '\(milestone)' protects it"
    case (.named(let names), let milestone?) where names.contains { $0.matches(milestone) }:
      return "the milestone '\(milestone)' protects it"
    default: return nil
    }
  }

  /// Whole days where there are any, else hours, minutes or seconds.
  public static func time(_ seconds: Int) -> String {
    for (size, name) in [(86_400, "day"), (3_600, "hour"), (60, "minute")] where seconds >= size {
      let count = seconds / size
      return "\(count) \(name)\(count == 1 ? "" : "s")"
    }
    return "\(seconds) second\(seconds == 1 ? "" : "s")"
  }
}

extension OpenItem {
  /// A pull request as facts have it. Facts say nothing of milestones.
  public init?(_ facts: PolicyFacts) {
    guard facts.state == .open, let repository = RepositoryName(facts.repository) else {
      return nil
    }
    self.init(
      reference: PullRequestReference(repository, facts.number), kind: .pullRequests,
      title: facts.title,
      author: ForgeAccount(id: 0, login: facts.author.login, isBot: facts.author.isBot),
      labels: facts.labels, isDraft: facts.isDraft, isAssigned: !facts.assignees.isEmpty,
      createdAt: facts.createdAt, updatedAt: facts.updatedAt)
  }
}
