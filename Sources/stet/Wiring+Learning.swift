import Domain
import LanguageModels
import Storage
import UseCases

extension Wiring {
  var reviewers: any ReviewerStore { SQLReviewerStore(database, vault: vault) }

  /// What learning, reviewing as somebody and forgetting work with.
  func learning(model: (any LanguageModel)?) -> LearningPorts {
    let accounts = linkedAccounts
    let (open, validators) = (openHistory, SQLValidatorStore(database))
    var learning = LearningSettings(
      examplesForAdapter: settings.service.examplesForAdapter,
      keep: settings.service.keepReviewers)
    if let read = adapterSettings {
      learning.base = read.base
      (learning.steps, learning.trainingTime) = (read.steps, read.time)
      learning.trainingMemory = read.memory
    }
    return LearningPorts(
      openForge: openForge,
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

  /// To be called before anything is sealed: the key of this process has to be the one that the
  /// database belongs to, and where none was made yet, it is.
  /// - Returns: the key that the database belonged to, where a new one was made in its place, as its
  ///   file is not here and nothing is sealed with it.
  /// - Throws: `StoreError` `.refused`, or `CommandFailure`, where another key would seal.
  @discardableResult
  func prepareKey() async throws -> String? {
    guard settings.secretKeys.isEmpty else {
      try await keyRegister.check(settings.secretKeys)
      return nil
    }
    // Without a setting PostgreSQL has no key: the vault says so.
    guard !settings.database.isShared else { return nil }
    let file = SecretKeyFile(dataFolder: settings.dataFolder)
    if let keys = try file.keys() {
      try await keyRegister.check(keys, file: file.path)
      return nil
    }
    let old = try await keyRegister.known()
    let sealed = try await resealing.count()
    if let key = old.first, sealed > 0 {
      throw CommandFailure.misuse(
        "\(settings.database.place) holds \(sealed) values that were encrypted with the key \(key), "
          + "and the file of that key, \(file.path), is not there. Put it back; where it is lost, "
          + "`stet migrate --new-key` removes them: people sign in and agree again then.")
    }
    try await file.make { try await keyRegister.replaceAll(with: $0) }
    return old.first
  }
}
