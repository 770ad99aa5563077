public import ArgumentParser
public import Domain
public import UseCases

extension ReviewFormat: ExpressibleByArgument {}
extension Severity: ExpressibleByArgument {}

/// What `stet review` is asked to do, as typed.
struct ReviewOptions: ParsableArguments {
  @Argument(
    help: ArgumentHelp(
      "A git range of the working folder, such as main..HEAD, with the meanings of git diff. "
        + "Without one: from the merge base with the default branch to the working tree.",
      valueName: "range"))
  var subject: String?

  @Option(
    help: ArgumentHelp("Review this diff; - reads it from standard input.", valueName: "file|-"),
    completion: .file(extensions: ["diff", "patch"]))
  var diff: String?

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
    if noModel, model != nil {
      throw ValidationError("--no-model and --model exclude each other.")
    }
    if let subject, PullRequestReference.matches(subject) {
      throw ValidationError(
        "\(subject) is a pull request, and this version does not fetch those itself. Save its diff "
          + "and review that: gh pr diff \(PullRequestReference.argument(subject)) > pr.diff; "
          + "stet review --diff pr.diff")
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

/// `OWNER/REPO#N`, or the address of a pull request's page.
enum PullRequestReference {
  static func matches(_ text: String) -> Bool {
    if let parts = WebAddress.parts(text) { return !parts.host.isEmpty }
    guard let hash = text.lastIndex(of: "#") else { return false }
    let number = text[text.index(after: hash)...]
    let path = text[..<hash].split(separator: "/", omittingEmptySubsequences: false)
    return !number.isEmpty && number.allSatisfy(\.isNumber) && path.count == 2
      && path.allSatisfy { !$0.isEmpty }
  }

  /// As `gh` takes it: an address as it stands, else the number with its repository.
  static func argument(_ text: String) -> String {
    guard WebAddress.parts(text) == nil, let hash = text.lastIndex(of: "#") else { return text }
    return "\(text[text.index(after: hash)...]) --repo \(text[..<hash])"
  }
}
