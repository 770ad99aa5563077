// A libFuzzer target, compiled by run.sh together with the webhook reader. The first byte chooses
// the event, the rest is the body. What must hold of any bytes: the reader returns or throws, what
// it takes is JSON and what it refuses is not, and every value it finds is one by itself.
import Domain
import Foundation

private let events = [
  "pull_request", "pull_request_review", "pull_request_review_comment",
  "pull_request_review_thread", "issue_comment", "issues", "discussion_comment", "push",
  "check_run", "check_suite", "workflow_run", "status", "label", "installation",
  "installation_repositories", "github_app_authorization", "ping", "star",
]

/// Called by libFuzzer for each input. A broken property traps, which libFuzzer reports.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzWebhook(_ data: UnsafePointer<UInt8>?, _ size: Int) -> Int32 {
  guard size > 0, let data else { return 0 }
  let input = Array(UnsafeBufferPointer(start: data, count: size))
  let event = events[Int(input[0]) % events.count]
  let body = Array(input.dropFirst())
  do throws(RawJSONFault) {
    let json = try RawJSON(checking: body)
    check(json, event)
  } catch {
    precondition((0...body.count).contains(error.offset), "the fault lies outside the body")
    // Foundation reads UTF-16 too, deeper nesting, and a comma before the end of a list.
    let isEnd = [UInt8(ascii: "]"), UInt8(ascii: "}")].contains(body[safe: error.offset])
    if error.reason != "values nest too deep", !isEnd, !body.contains(0), body.first != 0xEF {
      precondition(!isJSONForFoundation(body), "JSON is refused: \(error.reason)")
    }
  }
  return 0
}

extension [UInt8] {
  fileprivate subscript(safe index: Int) -> UInt8? { indices.contains(index) ? self[index] : nil }
}

private func isJSONForFoundation(_ body: [UInt8]) -> Bool {
  (try? JSONSerialization.jsonObject(with: Data(body), options: .fragmentsAllowed)) != nil
}

private func check(_ json: RawJSON, _ event: String) {
  guard json.isObject else { return }
  let result = WebhookEventReading(event: event, json: json).result()
  precondition(result.event == event && result.action == json["action"]?.string)
  if case .pullRequest(_, let pull) = result.content {
    precondition(pull.head.utf8.count == 40 || pull.head.utf8.count == 64, "no commit id")
    precondition(pull.reference.number > 0, "no number")
  }
  precondition(parts(json, event, "a") == parts(json, event, "a"), "the meaning changes")
  let found = [
    json["action"], json["repository"], json["pull_request"], json["comment"], json["label"],
    json["pull_request"]?["head"], json["pull_request"]?["head"]?["repo"],
    json["check_run"]?["pull_requests"]?.elements.first,
  ]
  for case .some(let value) in found + (json["repositories_added"]?.elements ?? []) {
    guard let again = try? RawJSON(checking: Array(value.bytes)) else {
      preconditionFailure("a value is not JSON by itself")
    }
    precondition(again.bytes.count == value.bytes.count, "a value has space around it")
    precondition(again.string == value.string && again.integer == value.integer)
    precondition(again.elements.count == value.elements.count)
  }
}

private func parts(_ json: RawJSON, _ event: String, _ delivery: String) -> [[UInt8]] {
  var parts: [[UInt8]] = []
  WebhookMeaning(
    event: event, action: json["action"]?.string, delivery: delivery, json: json
  ).parts { parts.append(Array($0)) }
  return parts
}
