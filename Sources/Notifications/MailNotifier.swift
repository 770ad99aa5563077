public import Domain
public import Foundation

/// Tells people by mail, through a server that takes it: libcurl speaks SMTP and TLS.
public struct MailNotifier: Notifier {
  private let server: MailServer
  private let protection: MailServer.Protection
  private let sender: MailSender
  private let recipients: [String]
  private let authorities: String?
  private let deadline: Duration
  private let now: @Sendable () -> Date

  /// - Parameters:
  ///   - recipients: whom `mail` means.
  ///   - authorities: a file of certificates in PEM that vouch for the server; `nil`: the system's.
  ///   - deadline: for one message to one person.
  public init(
    server: MailServer, protection: MailServer.Protection = .required, sender: MailSender,
    recipients: [String], authorities: String? = nil, deadline: Duration = .seconds(30),
    now: @escaping @Sendable () -> Date = { Date() }
  ) {
    self.server = server
    self.protection = protection
    self.sender = sender
    self.recipients = recipients
    self.authorities = authorities
    self.deadline = deadline
    self.now = now
  }

  /// One mail to one person, so that no one learns of the others. `mail` without an address is for
  /// whoever routes: here it means the first.
  public func send(
    _ message: NoticeMessage, to destination: NoticeDestination
  ) async throws(NotifierError) {
    guard case .mail(let named) = destination, let to = named ?? recipients.first else {
      throw NotifierError(
        code: .notConfigured,
        detail: "\(destination.shown) is not set up here: STET_MAIL_TO names who gets mail.")
    }
    guard MailAddress.isValid(to) else {
      throw NotifierError(code: .rejected, detail: "\(destination.shown) is no address of mail.")
    }
    let text = MailForm(from: sender, to: to, date: now()).text(message)
    let transfer = MailTransfer(
      server: server, protection: protection, from: sender.address, to: to,
      text: Array(text.utf8), authorities: authorities, deadline: deadline)
    try await transfer.run()
  }
}
