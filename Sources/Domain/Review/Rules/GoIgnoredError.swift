/// The value is used although the call may have failed.
/// Source: CWE-252, errcheck, gosec G104; narrowed to calls whose failure matters.
struct GoIgnoredError: LineRule {
  let name = "go-ignored-error"
  let summary = "An error of Go thrown away with `_`"
  let category = "error-handling"
  let severity = Severity.warning
  let confidence = 0.8
  let triggers: [Needle] = [", _ :=", "_ =", "_ :="]
  private let fallible: [Needle] = [
    "strconv.Atoi(", "strconv.ParseInt(", "strconv.ParseFloat(", "strconv.ParseBool(",
    "strconv.ParseUint(", "json.Unmarshal(", "json.Marshal(", "xml.Unmarshal(",
    "yaml.Unmarshal(", "os.Open(", "os.Create(", "os.ReadFile(", "os.WriteFile(",
    "ioutil.ReadAll(", "io.ReadAll(", "ioutil.ReadFile(", "http.Get(", "http.NewRequest(",
    "url.Parse(", "time.Parse(", "rand.Read(", "sql.Open(", "net.Dial(", "template.ParseFiles(",
    "base64.StdEncoding.DecodeString(", "hex.DecodeString(", "regexp.Compile(", ".Exec(",
    ".Commit(", "bcrypt.GenerateFromPassword(", "jwt.Parse(",
  ]

  func applies(to file: RuleFile) -> Bool { file.language == .go && !file.kind.isTest }

  func check(_ line: CodeLine, at index: Int, in file: RuleFile) -> RuleFinding? {
    let code = line.code.trimmed
    guard
      let sign = code.find(":=") ?? code.find("="),
      code.slice(0, sign).trimmed.last?.is("_") == true, !line.hasComment,
      let call = fallible.first(where: { code.find($0, from: sign) != nil })
    else { return nil }
    let name = call.bytes.filter { !$0.is("(") }.string
    return RuleFinding(
      at: index,
      "The error of `\(name)` is thrown away, and the code goes on as if it had worked. Check it, or "
        + "say in a comment why it cannot fail.")
  }
}
