/// What makes a webhook mean the same as another: its event, its action, its object, the head, and
/// whatever tells one occurrence from the next, such as the second of the last change, the texts,
/// and the label that was set.
///
/// A replay has all of them. So has the same event as told to a second hook of the same repository,
/// such as that of an App beside a plain one, which differs only in members left out here.
/// Some webhooks say nothing of when: a button pressed twice, or a repository taken from an
/// installation, given back and taken again, is the same text each time. To lose one would be
/// worse than to handle it twice, so their delivery is part of their meaning.
struct WebhookMeaning {
  var event: String
  var action: String?
  var delivery: String
  var json: RawJSON

  /// Hands each part to `take`; parts must be kept apart, as by their lengths.
  func parts(_ take: (ArraySlice<UInt8>) -> Void) {
    take(ArraySlice(event.utf8))
    take(ArraySlice((action ?? "").utf8))
    if !tellsOccurrences { take(ArraySlice(delivery.utf8)) }
    guard let members = Self.members[event] else {
      // Not known, or little beside what counts: all of it.
      return take(json.bytes)
    }
    let subjects = members + Self.companions
    let found = json.members(subjects + Self.ownMembers + ["repository"])
    let place = found.last??.members(["id", "pushed_at"]) ?? []
    take(place.first??.bytes ?? [])
    // Of other events it is the moment of an earlier push.
    if event == "push" { take(place.last??.bytes ?? []) }
    for member in found[subjects.count...].dropLast() { take(member?.bytes ?? []) }
    for member in found[..<subjects.count] {
      guard let details = member?.members(Self.details + ["head"]) else {
        take([])
        continue
      }
      // Told apart from one that is there and has none of these.
      take([1])
      for detail in details.dropLast() { take(detail?.bytes ?? []) }
      take(details.last??["sha"]?.bytes ?? [])
    }
  }

  private var tellsOccurrences: Bool {
    switch (event, action) {
    case ("ping", _), ("label", _), ("installation_repositories", _),
      ("github_app_authorization", _), ("check_run", "rerequested"),
      ("check_run", "requested_action"), ("check_suite", "rerequested"):
      false
    case ("pull_request_review_thread", _): json["updated_at"] != nil
    default: true
    }
  }

  /// Where the object of each event stands.
  private static let members: [String: [StaticString]] = [
    "pull_request": ["pull_request"],
    "pull_request_review": ["review", "pull_request"],
    "pull_request_review_comment": ["comment", "pull_request"],
    "pull_request_review_thread": ["thread", "pull_request"],
    "issue_comment": ["comment", "issue"],
    "issues": ["issue"],
    "discussion_comment": ["comment", "discussion"],
    "check_run": ["check_run"],
    "check_suite": ["check_suite"],
    "workflow_run": ["workflow_run"],
    "push": [],
    "status": [],
  ]

  /// What an action is about, beside its object.
  private static let companions: [StaticString] = [
    "label", "assignee", "requested_reviewer", "requested_team", "milestone",
  ]

  /// Members at the top that tell something.
  private static let ownMembers: [StaticString] = [
    "number", "before", "after", "ref", "id", "sha", "context", "state", "reason", "updated_at",
    "changes",
  ]

  private static let details: [StaticString] = [
    "id", "node_id", "number", "title", "body", "state", "draft", "updated_at", "submitted_at",
    "head_sha", "status", "conclusion", "started_at", "completed_at", "run_attempt",
  ]
}
