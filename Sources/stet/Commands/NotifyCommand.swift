import ArgumentParser
import Domain
import Foundation
import Notifications
import UseCases

struct NotifyCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "notify", abstract: "Try whether people are told of what happens.",
    subcommands: [NotifyTestCommand.self, NotifyKeyCommand.self])
}

struct NotifyTestCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "test", abstract: "Send a message to the places of the settings, or to some.",
    discussion: """
      A place is slack, slack:NAME, mail, mail:ADDRESS, webhook or an https address. What was not \
      delivered is told with its reason, and the status is 3 then.
      """)

  @Argument(help: "Where to; without any, all places of the settings.")
  var places: [String] = []
  @OptionGroup var settingsOptions: SettingsOptions

  func run() async throws {
    let settings = try settingsOptions.read()
    let wiring = Wiring(settings)
    let failures: Int
    do { failures = try await send(settings, wiring.notifier) } catch {
      await wiring.close()
      throw error
    }
    await wiring.close()
    if failures > 0 {
      throw CommandFailure.failed("\(failures) of the messages were not delivered.")
    }
  }

  private func send(_ settings: Settings, _ notifier: EveryNotifier) async throws -> Int {
    let message = NoticeMessage(
      Notice(
        id: "test-\(UUID().uuidString.lowercased())", event: .test, severity: .note, forge: "",
        repository: RepositoryName(owner: "stet", name: "test"),
        headline: "Stet can tell you of what happens.", at: Date()))
    var failures = 0
    for destination in try destinations(settings.notify) {
      do throws(NotifierError) {
        try await notifier.send(message, to: destination)
        try Self.told("delivered: \(destination.shown)")
      } catch {
        failures += 1
        Output.notes.tell("stet: \(error.detail)")
      }
    }
    return failures
  }

  private static func told(_ line: String) throws(NotifierError) {
    do { try Output.results.line(line) } catch {
      throw NotifierError(code: .cancelled, detail: "Standard output is closed.")
    }
  }

  private func destinations(_ notify: NotifySettings) throws -> [NoticeDestination] {
    var found: [NoticeDestination] = []
    if places.isEmpty {
      found += notify.slack.map { .slack($0.name) }
      found += (notify.mail?.recipients ?? []).map { .mail($0) }
      if notify.webhook != nil { found.append(.webhook) }
      guard !found.isEmpty else {
        throw CommandFailure.misuse(
          "The settings name nobody to be told: set STET_SLACK_WEBHOOK, STET_SMTP_URL with "
            + "STET_MAIL_FROM and STET_MAIL_TO, or STET_WEBHOOK_URL with STET_WEBHOOK_SECRET.")
      }
      return found
    }
    for place in places {
      guard let destination = NoticeDestination(place) else {
        throw CommandFailure.misuse(
          "\(Defanged.forTerminal(place, oneLine: true, limit: 80)) is no place; use slack, "
            + "slack:NAME, mail, mail:ADDRESS, webhook or an https address.")
      }
      if case .mail(nil) = destination {
        found += (notify.mail?.recipients ?? []).map { .mail($0) }
      } else {
        found.append(destination)
      }
    }
    return found
  }
}

struct NotifyKeyCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "key",
    abstract: "Print the key by which the receiver at an address checks signatures.",
    discussion: """
      Each address that a policy names has a key of its own, made from STET_WEBHOOK_SECRET. Give it \
      to whoever runs that receiver, and to nobody else.
      """)

  @Argument(help: "The https address, as the policy has it.")
  var address: String
  @OptionGroup var settingsOptions: SettingsOptions

  func run() async throws {
    let settings = try settingsOptions.read()
    guard case .address(let url)? = NoticeDestination(address) else {
      throw CommandFailure.misuse("Give the https address that the policy names.")
    }
    guard let secret = settings.notify.webhookSecret else {
      throw CommandFailure.misuse("STET_WEBHOOK_SECRET is not set; messages cannot be signed.")
    }
    try Output.results.line(WebhookKey(secret.reveal()).derived(for: url).text)
  }
}
