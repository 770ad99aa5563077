import Domain
import Foundation
import UseCases

/// Reads recorded facts, and fetches those of pull requests that are closed.
enum PolicyHistory {
  private static func decoder() -> JSONDecoder {
    let decoder = JSONDecoder()
    decoder.dateDecodingStrategy = .iso8601
    return decoder
  }

  /// - Throws: `CommandFailure`, status 2.
  static func facts(_ bytes: [UInt8], name: String) throws(CommandFailure) -> PolicyFacts {
    do {
      if let record = try? decoder().decode(PolicyRecord.self, from: Data(bytes)) {
        return record.facts
      }
      return try decoder().decode(PolicyFacts.self, from: Data(bytes))
    } catch {
      throw .misuse("\(name) does not hold facts: \(reason(error)).")
    }
  }

  static func records(_ bytes: [UInt8], name: String) throws(CommandFailure) -> [PolicyRecord] {
    var records: [PolicyRecord] = []
    var number = 0
    for line in bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
      number += 1
      if line.allSatisfy({ $0 == 0x20 || $0 == 0x0D || $0 == 0x09 }) { continue }
      do {
        records.append(try decoder().decode(PolicyRecord.self, from: Data(line)))
      } catch {
        throw .misuse("\(name):\(number): not a record of facts: \(reason(error)).")
      }
    }
    return records
  }

  private static func reason(_ error: any Error) -> String {
    func path(_ keys: [any CodingKey]) -> String { keys.map(\.stringValue).joined(separator: ".") }
    return switch error {
    case DecodingError.keyNotFound(let key, let context):
      "'\(path(context.codingPath + [key]))' is missing"
    case DecodingError.typeMismatch(_, let context), DecodingError.valueNotFound(_, let context):
      "'\(path(context.codingPath))' is something else"
    case DecodingError.dataCorrupted(let context) where !context.codingPath.isEmpty:
      "'\(path(context.codingPath))' cannot be read"
    default: "it is not JSON"
    }
  }

  /// Each closed pull request as it stood at its end, judged as if open; what people did is read
  /// off its state.
  static func fetched(
    _ repository: RepositoryName, limit: Int, policy: ShepherdPolicy, from forge: any Forge,
    now: Date
  ) async throws(ForgeError) -> [PolicyRecord] {
    var needs = PolicyNeeds(policy)
    needs.addGate(policy.merge)
    var records: [PolicyRecord] = []
    for pull in try await forge.pullRequests(in: repository, areOpen: false, limit: limit) {
      var facts = try await FactGathering(
        forge: forge, needs: needs, countsOwnAsProgram: false
      ).facts(
        of: pull.reference, event: .scheduled, review: nil, now: pull.updatedAt)
      let approved = facts.approvals?.isEmpty == false
      let requested = facts.changeRequests?.isEmpty == false
      let deeds = PolicyRecord.Deeds(
        labelled: facts.labels, approved: approved, changesRequested: requested,
        merged: facts.state == .merged, closed: facts.state == .closed)
      // What a forge says of a merge that is long done is nothing.
      if facts.state == .merged { facts.mergeability = .clean }
      facts.state = .open
      facts.labels = []
      // Two events of one moment: rules wait for one or the other.
      facts.event = .opened
      records.append(PolicyRecord(facts: facts))
      facts.event = .checks
      records.append(PolicyRecord(facts: facts, deeds: deeds))
    }
    return records
  }
}
