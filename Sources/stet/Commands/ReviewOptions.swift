public import ArgumentParser
public import Domain
public import UseCases

extension ReviewFormat: ExpressibleByArgument {}
extension Severity: ExpressibleByArgument {}
extension ReviewTone: ExpressibleByArgument {}

/// What `stet review` is asked to do, as typed.
struct ReviewOptions: ParsableArguments {
  @Argument(
    help: ArgumentHelp(
      "A git range of the working folder, such as main..HEAD, with the meanings of git diff; or a "
        + "pull request on the forge, OWNER/REPO#N or its address. Without one: from the merge base "
        + "with the default branch to the working tree.",
      valueName: "range|pull request"))
  var subject: String?

  @Option(
    help: ArgumentHelp("Review this diff; - reads it from standard input.", valueName: "file|-"),
    completion: .file(extensions: ["diff", "patch"]))
  var diff: String?

  @Option(
    name: .customLong("as"),
    help: ArgumentHelp(
      "Review as this person would, who was learned by `stet reviewer train`.", valueName: "user"))
  var likeness: String?

  @Option(
    help: "In which voice a likeness speaks: learned, its person's own; plain; or snarky.")
  var tone: ReviewTone = .learned

  @Flag(help: "Publish the review on the pull request, once however often it is run.")
  var post = false

  @Option(
    name: [.customShort("C")],
    help: ArgumentHelp("Work in this folder instead of the current one.", valueName: "dir"),
    completion: .directory)
  var folder: String?

  @Option(help: "How to print the review: text, json, sarif, rdjson or markdown.")
  var format: ReviewFormat?

  @Flag(help: "Same as --format json.")
  var json = false

  @Option(
    help: ArgumentHelp("Write the review to this file.", valueName: "file"), completion: .file())
  var output: String?

  @Option(help: "Exit with status 1 from this severity on: note, warning or error.")
  var failOn: Severity = .error

  @Option(
    name: .customLong("sarif"),
    help: ArgumentHelp(
      "Take in a linter's SARIF results, kept to changed lines. May be repeated.",
      valueName: "file"),
    completion: .file(extensions: ["sarif", "json"]))
  var sarifFiles: [String] = []

  @Option(
    help: ArgumentHelp(
      "Read the review's rules from this file instead of the base's .stet.yml.",
      valueName: "file"),
    completion: .file(extensions: ["yml", "yaml"]))
  var policy: String?

  @Flag(help: "Ask the model anew even about what was answered before.")
  var noCache = false

  @Flag(help: "Ask no model: built-in rules and SARIF files alone.")
  var noModel = false

  @Option(help: ArgumentHelp("The model to ask, over LLM_MODEL.", valueName: "name"))
  var model: String?

  @Option(help: ArgumentHelp("Drop a model's findings below this, 0 to 1.", valueName: "number"))
  var minConfidence: Double?

  @Option(help: ArgumentHelp("Show at most this many findings.", valueName: "number"))
  var maxFindings: Int?

  @Option(
    help: ArgumentHelp(
      "Give one call of the model at most this long; 60 for a vendor's, 300 for one of your own.",
      valueName: "seconds"))
  var timeout: Int?

  var chosenFormat: ReviewFormat { format ?? (json ? .json : .text) }

  func validate() throws {
    if subject != nil, diff != nil {
      throw ValidationError("Give a range or --diff, not both.")
    }
    if json, let format, format != .json {
      throw ValidationError("--json and --format \(format.rawValue) exclude each other.")
    }
    if let minConfidence, !(0...1).contains(minConfidence) {
      throw ValidationError("--min-confidence \(minConfidence) must be from 0 to 1.")
    }
    if let maxFindings, maxFindings < 1 {
      throw ValidationError("--max-findings \(maxFindings) must be at least 1.")
    }
    if let timeout, !(1...86_400).contains(timeout) {
      throw ValidationError("--timeout \(timeout) must be from 1 to 86400 seconds.")
    }
    if tone != .learned, likeness == nil {
      throw ValidationError("--tone \(tone.rawValue) is how a likeness speaks: give --as USER too.")
    }
    if likeness != nil, noModel || !sarifFiles.isEmpty {
      throw ValidationError(
        "--as asks a model and nobody else: --no-model and --sarif have no place beside it.")
    }
    if noModel, model != nil {
      throw ValidationError("--no-model and --model exclude each other.")
    }
    if post, diff != nil {
      throw ValidationError("--post publishes on a pull request: give OWNER/REPO#N, not --diff.")
    }
    if post, policy != nil || minConfidence != nil || maxFindings != nil || !sarifFiles.isEmpty {
      throw ValidationError(
        "--post goes by the repository's own rules, so --policy, --min-confidence, --max-findings "
          + "and --sarif have no place beside it.")
    }
  }

  /// The pull request that is meant; `nil` for a range or a diff.
  func pullRequest(_ settings: Settings) throws(CommandFailure) -> PullRequestReference? {
    try subject.flatMap { subject throws(CommandFailure) in
      try PullRequestSubject.reference(subject, webURL: settings.github.webURL)
    }
  }

  /// What the options say of the settings, by name.
  var overrides: [String: String] {
    var overrides: [String: String] = [:]
    if noModel { overrides["LLM_PROVIDER"] = "none" }
    if let model { overrides["LLM_MODEL"] = model }
    return overrides
  }
}
