import Domain
import Foundation
import Hummingbird

/// An issue as a request gives it.
struct NewIssue: Sendable {
  var title: String
  var description: String
  var priority: TrackedIssue.Priority?

  init(title: String, description: String, _ priority: TrackedIssue.Priority?) {
    self.title = title
    self.description = description
    self.priority = priority
  }
}

/// What a request may say of an issue, and in which form.
enum IssueFields {
  static let longestTag = 50
  static let mostTags = 20

  /// What a `PATCH` changes; what it does not name stays.
  struct Change: Sendable {
    var title: String?
    var description: String?
    /// `.some(nil)` takes it away.
    var priority: TrackedIssue.Priority??
    var state: TrackedIssue.State?
    var tags: [String]?

    func apply(to issue: inout TrackedIssue) {
      if let title { issue.title = title }
      if let description { issue.description = description }
      if let priority { issue.priority = priority }
      if let state { issue.state = state }
      if let tags { issue.confirm(tags: tags) }
    }
  }

  static func title(_ fields: inout JSONFields, isRequired: Bool) -> String? {
    let title = fields.text(
      "title", isRequired: isRequired, maxBytes: 4 * IssueRoutes.longestTitle)?
      .trimmingCharacters(in: .whitespacesAndNewlines)
    if let title, title.isEmpty || title.count > IssueRoutes.longestTitle {
      fields.refuse("title", "It has to have 1 to \(IssueRoutes.longestTitle) characters.")
    }
    return title
  }

  /// The members of one issue that is made. Those that are wrong are in `fields`.
  static func issue(_ fields: inout JSONFields) -> NewIssue {
    let title = title(&fields, isRequired: true)
    let description = fields.text(
      "description", isRequired: true, maxBytes: IssueRoutes.longestDescription)
    return NewIssue(title: title ?? "", description: description ?? "", priority(&fields))
  }

  /// `issues` of a batch. Each mistake is named with its place, such as `issues[3].title`.
  static func issues(_ fields: inout JSONFields) -> [NewIssue] {
    let most = IssueRoutes.largestBatch
    guard let items = fields.value("issues")?.array, !items.isEmpty, items.count <= most else {
      fields.refuse("issues", "It has to be a list of 1 to \(most) issues.")
      return []
    }
    var issues: [NewIssue] = []
    for (place, item) in items.enumerated() {
      guard var members = JSONFields(item) else {
        fields.refuse("issues[\(place)]", "It has to be a JSON object.")
        continue
      }
      issues.append(issue(&members))
      for error in members.errors {
        fields.refuse("issues[\(place)].\(error.field)", error.message)
      }
    }
    return issues
  }

  static func priority(_ fields: inout JSONFields) -> TrackedIssue.Priority? {
    choice("priority", &fields)
  }

  /// Seconds; 0 where it is missing.
  static func delay(_ fields: inout JSONFields) -> Double {
    let most = IssueRoutes.longestDelay
    switch fields.value("delay") {
    case nil: return 0
    case .integer(let seconds)? where (0...most).contains(seconds): return Double(seconds)
    case .number(let seconds)? where seconds >= 0 && seconds <= Double(most): return seconds
    default:
      fields.refuse("delay", "It has to be a number of seconds from 0 to \(most).")
      return 0
    }
  }

  /// - Throws: a `Problem` for all that cannot be taken, and where nothing is named.
  static func change(_ fields: inout JSONFields) throws -> Change {
    var change = Change()
    if isNull("title", fields) { fields.refuse("title", "It cannot be taken away.") }
    change.title = title(&fields, isRequired: false)
    if isNull("description", fields) { fields.refuse("description", "It cannot be taken away.") }
    change.description = fields.text("description", maxBytes: IssueRoutes.longestDescription)
    if isNull("priority", fields) {
      change.priority = .some(nil)
    } else if let priority = priority(&fields) {
      change.priority = priority
    }
    change.state = choice("state", &fields)
    change.tags = tags(&fields)
    try fields.check()
    let names = ["title", "description", "priority", "state", "tags"]
    guard names.contains(where: { fields.names($0) }) else {
      throw Problem.fields([
        .init(
          field: "",
          message: "Nothing is to be changed: name one of \(names.joined(separator: ", ")).")
      ])
    }
    return change
  }

