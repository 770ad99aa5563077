import Domain
import WebClient

/// Plain requests to a server of adapters, beside those that ask its model for an answer.
struct ServerCalls: Sendable {
  /// The root, without `/v1`.
  var address: String
  var key: String?
  var web: WebClient
  var deadline: Duration = .seconds(120)

  struct Answer: Sendable {
    var status: Int
    var json: JSONValue?
    /// What the server says of an error, on one line.
    var complaint: String
  }

  /// - Parameter body: `nil` for GET.
  /// - Throws: `.unreachable`, `.cancelled`.
  func send(_ path: String, _ body: OrderedJSON?) async throws(AdapterError) -> Answer {
    var headers = WebHeaders([])
    headers.add("accept", "application/json")
    if body != nil { headers.add("content-type", "application/json") }
    if let key { headers.add("authorization", "Bearer \(key)") }
    do throws(WebError) {
      let answer = try await web.send(
        WebRequest(
          method: body == nil ? "GET" : "POST", url: address + path, headers: headers,
          body: body?.bytes, carriesSecret: key != nil, deadline: deadline,
          maxResponseBytes: 32 << 20, acceptsErrorStatus: true))
      let complaint = ServerComplaint(body: answer.body)
      let words = SecretMask.masked(complaint.message).text
      return Answer(
        status: answer.status, json: try? JSONParser.value(of: answer.body),
        complaint: KeyMask(key).masked(words.isEmpty ? "status \(answer.status)" : words))
    } catch {
      throw AdapterError(
        code: error.code == .cancelled ? .cancelled : .unreachable, detail: error.detail)
    }
  }

  /// The answer of a 200.
  /// - Throws: also `.unreachable` for a server's error, `.unsupported` for any other status.
  func json(_ path: String, _ body: OrderedJSON?) async throws(AdapterError) -> JSONValue {
    let answer = try await send(path, body)
    guard answer.status == 200, let json = answer.json else {
      throw AdapterError(
        code: answer.status >= 500 ? .unreachable : .unsupported,
        detail: "The server answers \(path) with: \(answer.complaint).")
    }
    return json
  }

  /// The turns as OpenAI's messages.
  static func messages(_ turns: some Sequence<ModelRequest.Turn>) -> OrderedJSON {
    .array(
      turns.map { .object([("role", .string($0.role.rawValue)), ("content", .string($0.text))]) })
  }
}

/// What a server gives for the first words of an answer: enough to tell who answered.
struct Fingerprint: Sendable, Equatable {
  /// Log-probabilities by question and token.
  var values: [String: Double]

  /// The mean difference over what both name; two that share nothing are far apart.
  func distance(to other: Fingerprint) -> Double {
    var sum = 0.0
    var count = 0
    for (token, value) in values {
      guard let theirs = other.values[token] else { continue }
      sum += abs(value - theirs)
      count += 1
    }
    let all = max(values.count, other.values.count)
    guard count > 0, all > 0 else { return Self.far }
    // What only one of them names has moved at least out of sight of the other.
    return (sum + Double(all - count) * Self.unshared) / Double(all)
  }

  static let far = 10.0
  private static let unshared = 0.5

  /// Questions whose answers every adapter of a reviewer should move.
  static let questions: [[ModelRequest.Turn]] = [
    [
      .init(.system, "You review changes: one line, or nothing."),
      .init(.user, "parser.go\n@@ -1,2 +1,3 @@\n func read(p string) {\n+\tf, _ := os.Open(p)\n }"),
    ],
    [
      .init(.system, "You review changes: one line, or nothing."),
      .init(.user, "util.py\n@@ -4,1 +4,2 @@\n-def f(x):\n+def f(x, cache={}):\n+    return cache"),
    ],
  ]

  /// Reads `choices[0].logprobs.content[0].top_logprobs` of a chat completion.
  init?(answers: [JSONValue]) {
    values = [:]
    for (place, answer) in answers.enumerated() {
      let first = answer["choices"]?.array?.first?["logprobs"]?["content"]?.array?.first
      guard let tops = first?["top_logprobs"]?.array, !tops.isEmpty else { return nil }
      for top in tops {
        guard let token = top["token"]?.string, let value = top["logprob"]?.number else { continue }
        values["\(place) \(token)"] = max(value, -50)
      }
    }
    if values.isEmpty { return nil }
  }

