/// A file so large that nobody will read it in a review.
struct HugeFile: ReviewRule {
  let name = "huge-file"
  let summary = "A new text file of more than 1 MiB or 20,000 lines"
  let category = "maintainability"
  let severity = Severity.warning
  let confidence = 0.8

  static let lineLimit = 20_000
  static let byteLimit = 1 << 20

  func findings(in file: RuleFile) -> [RuleFinding] {
    guard file.status == .added, let first = file.allAdded.first else { return [] }
    let bytes = file.allAdded.reduce(0) { $0 + file.lines[$1].text.count + 1 }
    guard file.allAdded.count > Self.lineLimit || bytes > Self.byteLimit else { return [] }
    // The first line can itself be the megabyte; a quote of it would drown the report.
    guard file.lines[first].text.count <= RuleFile.longLine else { return [] }
    return [
      RuleFinding(
        at: first,
        "This new file has \(file.allAdded.count) lines and \(bytes) bytes, and stays in every "
          + "clone. If it is data or generated, keep it outside git or make it in the build.")
    ]
  }
}
