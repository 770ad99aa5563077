extension FileDiff {
  /// This file's section alone, without the text that stood before it.
  public func printed() -> [UInt8] {
    var output: [UInt8] = []
    print(into: &output, withPreamble: false)
    return output
  }

  func print(into output: inout [UInt8], withPreamble: Bool) {
    if withPreamble { output.append(contentsOf: source[preamble]) }
    if let header {
      output.append(contentsOf: source[header])
    } else {
      printHeader(into: &output)
    }
    output.append(contentsOf: source[binaryBlocks])
    for hunk in hunks { hunk.print(into: &output) }
  }

  /// The section that git would print for a file of which a forge gave the hunks alone: modes are
  /// taken for those of a regular file, object names are left out.
  /// - Parameters:
  ///   - oldPath: `nil` when added; - newPath: `nil` when deleted.
  ///   - hunks: from the first `@@` on; empty for a file without a change of text.
  public static func section(
    _ status: Status, oldPath: SourcePath?, newPath: SourcePath?, hunks: [UInt8]
  ) -> [UInt8] {
    var file = FileDiff(status: status)
    file.oldPath = oldPath
    file.newPath = newPath
    var output: [UInt8] = []
    file.printHeader(into: &output, hasHunks: !hunks.isEmpty)
    output += hunks
    if hunks.last ?? UInt8(ascii: "\n") != UInt8(ascii: "\n") { output.append(UInt8(ascii: "\n")) }
    return output
  }

  /// The header that git would write with its default settings.
  func printHeader(into output: inout [UInt8]) {
    printHeader(into: &output, hasHunks: !hunks.isEmpty)
  }

  private func printHeader(into output: inout [UInt8], hasHunks: Bool) {
    let old = PathNotation.written(oldPath ?? path, prefix: "a/")
    let new = PathNotation.written(newPath ?? path, prefix: "b/")
    func line(_ pieces: [UInt8]...) {
      for piece in pieces { output.append(contentsOf: piece) }
      output.append(UInt8(ascii: "\n"))
    }
    func line(_ text: String) { line(Array(text.utf8)) }

    line(Array("diff --git ".utf8), old, [UInt8(ascii: " ")], new)
    printModes(line: line(_:))
    if let dissimilarity { line("dissimilarity index \(dissimilarity)%") }
    if status == .renamed || status == .copied {
      if let similarity { line("similarity index \(similarity)%") }
      let verb = status == .renamed ? "rename" : "copy"
      line(Array("\(verb) from ".utf8), PathNotation.written(oldPath ?? path, prefix: ""))
      line(Array("\(verb) to ".utf8), PathNotation.written(newPath ?? path, prefix: ""))
    }
    if let oldBlob, let newBlob {
      let mode = oldMode.flatMap { $0 == newMode ? " \($0)" : nil } ?? ""
      line("index \(oldBlob)..\(newBlob)\(mode)")
    }
    let none = Array("/dev/null".utf8)
    let oldName = oldPath == nil ? none : old
    let newName = newPath == nil ? none : new
    if isBinary, binaryBlocks.isEmpty {
      line(
        Array("Binary files ".utf8), oldName, Array(" and ".utf8), newName, Array(" differ".utf8))
    } else if hasHunks {
      line(Array("--- ".utf8), oldName, Self.tabAfter(oldPath))
      line(Array("+++ ".utf8), newName, Self.tabAfter(newPath))
    }
  }

  private func printModes(line: (String) -> Void) {
    switch status {
    case .added: line("new file mode \(newMode ?? .regular)")
    case .deleted: line("deleted file mode \(oldMode ?? .regular)")
    default:
      if let oldMode, let newMode, oldMode != newMode {
        line("old mode \(oldMode)")
        line("new mode \(newMode)")
      }
    }
  }

  /// Git ends a name that holds a space with a tab, so that `patch` reads no time stamp into it.
  private static func tabAfter(_ path: SourcePath?) -> [UInt8] {
    path?.bytes.contains(UInt8(ascii: " ")) == true ? [UInt8(ascii: "\t")] : []
  }
}

extension Hunk {
  func print(into output: inout [UInt8]) {
    if notation.contains(.verbatim) {
      output.append(contentsOf: source[header..<headingStart])
    } else {
      let old = notation.contains(.omitsOldCount) ? "\(oldStart)" : "\(oldStart),\(oldCount)"
      let new = notation.contains(.omitsNewCount) ? "\(newStart)" : "\(newStart),\(newCount)"
      output.append(contentsOf: "@@ -\(old) +\(new) @@".utf8)
    }
    output.append(contentsOf: source[headingStart..<body])
    var lines = lines.makeIterator()
    while let line = lines.nextRaw() {
      if !line.lacksMarker {
        switch line.kind {
        case .context: output.append(UInt8(ascii: " "))
        case .added: output.append(UInt8(ascii: "+"))
        case .removed: output.append(UInt8(ascii: "-"))
        }
      }
      output.append(contentsOf: source[line.start..<line.end])
      output.append(UInt8(ascii: "\n"))
      if let note = line.note { output.append(contentsOf: source[note]) }
    }
  }
}
