// Serves TestKit's fake GitHub by hand. usage: FakeGitHub --help
import Domain
import Foundation
import TestKit

let usage = """
  usage: FakeGitHub [--port P] [--demo | --seed FILE.json | --seed-webhook PAYLOAD.json]
                    [--token T] [--login NAME]
                    [--app ID --app-key PUBLIC.pem [--app-slug NAME] [--installation ID]]
                    [--account LOGIN] [--rate-limit REQUESTS_PER_HOUR]
                    [--webhook-secret S --deliver-to URL] [--quiet]

  Serves a GitHub of this machine's own, and prints its address and a line for each request.
  --seed-webhook   makes the pull request that a real payload names; may be given again
  --account        has the App installed too, beside the owners of what is seeded
  --deliver-to     sends the seeded payloads there, signed with --webhook-secret
  GET /_fake/state tells what was posted, GET /_fake/requests what was asked.
  """

func fail(_ sentence: String) -> Never {
  FileHandle.standardError.write(Data("FakeGitHub: \(sentence)\n".utf8))
  exit(2)
}

func say(_ line: String) { FileHandle.standardOutput.write(Data((line + "\n").utf8)) }

var options: [String: String] = [:]
var payloads: [String] = []
var flags: Set<String> = []
var arguments = CommandLine.arguments.dropFirst()
while let argument = arguments.popFirst() {
  switch argument {
  case "--help", "-h":
    say(usage)
    exit(0)
  case "--demo", "--quiet": flags.insert(argument)
  case "--port", "--seed", "--token", "--login", "--app", "--app-key", "--app-slug",
    "--installation", "--webhook-secret", "--deliver-to", "--seed-webhook", "--account",
    "--rate-limit":
    guard let value = arguments.popFirst() else { fail("\(argument) needs a value") }
    if argument == "--seed-webhook" { payloads.append(value) } else { options[argument] = value }
  default: fail("'\(argument)' is not an option; see --help")
  }
}

func bytes(of path: String) -> [UInt8] {
  guard let data = FileManager.default.contents(atPath: path) else {
    fail("'\(path)' cannot be read")
  }
  return Array(data)
}

let hub = FakeGitHub()
var accounts: Set<String> = []
if flags.contains("--demo") { accounts.insert(hub.seedDemo().repository.owner) }
if let path = options["--seed"], let problem = hub.seed(file: bytes(of: path)) {
  fail("\(path): \(problem)")
}
for path in payloads {
  guard let reference = hub.seed(webhook: bytes(of: path)) else {
    fail("\(path) names no pull request")
  }
  accounts.insert(reference.repository.owner)
  say("seeded \(reference)")
}
if let login = options["--account"] { accounts.insert(login) }
if let limit = options["--rate-limit"].flatMap({ Int($0) }) { hub.setRateLimit(limit) }
if let token = options["--token"] { hub.addToken(token, for: options["--login"] ?? "stet-bot") }
if let id = options["--app"].flatMap({ Int($0) }) {
  guard let key = options["--app-key"] else { fail("--app needs --app-key") }
  hub.addApp(
    id: id, slug: options["--app-slug"] ?? "stet",
    publicKeyPEM: String(decoding: bytes(of: key), as: UTF8.self))
  var installation = options["--installation"].flatMap { Int($0) } ?? 1
  for account in accounts.sorted() {
    hub.addInstallation(id: installation, of: id, on: account)
    installation += 1
  }
}

let port = options["--port"].flatMap { Int($0) } ?? 0
let isQuiet = flags.contains("--quiet")
do {
  let server = try await hub.listen(port: port) { [isQuiet] exchange in
    if !isQuiet {
      say("\(exchange.number) \(exchange.method) \(exchange.path) \(exchange.status)")
    }
  }
  say("listening on \(server.url)")
  if let address = options["--deliver-to"] {
    guard let secret = options["--webhook-secret"] else {
      fail("--deliver-to needs --webhook-secret")
    }
    for path in payloads {
      let status = try await GitHubDelivery(payload: bytes(of: path), fileName: path)
        .send(to: address, secret: secret)
      say("delivered \(path): \(status)")
    }
  }
  while true { try await Task.sleep(for: .seconds(3600)) }
} catch {
  fail("\(error)")
}
