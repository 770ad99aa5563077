import Domain
import LanguageModels
import Storage
import UseCases

extension Wiring {
  var reviewers: any ReviewerStore { SQLReviewerStore(database, vault: vault) }

  /// What learning, reviewing as somebody and forgetting work with.
  func learning(model: (any LanguageModel)?) -> LearningPorts {
    let accounts = linkedAccounts
    let (open, validators) = (openForge, SQLValidatorStore(database))
    var learning = LearningSettings(
      examplesForAdapter: settings.service.examplesForAdapter,
      keep: settings.service.keepReviewers)
    if let read = adapterSettings {
      learning.base = read.base
      (learning.steps, learning.trainingTime) = (read.steps, read.time)
      learning.trainingMemory = read.memory
    }
    return LearningPorts(
      openForge: open,
      openHistory: { access, asker in
        guard let asker else { return try await open(access) }
        return try await accounts.forge(access, for: asker)
      },
      reviewers: reviewers, gatherings: SQLGatheringStore(database, vault: vault),
      index: SQLVectorIndex(database, vault: vault), consents: consents, embedder: embedder,
      model: model, trainer: loraTrainer, adapters: adapters?.server,
      folders: ReviewerFolders(root: settings.dataFolder + "/reviewers"),
      publications: publications, runs: runs, audit: audit, jobs: jobs,
      tokenBudget: tokenBudget, policies: policies,
      isOver: { error, asker, forge in
        try await accounts.isOver(error, of: asker, on: forge)
      },
      dropAnswers: { repository async throws(StoreError) in
        try await validators.removeAll(of: repository)
      },
      settings: learning,
      limits: workLimits, callDeadline: callDeadline)
  }

  func reviewAs(model: (any LanguageModel)?) -> ReviewAs {
    ReviewAs(ports: learning(model: model), syntax: syntax)
  }

  var forgetReviewer: ForgetReviewer { ForgetReviewer(ports: learning(model: nil)) }

  /// A command that seals makes the key of this machine where no server has done so yet.
  func makeKeyIfNeeded() async throws {
    let file = SecretKeyFile(dataFolder: settings.dataFolder)
    guard settings.secretKeys.isEmpty, !settings.database.isShared, try file.keys() == nil,
      try await keyRegister.known().isEmpty
    else { return }
    try await file.make { try await keyRegister.replaceAll(with: $0) }
  }
}
