import Foundation
public import Jobs

extension JobArguments {
  /// The JSON of a row. Dates are seconds since 1970.
  public func json() throws -> String {
    let encoder = JSONEncoder()
    encoder.dateEncodingStrategy = .secondsSince1970
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return String(decoding: try encoder.encode(self), as: UTF8.self)
  }

  /// - Throws: a final `JobFailure` where the row holds something else.
  public init(of job: Job) throws {
    do {
      try self.init(json: job.arguments)
    } catch {
      throw JobFailure(
        "the arguments of this \(job.kind) job cannot be read: another version of Stet may have "
          + "written them", isFinal: true)
    }
  }

  /// What `json()` wrote.
  init(json text: String) throws {
    let decoder = JSONDecoder()
    decoder.dateDecodingStrategy = .secondsSince1970
    self = try decoder.decode(Self.self, from: Data(text.utf8))
  }
}
