import Domain
import Foundation

/// The last frame of a run.
struct RunResultPayload: Decodable, Sendable {
  var nonce: String
  var end: JSONValue
  var lostOutput: Int
  var lostError: Int
  var report: String?
  var leftOut: [String: String]?
  var seconds: Double
  var processorSeconds: Double
  var peakMemory: Int

  enum CodingKeys: String, CodingKey {
    case nonce, end, report, seconds
    case lostOutput = "lost_output"
    case lostError = "lost_error"
    case leftOut = "left_out"
    case processorSeconds = "processor_seconds"
    case peakMemory = "peak_memory"
  }

  var sandboxEnd: SandboxResult.End? {
    if let code = end["exited"]?.integer { return .exited(Int32(truncatingIfNeeded: code)) }
    if let signal = end["signaled"]?.integer { return .signaled(Int32(truncatingIfNeeded: signal)) }
    switch end.string {
    case "timed_out": return .timedOut
    case "out_of_memory": return .outOfMemory
    default: return nil
    }
  }
}

struct RefusalPayload: Decodable, Sendable {
  var code: String
  var detail: String

  var error: SandboxError {
    let known: SandboxError.Code =
      switch code {
      case "unavailable": .unavailable
      case "invalid": .invalid
      default: .lost
      }
    return SandboxError(code: known, detail: detail)
  }
}

struct ReadyPayload: Decodable, Sendable {
  var measures: [String]
}

struct CellPayload: Decodable, Sendable {
  struct Failure: Decodable, Sendable {
    var name: String
    var message: String
    var traceback: String
  }
  var value: String?
  var error: Failure?
  var seconds: Double
}

extension Frame {
  func decoded<Payload: Decodable>(as type: Payload.Type) -> Payload? {
    JSONText.decoded(payload, as: type)
  }
}

enum JSONText {
  static func encoded(_ value: some Encodable) throws(SandboxError) -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    do {
      return [UInt8](try encoder.encode(value))
    } catch {
      throw SandboxError(code: .invalid, detail: "The run cannot be written as JSON: \(error).")
    }
  }

  /// JSON as Python writes it: escapes of half a surrogate pair, which no Swift text can hold, are
  /// read as U+FFFD.
  static func decoded<Payload: Decodable>(_ bytes: [UInt8], as type: Payload.Type) -> Payload? {
    try? JSONDecoder().decode(type, from: Data(withoutLoneSurrogates(bytes)))
  }

  static func withoutLoneSurrogates(_ bytes: [UInt8]) -> [UInt8] {
    guard bytes.contains(UInt8(ascii: "\\")) else { return bytes }
    var result = bytes
    var place = 0
    while place < result.count {
      guard result[place] == UInt8(ascii: "\\") else {
        place += 1
        continue
      }
      guard let unit = unit(result, at: place) else {
        place += 2
        continue
      }
      if unit & 0xFC00 == 0xD800, let low = self.unit(result, at: place + 6),
        low & 0xFC00 == 0xDC00
      {
        place += 12
        continue
      }
      if unit & 0xF800 == 0xD800 {
        result.replaceSubrange(place..<place + 6, with: Array("\\ufffd".utf8))
      }
      place += 6
    }
    return result
  }

  /// The number of `\uXXXX` at a place; `nil` where another text stands there.
  private static func unit(_ bytes: [UInt8], at place: Int) -> UInt16? {
    guard place + 6 <= bytes.count, bytes[place] == UInt8(ascii: "\\"),
      bytes[place + 1] == UInt8(ascii: "u")
    else { return nil }
    return UInt16(String(decoding: bytes[place + 2..<place + 6], as: UTF8.self), radix: 16)
  }
}
