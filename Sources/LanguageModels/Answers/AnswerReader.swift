import Domain

/// Why a model's text is not the answer that was asked for, in words that the model is shown.
struct AnswerFault: Error, Equatable {
  var reason: String
}

/// Finds the one JSON value in a model's text that satisfies the schema.
///
/// Models wrap answers in code fences, thoughts and politeness; that is allowed. Two different
/// values that both satisfy the schema are not: we would have to guess which one was meant, and an
/// example repeated from the prompt must never pass for a finding.
struct AnswerReader {
  /// Openings that are tried; bounds the work on a text full of braces.
  private static let mostOpenings = 48

  var schema: JSONSchema
  /// The last thing that was asked, to recognise a model that only repeats it.
  var question: String

  func read(_ text: String) throws(AnswerFault) -> JSONValue {
    let bytes = Array(Self.withoutThoughts(text).utf8)
    switch Result(catching: { () throws(JSONParseError) in try JSONParser.value(of: bytes) }) {
    case .success(let value):
      do throws(SchemaMismatch) {
        return try schema.checked(value)
      } catch {
        throw AnswerFault(reason: error.description)
      }
    case .failure(let fault):
      if repeatsQuestion(text) { throw AnswerFault(reason: "the answer repeats the question") }
      return try search(bytes, fault)
    }
  }

  /// Tries every place where a value may begin.
  private func search(
    _ bytes: [UInt8], _ whole: JSONParseError
  ) throws(AnswerFault) -> JSONValue {
    let opening = opensWithBracket ? UInt8(ascii: "[") : UInt8(ascii: "{")
    var found: JSONValue?
    var mismatch: SchemaMismatch?
    var truncated = false
    var tried = 0
    var at = 0
    while at < bytes.count, tried < Self.mostOpenings {
      guard bytes[at] == opening else {
        at += 1
        continue
      }
      tried += 1
      let start = at
      let opened = Result { () throws(JSONParseError) in
        try JSONParser.firstValue(of: bytes, from: start)
      }
      switch opened {
      case .failure(let fault):
        truncated = truncated || fault.truncated
        at += 1
      case .success(let (value, end)):
        at = end
        switch Result(catching: { () throws(SchemaMismatch) in try schema.checked(value) }) {
        case .failure(let fault): mismatch = mismatch ?? fault
        case .success(let checked):
          guard found == nil || found == checked else {
            throw AnswerFault(reason: "the answer holds more than one JSON value")
          }
          found = checked
        }
      }
    }
    if let found { return found }
    if let mismatch { throw AnswerFault(reason: mismatch.description) }
    if truncated { throw AnswerFault(reason: "the JSON ends too early") }
    throw AnswerFault(
      reason: tried == 0
        ? "there is no JSON in the answer" : "not JSON at byte \(whole.offset): \(whole.reason)")
  }

  private var opensWithBracket: Bool {
    if case .list = schema { true } else { false }
  }

  /// A model that only echoes gives back a long part of the question word for word.
  private func repeatsQuestion(_ text: String) -> Bool {
    let question = Array(question.utf8)
    let text = Array(text.utf8)
    let length = min(question.count, 200)
    guard length >= 80, text.count >= length else { return false }
    let needle = question.prefix(length)
    let last = min(text.count - length, 4000)
    for start in 0...last where text[start..<(start + length)].elementsEqual(needle) {
      return true
    }
    return false
  }

  /// Drops a leading `<think>…</think>`, which some servers leave in the text.
  static func withoutThoughts(_ text: String) -> String {
    let trimmed = text.drop { $0.isWhitespace || $0 == "\u{FEFF}" }
    guard trimmed.hasPrefix("<think>") else { return String(trimmed) }
    guard let end = trimmed.range(of: "</think>") else { return "" }
    return String(trimmed[end.upperBound...].drop { $0.isWhitespace })
  }
}

extension Substring {
  /// The first place where `needle` stands, without Foundation.
  fileprivate func range(of needle: String) -> Range<Index>? {
    var start = startIndex
    while start < endIndex {
      if self[start...].hasPrefix(needle) {
        return start..<index(start, offsetBy: needle.count)
      }
      start = index(after: start)
    }
    return nil
  }
}
