import Dispatch
import Foundation
import Jobs
import Storage

/// Stores webhooks as the server does, without the network: says each one that was accepted on
/// standard output, or how many a second.
///
///     DeliveryWriter DATABASE COUNT [BYTES [SENDERS]]     counts
///     DeliveryWriter DATABASE forever                     names each, until it is killed
@main
enum DeliveryWriter {
  static func main() async throws {
    let arguments = CommandLine.arguments
    guard arguments.count >= 3 else {
      print("usage: DeliveryWriter DATABASE COUNT|forever [BYTES [SENDERS]]")
      exit(2)
    }
    let count = Int(arguments[2])
    let bytes = arguments.count > 3 ? Int(arguments[3]) ?? 20_000 : 20_000
    let senders = arguments.count > 4 ? Int(arguments[4]) ?? 32 : 32
    let database = SQLiteDatabase(path: arguments[1])
    let (inbox, body) = (SQLInbox(database), body(bytes))
    let began = ContinuousClock.now
    try await withThrowingTaskGroup(of: Void.self) { group in
      for sender in 0..<senders {
        group.addTask {
          let most = count.map { $0 / senders } ?? Int.max
          var number = 0
          while number < most {
            let id = "bench:\(sender)-\(number)"
            number += 1
            _ = try await inbox.accept(
              Delivery(id: id, event: "pull_request", meaning: id, body: body),
              enqueuing: NewJob(kind: "handle-delivery", arguments: #"{"delivery":"\#(id)"}"#))
            // One write is one line, also where the process dies in the next moment.
            if count == nil { FileHandle.standardOutput.write(Data((id + "\n").utf8)) }
          }
        }
      }
      try await group.waitForAll()
    }
    guard let count else { return }
    let (seconds, attoseconds) = (ContinuousClock.now - began).components
    let took = Double(seconds) + Double(attoseconds) / 1e18
    let stored = count / senders * senders
    let commits = database.commits
    print(
      "\(stored) webhooks of \(bytes) bytes in \(took) s: \(Int(Double(stored) / took)) a second, "
        + "\(commits.transactions) commits")
  }

  /// JSON that is as compressible as a webhook: names repeat, values do not.
  private static func body(_ bytes: Int) -> [UInt8] {
    var text = "{"
    while text.utf8.count < bytes {
      text += #""node_id_\#(text.utf8.count)":"\#(UInt64.random(in: 0...UInt64.max))","#
      text +=
        #""html_url":"https://example.org/organisation/repository/pulls/","site_admin":false,"#
    }
    return Array(text.utf8.prefix(bytes))
  }
}
