import Domain
import UseCases

extension Wiring {
  /// What looks at issues of a forge.
  func enrichment(model: (any LanguageModel)?) -> EnrichForgeIssue.Ports {
    EnrichForgeIssue.Ports(
      openForge: openForge, model: model, cache: responseCache, known: knownIssues,
      publications: publications, runs: runs, audit: audit, jobs: jobs, tokenBudget: tokenBudget,
      limits: workLimits, callDeadline: callDeadline,
      retryDelays: settings.service.enrichRetries, handle: settings.service.mention)
  }

  /// What looks at issues of Stet's own tracker.
  func enrichTracked(model: (any LanguageModel)?) -> EnrichIssue {
    EnrichIssue(
      ports: .init(
        model: model, issues: issues, runs: runs, cache: responseCache, known: knownIssues),
      retryDelays: settings.service.enrichRetries)
  }
}
