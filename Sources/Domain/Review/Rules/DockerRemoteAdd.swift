/// `ADD` of an address downloads without any check.
/// Source: hadolint DL3020; Dockerfile reference, "ADD --checksum".
struct DockerRemoteAdd: LineRule {
  let name = "docker-remote-add"
  let summary = "`ADD` of an address without a checksum"
  let category = "supply-chain"
  let severity = Severity.warning
  let confidence = 0.9
  let triggers: [Needle] = ["ADD"]

  func applies(to file: RuleFile) -> Bool { file.language == .dockerfile }

  func check(_ line: CodeLine, at index: Int, in file: RuleFile) -> RuleFinding? {
    let text = line.uncommented.trimmed
    guard text.starts(with: "ADD "), text.hasAny([" http://", " https://"]),
      !text.has("--checksum=")
    else { return nil }
    return RuleFinding(
      at: index,
      "Whatever the server sends goes into the image unchecked. Add `--checksum=sha256:…`, or "
        + "download and verify it in a `RUN`.")
  }
}
