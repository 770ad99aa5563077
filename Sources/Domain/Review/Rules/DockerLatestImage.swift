/// The same Dockerfile builds something else tomorrow.
/// Source: hadolint DL3006 and DL3007.
struct DockerLatestImage: LineRule {
  let name = "docker-latest-image"
  let summary = "A base image without a fixed version"
  let category = "supply-chain"
  let severity = Severity.note
  let confidence = 0.8
  let triggers: [Needle] = ["FROM"]

  func applies(to file: RuleFile) -> Bool { file.language == .dockerfile && !file.kind.isTest }

  func check(_ line: CodeLine, at index: Int, in file: RuleFile) -> RuleFinding? {
    let words = line.uncommented.trimmed.split(separator: 32).map { Array($0) }
    guard words.count > 1, words[0].lowered == Array("from".utf8),
      let image = words.dropFirst().first(where: { !$0.starts(with: "--") })
    else { return nil }
    guard !image.contains(UInt8(ascii: "$")), !image.contains(UInt8(ascii: "@")),
      image != Array("scratch".utf8), !isStage(image, in: file)
    else { return nil }
    let name = image.split(separator: UInt8(ascii: "/")).last.map { Array($0) } ?? image
    let latest = image.string.hasSuffix(":latest")
    guard latest || !name.contains(UInt8(ascii: ":")) else { return nil }
    return RuleFinding(
      at: index,
      "`\(image.string)` is another image tomorrow, so builds cannot be repeated. Name a version, "
        + "best with its digest.")
  }

  /// A stage of the same file, which the hunk may not show.
  private func isStage(_ image: [UInt8], in file: RuleFile) -> Bool {
    let name = image.lowered
    return file.lines.contains { line in
      let low = line.text.lowered
      guard let at = low.findWord("as"), low.trimmed.starts(with: "from") else { return false }
      return low.slice(at + 2, low.count).trimmed == name
    } || (file.status != .added && !image.contains(UInt8(ascii: ":")) && name.has("build"))
  }
}
