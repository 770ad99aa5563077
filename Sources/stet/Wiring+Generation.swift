import Domain
import Sandbox
import UseCases

extension Wiring {
  /// What the loop and a refactoring are given.
  func generation(model: (any LanguageModel)?) -> GenerateCode.Ports {
    GenerateCode.Ports(
      model: model, evaluation: EvaluateCode.Ports(sandbox: sandbox), runs: runs,
      callDeadline: callDeadline)
  }

  /// The rounds of a folder.
  func history(_ folder: String) -> GitHistory {
    GitHistory(folder: folder, environment: settings.environment)
  }
}