  private static func isNull(_ field: String, _ fields: JSONFields) -> Bool {
    fields.names(field) && !fields.has(field)
  }

  /// A list of texts, or one text with commas between them, as answers give them.
  private static func tags(_ fields: inout JSONFields) -> [String]? {
    let written: [String]
    switch fields.value("tags") {
    case nil: return fields.names("tags") ? [] : nil
    case .string(let text)?:
      written = text.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
        .filter { !(text.isEmpty && $0.isEmpty) }
    case .array(let items)?:
      written = items.compactMap(\.string)
      if written.count < items.count {
        fields.refuse("tags", "It has to be a list of strings, or one string with commas.")
        return nil
      }
    default:
      fields.refuse("tags", "It has to be a list of strings, or one string with commas.")
      return nil
    }
    let tags = written.map { $0.trimmingCharacters(in: .whitespacesAndNewlines) }
    if tags.count > mostTags { fields.refuse("tags", "There may be \(mostTags) at most.") }
    if Set(tags.map { $0.lowercased() }).count < tags.count {
      fields.refuse("tags", "One of them is named twice.")
    }
    let isOdd = tags.contains { tag in
      tag.isEmpty || tag.count > longestTag || tag.contains(",")
        || tag.unicodeScalars.contains { $0.properties.generalCategory == .control }
    }
    if isOdd {
      fields.refuse(
        "tags", "Each has to have 1 to \(longestTag) characters, none of them a comma.")
    }
    return tags
  }

  private static func choice<Value: RawRepresentable<String> & CaseIterable>(
    _ field: String, _ fields: inout JSONFields
  ) -> Value? {
    guard let text = fields.text(field, maxBytes: 100) else { return nil }
    let value = Value(rawValue: text)
    if value == nil { fields.refuse(field, mustBe(Value.self)) }
    return value
  }

  private static func mustBe<Value: RawRepresentable<String> & CaseIterable>(
    _ type: Value.Type
  ) -> String {
    "It has to be one of \(Value.allCases.map(\.rawValue).joined(separator: ", "))."
  }

  // MARK: Filters

  static let filters = [
    Operation.Parameter(
      name: "tag", place: .query, schema: Schema.text(),
      meaning: "Only issues with this tag; of several, with commas between them, with each."),
    Operation.Parameter(
      name: "state", place: .query,
      schema: Schema.one(of: TrackedIssue.State.allCases.map(\.rawValue)),
      meaning: "Only issues in this state."),
    Operation.Parameter(
      name: "status", place: .query, schema: Schema.one(of: ["pending", "enriched"]),
      meaning: "Only issues whose enrichment stands so."),
    Operation.Parameter(
      name: "priority", place: .query,
      schema: Schema.one(of: TrackedIssue.Priority.allCases.map(\.rawValue)),
      meaning: "Only issues of this priority."),
  ]

  /// - Throws: a `Problem` for all that cannot be taken.
  static func filter(_ request: Request) throws -> IssueFilter {
    let query = Query(request)
    var errors: [Problem.FieldError] = []
    var filter = IssueFilter()
    if let text = query["tag"] {
      filter.tags = text.split(separator: ",").map {
        $0.trimmingCharacters(in: .whitespacesAndNewlines)
      }.filter { !$0.isEmpty }
      if filter.tags.isEmpty || filter.tags.count > mostTags || text.utf8.count > 2_000 {
        errors.append(.init(field: "tag", message: "It has to name 1 to \(mostTags) tags."))
      }
    }
    if let text = query["state"] {
      filter.state = TrackedIssue.State(rawValue: text)
      if filter.state == nil {
        errors.append(.init(field: "state", message: mustBe(TrackedIssue.State.self)))
      }
    }
    if let text = query["status"] {
      filter.status = TrackedIssue.Status(rawValue: text)
      if filter.status == nil {
        errors.append(.init(field: "status", message: "It has to be one of pending, enriched."))
      }
    }
    if let text = query["priority"] {
      filter.priority = TrackedIssue.Priority(rawValue: text)
      if filter.priority == nil {
        errors.append(.init(field: "priority", message: mustBe(TrackedIssue.Priority.self)))
      }
    }
    guard errors.isEmpty else { throw Problem.fields(errors) }
    return filter
  }
}
