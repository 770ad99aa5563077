import Domain
import Testing

@testable import LanguageModels

/// Errors as the vendors word them.
@Suite struct ServerComplaintTests {
  private func fault(_ body: String, _ status: Int, _ mode: StructuredMode? = nil) -> WireFault {
    ServerComplaint(body: Array(body.utf8)).fault(status: status, retryAfter: nil, mode: mode)
  }

  @Test(
    arguments: [
      (
        400,
        #"[{"error":{"code":400,"message":"API key not valid.","status":"INVALID_ARGUMENT"}}]"#,
        .unauthorized
      ),
      (401, #"{"message":"Unauthorized","request_id":"1"}"#, .unauthorized),
      (402, #"{"error":{"type":"billing_error","message":"pay"}}"#, .unauthorized),
      (
        400,
        #"{"error":{"message":"This model's maximum context length is 8192 tokens.","code":"context_length_exceeded"}}"#,
        .tooLong
      ),
      (
        400,
        #"{"type":"error","error":{"type":"invalid_request_error","message":"prompt is too long: 210000 tokens > 200000 maximum"}}"#,
        .tooLong
      ),
      (
        400,
        #"{"error":{"code":400,"message":"the request exceeds the available context size","type":"exceed_context_size_error"}}"#,
        .tooLong
      ),
      (413, "", .tooLong), (429, "{}", .rateLimited), (529, "{}", .unavailable),
      (503, #"{"error":{"message":"Loading model","type":"unavailable_error"}}"#, .unavailable),
      (404, #"{"detail":"Not Found"}"#, .rejected), (400, "<html>Bad</html>", .rejected),
    ] as [(Int, String, ModelError.Code)])
  func areUnderstood(status: Int, body: String, code: ModelError.Code) {
    #expect(fault(body, status).code == code)
  }

  @Test func anEmptyWalletIsNotWaitedFor() {
    let quota = #"{"error":{"message":"You exceeded your quota","code":"insufficient_quota"}}"#
    #expect(!fault(quota, 429).retryable)
    #expect(fault(#"{"error":{"message":"Rate limit reached"}}"#, 429).retryable)
  }

  @Test(
    arguments: [
      (
        #"{"error":{"message":"Unsupported value: 'temperature' does not support 0 with this model.","param":"temperature","code":"unsupported_value"}}"#,
        .temperature
      ),
      (
        #"{"error":{"message":"Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.","param":"max_tokens"}}"#,
        .maxTokens
      ),
      (
        #"{"type":"error","error":{"type":"invalid_request_error","message":"`temperature` is deprecated for this model."}}"#,
        .temperature
      ),
      (
        #"{"detail":[{"type":"extra_forbidden","loc":["body","stream_options"],"msg":"Extra inputs are not permitted"}]}"#,
        .streamOptions
      ),
    ] as [(String, OptionalField)])
  func nameTheFieldThatIsRefused(body: String, field: OptionalField) {
    #expect(fault(body, 400, .schema).refuses == field)
    #expect(!fault(body, 400, .schema).refusesMode)
  }

  @Test func nameTheMeansThatIsRefused() {
    let body = #"{"error":"'response_format.type' must be 'json_schema' or 'text'"}"#
    #expect(fault(body, 400, .object).refusesMode)
    #expect(!fault(body, 400, .plain).refusesMode)
    #expect(!fault(body, 400, nil).refusesMode)
  }

  @Test func aKeyIsMaskedWholeOrInPart() {
    let key = ["proj", "abcdefgh", "ijklmnop", "qrst"].joined(separator: "-")
    let mask = KeyMask(key)
    #expect(mask.masked("Key \(key) is wrong") == "Key (key) is wrong")
    #expect(mask.masked("Key \(key.prefix(9))***** is wrong") == "Key (key) is wrong")
    #expect(mask.masked("Key ****\(key.suffix(9)) is wrong") == "Key (key) is wrong")
    #expect(mask.masked("No such model") == "No such model")
    #expect(KeyMask(nil).masked("text") == "text")
  }
}