  init(values: [String: Double]) { self.values = values }

  /// The body of a question whose answer is read here.
  static func request(
    _ turns: [ModelRequest.Turn], model: String, extras: [(String, OrderedJSON)]
  ) -> OrderedJSON {
    .object(
      [
        ("model", .string(model)), ("messages", ServerCalls.messages(turns)),
        ("max_tokens", .integer(1)), ("temperature", .integer(0)), ("logprobs", .bool(true)),
        ("top_logprobs", .integer(20)),
      ] + extras)
  }

  /// Asks a server all questions as one adapter is asked.
  static func ask(
    _ calls: ServerCalls, model: String, extras: [(String, OrderedJSON)]
  ) async throws(AdapterError) -> Fingerprint {
    var answers: [JSONValue] = []
    for turns in questions {
      let body = request(turns, model: model, extras: extras)
      answers.append(try await calls.json("/v1/chat/completions", body))
    }
    guard let print = Fingerprint(answers: answers) else {
      throw AdapterError(
        code: .unsupported,
        detail: "The server gives no log-probabilities, so nothing shows whether the adapter is in "
          + "use. Let it answer `logprobs` and `top_logprobs` of chat completions.")
    }
    return print
  }
}

/// Shows after a load that the new adapter changes answers, and that nobody is answered with
/// another's, also when all are asked at once.
struct AdapterCanary: Sendable {
  /// Asks as this adapter is asked; `nil` is the base model.
  var ask: @Sendable (AdapterName?) async throws(AdapterError) -> Fingerprint

  /// Below this the new adapter does nothing: repeated answers of one server differ by less.
  static let effect = 0.005
  /// Rounds in which all are asked at the same time.
  static let rounds = 2

  /// - Throws: `.withoutEffect`, `.mixedUp`, or why the server cannot be asked.
  func check(_ new: AdapterName, beside others: [AdapterName]) async throws(AdapterError) {
    let bare = try await ask(nil)
    let own = try await ask(new)
    guard own.distance(to: bare) >= Self.effect else {
      throw AdapterError(
        code: .withoutEffect,
        detail: "The server took the adapter \(new) and answers as the base model does, word for "
          + "word. It may not apply adapters at all.")
    }
    var prints: [(name: AdapterName?, print: Fingerprint)] = [(nil, bare), (new, own)]
    for other in others where other != new {
      let print = try await ask(other)
      // Two that answer alike cannot be told apart, and are no harm to each other.
      if prints.allSatisfy({ $0.print.distance(to: print) >= Self.effect }) {
        prints.append((other, print))
      }
    }
    for _ in 0..<Self.rounds { try await together(prints) }
  }

  private func together(
    _ prints: [(name: AdapterName?, print: Fingerprint)]
  ) async throws(AdapterError) {
    let ask = ask
    let answers = await withTaskGroup(of: (Int, Result<Fingerprint, AdapterError>).self) { group in
      for (place, item) in prints.enumerated() {
        group.addTask {
          do throws(AdapterError) {
            return (place, .success(try await ask(item.name)))
          } catch {
            return (place, .failure(error))
          }
        }
      }
      var all: [(Int, Result<Fingerprint, AdapterError>)] = []
      for await answer in group { all.append(answer) }
      return all
    }
    for (place, answer) in answers {
      let print = try answer.get()
      let own = print.distance(to: prints[place].print)
      let nearest =
        prints.indices.filter { $0 != place }
        .map { print.distance(to: prints[$0].print) }.min() ?? Fingerprint.far
      guard own < nearest / 2 else {
        throw AdapterError(
          code: .mixedUp,
          detail: "Asked at the same time, the server answered a request for "
            + "\(prints[place].name?.description ?? "the base model") with something else.")
      }
    }
  }
}
