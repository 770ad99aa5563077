/// Formats whose readers build any object, and so run code that the data names.
/// Source: CWE-502, Bandit B301, B302 and B506, the PyYAML documentation on `safe_load`.
struct UnsafeDeserialization: LineRule {
  let name = "unsafe-deserialization"
  let summary = "Data read by a loader that can run code"
  let category = "security"
  let severity = Severity.warning
  let confidence = 0.75
  let triggers: [Needle] = [
    "pickle", "marshal.load", "yaml.load", "yaml.unsafe", "shelve.open", "jsonpickle", "dill.load",
    "unserialize", "full_load", "torch.load", "allow_pickle",
  ]
  private let loaders: [Needle] = [
    "pickle.load", "pickle.loads", "cPickle.load", "cPickle.loads", "pickle.Unpickler",
    "marshal.load", "marshal.loads", "dill.load", "dill.loads", "jsonpickle.decode",
    "shelve.open", "yaml.unsafe_load", "yaml.unsafe_load_all", "pd.read_pickle",
    "pandas.read_pickle",
  ]

  func applies(to file: RuleFile) -> Bool { file.language == .python && !file.kind.isTest }

  func check(_ line: CodeLine, at index: Int, in file: RuleFile) -> RuleFinding? {
    let code = line.code
    if let name = loaders.first(where: { code.call($0, method: true) != nil }) {
      return RuleFinding(
        at: index,
        "`\(name.bytes.string)` can run any code that the data names. Use JSON or another plain "
          + "format, unless only this program can have written it.")
    }
    if code.call("torch.load", method: true) != nil, !code.has("weights_only") {
      return RuleFinding(
        at: index,
        "`torch.load` unpickles, and so can run code of the file. Pass `weights_only=True`.",
        confidence: 0.6)
    }
    for name in ["yaml.load", "yaml.load_all"] as [Needle] {
      guard let open = code.call(name, method: true) else { continue }
      let close = code.closing(of: open)
      let arguments = code.slice(open + 1, close)
      guard close < code.count, !arguments.has("SafeLoader") else { continue }
      let loader = arguments.has("Loader")
      let at = open - name.bytes.count
      let safe = "yaml.safe_load" + (name.bytes.count > 9 ? "_all" : "")
      return RuleFinding(
        at: index,
        "Without a safe loader, YAML can name any Python object and run code. Use `\(safe)`.",
        suggestion: loader || arguments.contains(UInt8(ascii: ","))
          ? nil : line.text.replacing(at, open, with: safe))
    }
    return nil
  }
}
