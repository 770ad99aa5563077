import Domain
import Notifications
import Storage
import UseCases
import WebClient

extension Wiring {
  /// `nil` where nobody is to be told.
  var noticeQueue: NoticeQueue? { settings.notify.isOn ? NoticeQueue(jobs: jobs) : nil }

  var notifier: EveryNotifier {
    let notify = settings.notify
    return EveryNotifier(
      slack: notify.slack.isEmpty
        ? nil
        : SlackNotifier(client: web, webhooks: notify.slack.map { ($0.name, $0.url.reveal()) }),
      mail: notify.mail.flatMap { mail in
        guard let server = MailServer(mail.server.reveal()), let sender = MailSender(mail.sender)
        else { return nil }
        return MailNotifier(
          server: server, protection: mail.protection, sender: sender,
          recipients: mail.recipients, authorities: mail.authorities)
      },
      webhook: webhookKey.map { key in
        WebhookNotifier(
          client: web, address: notify.webhook?.reveal(), key: key,
          addressGuard: AddressGuard(allowing: notify.privateHosts))
      })
  }

  var webhookKey: WebhookKey? { settings.notify.webhookSecret.map { WebhookKey($0.reveal()) } }

  var notifyPeople: NotifyPeople {
    NotifyPeople(
      ports: .init(
        notifier: notifier, notices: SQLNoticeStore(database), jobs: jobs, audit: audit,
        openForge: openForge, server: settings.notify.server))
  }
}
