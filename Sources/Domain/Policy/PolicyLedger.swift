public import Foundation

/// What policies did to one pull request, so that nothing is done twice and loops are cut.
public struct PolicyLedger: Sendable, Hashable, Codable {
  public struct Deed: Sendable, Hashable, Codable {
    /// When it was begun, the last first few.
    public var times: [Date]
    /// Begun, and not known to be done.
    public var isPending: Bool
    /// Told that it is cut off.
    public var isCut: Bool
  }

  public enum Admission: Sendable, Hashable {
    case go
    /// Begun before, and it is not known whether it was done: look first.
    case look
    case done
    /// The sentence for whoever reads; `isNew`: nobody was told yet.
    case cut(String, isNew: Bool)
  }

  /// The same action of a rule beyond this within `period` is a loop.
  public static let mostOfOne = 3
  /// All actions of a pull request within an hour.
  public static let mostInAnHour = 40
  public static let period: TimeInterval = 86_400
  private static let mostDeeds = 300
  /// When it was last said that an hour has seen too many.
  private var cutAt: Date?

  public private(set) var deeds: [String: Deed] = [:]
  /// Reasons for which merges were held when it was last said.
  public var held: String?
  /// What could not be done, in sentences by the deed's name, and the head that it was for.
  public private(set) var refusals: [String: String] = [:]
  private var refusalHead: String?
  /// The comment that tells of it, and what it says.
  public var refusalComment: Int64?
  public var refusalsTold: String?

  public init() {}

  /// The name of a deed: one that is done once for a head, or one that makes a state so.
  public static func key(
    rule: String, _ action: PolicyAction, head: String, text: String
  ) -> String {
    // FNV-1a, so that another text of the same rule is another deed.
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for byte in "\(rule)\u{0}\(action.summary)\u{0}\(text)".utf8 {
      hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01b3
    }
    let name = "\(action.name)-\(String(hash, radix: 16))"
    if action.isOncePerHead { return "\(name)-once-\(head.prefix(12))" }
    // A status is of one commit: another's is no repetition.
    return if case .status = action { "\(name)-\(head.prefix(12))" } else { name }
  }

  /// Notes that an action is begun, unless it must not be.
  public mutating func begin(_ key: String, _ action: PolicyAction, at now: Date) -> Admission {
    forget(before: now)
    var deed = deeds[key] ?? Deed(times: [], isPending: false, isCut: false)
    if action.isOncePerHead, !deed.times.isEmpty { return deed.isPending ? .look : .done }
    // The same one again: nobody undid it, its answer was lost.
    if deed.isPending { return .go }
    if !action.isOncePerHead { deed.times.removeAll { now.timeIntervalSince($0) > Self.period } }
    let hour = deeds.values.reduce(0) { count, deed in
      count + deed.times.count { now.timeIntervalSince($0) < 3_600 }
    }
    if deed.times.count >= Self.mostOfOne {
      let isNew = !deed.isCut
      deed.isCut = true
      deeds[key] = deed
      return .cut(
        "'\(action.summary)' was done \(deed.times.count) times in a day and undone each time; it is left alone now",
        isNew: isNew)
    }
    if hour >= Self.mostInAnHour {
      // Of all actions together, or each new one would be said to be cut off.
      let isNew = cutAt.map { abs(now.timeIntervalSince($0)) >= 3_600 } ?? true
      if isNew { cutAt = now }
      return .cut(
        "\(hour) actions were taken in an hour; nothing more is done for now", isNew: isNew)
    }
    deed.times.append(now)
    deed.isPending = true
    deeds[key] = deed
    return .go
  }

  public mutating func finish(_ key: String) {
    deeds[key]?.isPending = false
    refusals[key] = nil
  }

  /// It was refused: it may be tried again.
  public mutating func giveBack(_ key: String) {
    deeds[key]?.isPending = false
    if deeds[key]?.times.isEmpty == false { deeds[key]?.times.removeLast() }
    if deeds[key]?.times.isEmpty == true { deeds[key] = nil }
  }

  /// What was refused for an earlier head is asked for anew, or not at all.
  public mutating func refuse(_ key: String, head: String, _ sentence: String) {
    keepRefusals(of: head)
    if refusals.count < 50 { refusals[key] = sentence }
  }

  public mutating func keepRefusals(of head: String) {
    if refusalHead != head { refusals = [:] }
    refusalHead = head
  }

  private mutating func forget(before now: Date) {
    for (key, deed) in deeds {
      // What is done once for a head stays, as long as there is room.
      let isOld = deed.times.allSatisfy { now.timeIntervalSince($0) > Self.period }
      if isOld, !deed.isPending, !key.contains("-once-") || deeds.count > Self.mostDeeds {
        deeds[key] = nil
      }
    }
  }
}

extension PolicyAction {
  /// What cannot be seen to be so already, and would be said again and again.
  public var isOncePerHead: Bool {
    switch self {
    case .comment, .requestChanges, .approve, .notify, .dispatch, .review, .enrich, .learn, .queue,
      .updateBranch:
      true
    default: false
    }
  }
}
