/// The rules that Stet brings along. They work with no model and beside one.
public enum BuiltInRules {
  /// In the order in which `docs/rules.md` lists them.
  public static let all: [any ReviewRule] = [
    ConflictMarker(), BidirectionalText(), HugeFile(),
    KnownToken(), PrivateKey(), HardcodedSecret(),
    DebuggerCall(), LeftoverPrint(),
    BareExcept(), SwallowedError(), GoIgnoredError(), SwiftForcedTry(), SwiftForceUnwrap(),
    MutableDefault(), NoneComparison(), LiteralIdentity(), AssertTuple(), SelfComparison(),
    NaNComparison(), RaiseNotImplemented(), MissingAwait(), UnreachableCode(),
    EvalCall(), ShellInjection(), UnsafeDeserialization(), SQLConcatenation(),
    TLSVerificationDisabled(), WeakPasswordHash(), InsecureRandom(), UnverifiedJWT(),
    UnescapedHTML(), TarExtraction(), PredictableTempFile(), WorldWritable(), DebugMode(),
    CORSWildcard(), RemovedCheck(),
    FocusedTest(), SkippedTest(), DeletedTests(), VacuousAssertion(),
    UnpinnedAction(), DangerousTrigger(), WorkflowInjection(), WorkflowPermissions(),
    PipeToShell(), DangerousRemove(), UnquotedArguments(),
    DockerLatestImage(), DockerRemoteAdd(), DockerRootUser(),
  ]

  /// Findings of every rule in the whole change: file by file in the diff's order, by line within
  /// each. They have neither `id` nor `fingerprint` yet.
  ///
  /// The lines of one file at a time are held: a change of 100 MB must not take ten times that.
  /// - Complexity: O(bytes of the hunks × rules), with a filter that spares nearly all of it.
  public static func findings(in diff: Diff) -> [Finding] {
    let texts = diff.files.filter { !$0.isBinary && !$0.isSubmodule && !$0.isSymlink }
    var facts = ChangeFacts()
    for file in texts {
      let kind = PathKind(file.path)
      let language = Language(path: file.path)
      for hunk in file.hunks { facts.add(RuleFile.rawLines(hunk), kind, language) }
    }
    // One file's lines at a time: lexed, they take several times the room of the diff.
    return texts.flatMap { findings(in: RuleFile($0, facts: facts)) }
  }

  /// Dresses a rule's claim as a finding, anchored and quoted from the file's own lines.
  static func finding(_ claim: RuleFinding, by rule: any ReviewRule, in file: RuleFile) -> Finding {
    let lines = file.lines[claim.lines]
    let side = lines.first?.side ?? .new
    let shown = lines.filter { side == .old ? $0.kind != .added : $0.kind != .removed }
    func number(_ line: CodeLine?) -> Int {
      (side == .old ? line?.oldNumber : line?.newNumber) ?? 0
    }
    return Finding(
      path: file.path.description, side: side, startLine: number(shown.first),
      line: number(shown.last), severity: claim.severity ?? rule.severity,
      category: rule.category, message: claim.message,
      quote: shown.map(\.text.string).joined(separator: "\n"), suggestion: claim.suggestion,
      confidence: claim.confidence ?? rule.confidence, source: .rule(rule.name))
  }

  /// Findings of every rule in one file, by line and then by rule name.
  static func findings(in file: RuleFile, rules: [any ReviewRule] = all) -> [Finding] {
    var found: [Finding] = []
    for rule in rules {
      for claim in rule.findings(in: file) { found.append(finding(claim, by: rule, in: file)) }
    }
    return found.sorted {
      ($0.startLine, $0.line, $0.side.rawValue, $0.source.description, $0.message)
        < ($1.startLine, $1.line, $1.side.rawValue, $1.source.description, $1.message)
    }
  }
}
