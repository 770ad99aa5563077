import Domain
import LanguageModels
import Server
import Storage
import UseCases

extension Wiring {
  /// In which words issues were put that models answered to.
  var similarAnswers: any SimilarAnswers { SQLSimilarAnswers(database) }

  /// Turns texts into vectors; `nil` where no model of vectors is set.
  var embedder: RemoteEmbedder? {
    guard case .on(let named) = EmbeddingSettings.read({ settings.value($0) }) else { return nil }
    return RemoteEmbedder(named.provider, model: named.model, client: web)
  }

  /// What issues mean; `nil` where no model of vectors is set.
  var issueVectors: IssueVectors? {
    embedder.map { IssueVectors(embedder: $0, store: SQLVectorStore(database)) }
  }

  /// Stores new issues of the tracker with their jobs.
  var storeIssues: IssueIntake { SQLIssueIntake(database, signal: signal).store }

  /// What looks at issues of a forge.
  func enrichment(model: (any LanguageModel)?) -> EnrichForgeIssue.Ports {
    EnrichForgeIssue.Ports(
      openForge: openForge, model: model, cache: responseCache, similar: similarAnswers,
      vectors: issueVectors, known: knownIssues, publications: publications, runs: runs,
      audit: audit, jobs: jobs, tokenBudget: tokenBudget, notices: noticeQueue,
      limits: workLimits,
      callDeadline: callDeadline, retryDelays: settings.service.enrichRetries,
      handle: settings.service.mention)
  }

  /// What looks at issues of Stet's own tracker.
  func enrichTracked(model: (any LanguageModel)?) -> EnrichIssue {
    EnrichIssue(
      ports: .init(
        model: model, issues: issues, runs: runs, cache: responseCache, similar: similarAnswers,
        vectors: issueVectors, known: knownIssues, tokenBudget: tokenBudget),
      retryDelays: settings.service.enrichRetries)
  }

  /// What looks at texts that lie in a file.
  func enrichText(model: (any LanguageModel)?) -> EnrichText {
    EnrichText(
      ports: .init(
        model: model, cache: responseCache, similar: similarAnswers, runs: runs,
        callDeadline: callDeadline))
  }
}
