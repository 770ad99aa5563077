public import Foundation

/// When something recurs, in the five fields of cron: minute, hour, day of the month, month, day of
/// the week.
public struct CronExpression: Sendable, Hashable, CustomStringConvertible {
  public let description: String

  /// - Throws: `CronError` with what is wrong, where.
  public init(_ text: String) throws(CronError) {
    description = text
    throw CronError("not written yet")
  }

  /// The first time after `date` in a place; `nil` where there is none within five years.
  public func next(after date: Date, in zone: TimeZone) -> Date? { nil }
}

public struct CronError: Error, Sendable, Hashable, CustomStringConvertible {
  public var description: String
  init(_ description: String) { self.description = description }
}
