import Domain
import Forges
import Storage
import UseCases

extension Wiring {
  /// What is kept of people is sealed by it: with `STET_SECRET_KEY`, or with the key file, as the
  /// start of the service has checked or made it.
  var vault: Vault {
    var keys = settings.secretKeys
    if keys.isEmpty, !settings.database.isShared {
      keys = (try? SecretKeyFile(dataFolder: settings.dataFolder).keys()) ?? []
    }
    return Vault(keys: keys)
  }

  var accountLinks: any AccountLinkStore { SQLAccountLinkStore(database, vault: vault) }
  var consents: any ConsentStore { SQLConsentStore(database, vault: vault) }
  var resealing: SQLResealing { SQLResealing(database, vault: vault) }

  /// Where people sign in; `nil` where that is not set up.
  var accountAuthority: (any AccountAuthority)? {
    guard let signIn = settings.github.signIn, signInRedirect != nil else { return nil }
    return GitHubSignIn(
      webURL: settings.github.ownWebURL, apiURL: settings.github.apiURL, clientID: signIn.clientID,
      clientSecret: signIn.clientSecret.reveal(), client: web)
  }

  /// Exactly as it has to be registered; `nil` where nobody could come back, as the port is not
  /// known.
  private var signInRedirect: String? {
    let service = settings.service
    if let publicURL = service.publicURL { return publicURL + "/oauth/github/callback" }
    return service.listen.port == 0 ? nil : "http://\(service.listen)/oauth/github/callback"
  }

  var signIns: SignIns? {
    guard let authority = accountAuthority, let redirect = signInRedirect else { return nil }
    return SignIns(
      ports: .init(
        authority: authority, store: SQLSignInStore(database, vault: vault), links: accountLinks,
        jobs: jobs, audit: audit, limits: workLimits, redirect: redirect))
  }

  var linkedAccounts: LinkedAccounts {
    let (github, web) = (settings.github, self.web)
    return LinkedAccounts(
      ports: .init(
        authority: accountAuthority, links: accountLinks, openForge: openHistory,
        openAs: { access, token throws(ForgeError) in
          guard access.forge == "github" else {
            throw ForgeError(
              code: .rejected, detail: "\(access.forge) is no forge that Stet knows.")
          }
          // Answers that one person may see are remembered for nobody else.
          return try GitHubConnection(
            GitHubConfiguration(
              apiURL: github.apiURL, webURL: github.ownWebURL, credentials: .token(token),
              client: web)
          ).forge(for: access.repository)
        }))
  }

  /// What `review as` goes by.
  var reviewerAsking: ReviewerAsking {
    ReviewerAsking(
      accounts: linkedAccounts, signIns: signIns, consents: consents,
      forget: { [forgetReviewer] account, forge in
        // By whom is not said: that would be the one thing left of them.
        try await forgetReviewer.forget(account, on: forge, by: "\(forge):themselves")
      },
      start: { [reviewAs = reviewAs(model: nil)] request in try await reviewAs.start(request) })
  }
}
