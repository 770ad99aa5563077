import Domain
import Foundation
import Notifications
import UseCases

/// Who is told of what happens, and how.
struct NotifySettings: Sendable {
  /// Incoming webhooks of Slack by the channel's name, the first one for `slack` alone.
  var slack: [(name: String, url: Secret)] = []
  var mail: Mail?
  var webhook: Secret?
  var webhookSecret: Secret?
  /// Hosts of one's own network that addresses of policies may lead to.
  var privateHosts: [String] = []
  /// Routes, and whom a repository's policy may have told.
  var server = NoticeServer()

  struct Mail: Sendable {
    var server: Secret
    var protection: MailServer.Protection
    var sender: String
    var recipients: [String]
    var authorities: String?
  }

  /// Whether there is anybody to be told.
  var isOn: Bool { !slack.isEmpty || mail != nil || webhookSecret != nil }
}

extension SettingsReading {
  mutating func readNotify(home: String, folder: String) -> NotifySettings {
    var notify = NotifySettings()
    notify.slack = readSlack()
    notify.mail = readMail(home: home, folder: folder)
    notify.webhook = text("STET_WEBHOOK_URL").map { Secret($0) }
    notify.webhookSecret = text("STET_WEBHOOK_SECRET").map { Secret($0) }
    if let url = notify.webhook {
      if WebAddress.parts(url.reveal())?.hasPassword ?? true {
        refuse(
          "STET_WEBHOOK_URL", "it must be http:// or https:// and a host, without a password.")
      }
      if notify.webhookSecret == nil {
        refuse(
          "STET_WEBHOOK_URL", "it needs STET_WEBHOOK_SECRET, which its messages are signed with.")
      }
    }
    if let secret = notify.webhookSecret, secret.reveal().utf8.count < 16 {
      refuse(
        "STET_WEBHOOK_SECRET",
        "it must have at least 16 bytes; `openssl rand -base64 32` makes one.")
    }
    notify.privateHosts = list("STET_PRIVATE_HOSTS")
    for host in notify.privateHosts where WebAddress.hostAndPort(host[...]) == nil {
      refuse("STET_PRIVATE_HOSTS", "\"\(host.prefix(60))\" is no host; write HOST or HOST:PORT.")
    }
    let domains = list("STET_MAIL_DOMAINS").map { $0.lowercased() }
    for domain in domains where MailAddress.domain(of: "a@\(domain)") == nil {
      refuse("STET_MAIL_DOMAINS", "\"\(domain.prefix(60))\" is no domain, such as example.org.")
    }
    notify.server = NoticeServer(
      policy: readRoutes(notify, home: home, folder: folder),
      mailTo: notify.mail?.recipients ?? [], mailDomains: domains,
      signs: notify.webhookSecret != nil)
    return notify
  }

  private func list(_ name: String) -> [String] {
    (text(name) ?? "").split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) }
      .filter { !$0.isEmpty }
  }

  /// An address, or `NAME=ADDRESS,NAME=ADDRESS`.
  private mutating func readSlack() -> [(name: String, url: Secret)] {
    var webhooks: [(name: String, url: Secret)] = []
    for item in list("STET_SLACK_WEBHOOK") {
      var (name, url) = ("slack", item)
      if let equals = item.firstIndex(of: "="), !item[..<equals].contains(":") {
        name = String(item[..<equals])
        url = String(item[item.index(after: equals)...])
      }
      guard let parts = WebAddress.parts(url), !parts.hasPassword,
        parts.scheme == "https" || WebAddress.isLoopback(parts.host)
      else {
        refuse(
          "STET_SLACK_WEBHOOK",
          "each item must be an https address, or NAME= and one; see the "
            + "page of Slack's app about incoming webhooks.")
        continue
      }
      if name.isEmpty || webhooks.contains(where: { $0.name == name }) {
        refuse("STET_SLACK_WEBHOOK", "each channel needs a name of its own, as in NAME=ADDRESS.")
      }
      webhooks.append((name, Secret(url)))
    }
    return webhooks
  }

  private mutating func readMail(home: String, folder: String) -> NotifySettings.Mail? {
    let recipients = list("STET_MAIL_TO")
    for address in recipients where !MailAddress.isValid(address) {
      refuse("STET_MAIL_TO", "\"\(address.prefix(80))\" is no address of mail.")
    }
    guard let url = text("STET_SMTP_URL") else {
      for name in ["STET_MAIL_TO", "STET_MAIL_FROM"] where text(name) != nil {
        refuse(name, "it needs STET_SMTP_URL beside it, the server that takes mail.")
      }
      return nil
    }
    guard let server = MailServer(url) else {
      refuse(
        "STET_SMTP_URL",
        "it must be smtp://USER:PASSWORD@HOST:587 or smtps://USER:PASSWORD@HOST:465, where user and "
          + "password are percent-encoded or left out together.")
      return nil
    }
    let protection = text("STET_SMTP_TLS").flatMap(MailServer.Protection.init) ?? .required
    if protection == .optional, server.user != nil, !server.isLoopback {
      refuse("STET_SMTP_TLS", "a password goes over TLS only; it must be required.")
    }
    guard let sender = text("STET_MAIL_FROM") else {
      refuse("STET_SMTP_URL", "it needs STET_MAIL_FROM beside it, whose name mail bears.")
      return nil
    }
    if MailSender(sender) == nil {
      refuse("STET_MAIL_FROM", "it must be an address of mail, or NAME <ADDRESS>.")
    }
    return NotifySettings.Mail(
      server: Secret(url), protection: protection, sender: sender, recipients: recipients,
      authorities: text("STET_SMTP_CA_FILE").map { path($0, home: home, folder: folder) })
  }

  /// Those of the file; without one every place hears of what reaches the level.
  private mutating func readRoutes(
    _ notify: NotifySettings, home: String, folder: String
  ) -> NotifyPolicy {
    if let name = text("STET_NOTIFY_FILE") {
      let file = path(name, home: home, folder: folder)
      do {
        return try PolicyReader.read(Array(try SettingsFiles.text(file).utf8), file: file).notify
      } catch let error as PolicyError {
        for problem in error.problems { refuse("STET_NOTIFY_FILE", "\(problem)") }
      } catch {
        refuse("STET_NOTIFY_FILE", "\(file) cannot be read.")
      }
      return NotifyPolicy()
    }
    var places: [NoticeDestination] = []
    if !notify.slack.isEmpty { places.append(.slack(nil)) }
    if notify.mail?.recipients.isEmpty == false { places.append(.mail(nil)) }
    if notify.webhook != nil { places.append(.webhook) }
    let level = text("STET_NOTIFY_LEVEL").flatMap { Severity(rawValue: $0.lowercased()) }
    guard !places.isEmpty else { return NotifyPolicy() }
    return NotifyPolicy(
      routes: [
        NotifyPolicy.Route(severity: level ?? .warning, destinations: places),
        // The week's figures are no trouble, and were asked for by naming a place.
        NotifyPolicy.Route(events: [.report], destinations: places),
      ])
  }
}
