import Foundation
import Hummingbird

/// `?limit=` and `?before=` of a list, the newest first.
struct Paging {
  static let most = 100

  var limit: Int
  var before: String?

  init(_ request: Request) throws {
    let query = Query(request)
    limit = try query.integer("limit", in: 1...Self.most) ?? 50
    before = query["before"]
    if let before, before.utf8.count > 100 {
      throw Problem.fields([.init(field: "before", message: "It is the `next` of a page.")])
    }
  }
}

/// The parameters behind the question mark.
struct Query {
  private let values: [String: String]

  init(_ request: Request) {
    var values: [String: String] = [:]
    for pair in (request.uri.query ?? "").split(separator: "&") {
      let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      guard let name = parts.first.map(String.init), values[name] == nil else { continue }
      let value = parts.count == 2 ? String(parts[1]) : ""
      values[name] = value.removingPercentEncoding ?? value
    }
    self.values = values
  }

  subscript(name: String) -> String? { values[name] }

  /// - Throws: a `Problem`, 422, where it is there and is no whole number within the bounds.
  func integer(_ name: String, in bounds: ClosedRange<Int>) throws -> Int? {
    guard let text = values[name] else { return nil }
    guard let value = Int(text), bounds.contains(value) else {
      throw Problem.fields([
        .init(
          field: name,
          message: "It has to be a whole number from \(bounds.lowerBound) to \(bounds.upperBound).")
      ])
    }
    return value
  }
}
