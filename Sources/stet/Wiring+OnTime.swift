import Domain
import Storage
import UseCases

extension Wiring {
  var register: any RepositoryRegister { SQLRepositoryRegister(database) }

  /// `nil` where nothing is delivered here, or nobody may ask for it again.
  var redeliverWebhooks: RedeliverWebhooks? {
    guard settings.github.webhookSecret != nil, let log = deliveryLog else { return nil }
    let address = settings.service.publicURL.map { "\($0)/webhooks/github" }
    return RedeliverWebhooks(
      ports: .init(
        log: log, inbox: inbox, notes: policyNotes, audit: audit, register: register,
        isOurs: { $0 == address || (address == nil && $0.hasSuffix("/webhooks/github")) }))
  }
}
