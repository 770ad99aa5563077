// A libFuzzer target, compiled together with Domain by run.sh. What must hold of any bytes: the
// parser returns or throws, its offsets lie in the input, and what it read prints as it was.

/// Called by libFuzzer for each input. A broken property traps, which libFuzzer reports.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzDiff(_ data: UnsafePointer<UInt8>?, _ size: Int) -> Int32 {
  let input = Array(UnsafeBufferPointer(start: data, count: size))
  do throws(DiffError) {
    let diff = try Diff(parsing: input)
    precondition(diff.printed() == input, "printing does not give the input back")
    for file in diff.files { check(file) }
  } catch {
    precondition((0...input.count).contains(error.offset), "the error lies outside the input")
  }
  return 0
}

private func check(_ file: FileDiff) {
  var additions = 0
  var deletions = 0
  var position = 0
  let index = file.lineIndex()
  for hunk in file.hunks {
    var old = 0
    var new = 0
    for line in hunk.lines {
      precondition(line.position > position, "positions do not rise")
      position = line.position
      switch line.kind {
      case .added: additions += 1
      case .removed: deletions += 1
      case .context: break
      }
      if let number = line.oldNumber {
        precondition(number == hunk.oldStart + old, "old lines are not consecutive")
        old += 1
        precondition(index.line(.old, number) == line, "the index finds another old line")
      }
      if let number = line.newNumber {
        precondition(number == hunk.newStart + new, "new lines are not consecutive")
        new += 1
        precondition(index.line(.new, number) == line, "the index finds another new line")
      }
    }
    precondition(old == hunk.oldCount && new == hunk.newCount, "a hunk has the wrong length")
  }
  precondition(additions == file.additions && deletions == file.deletions, "counts differ")
  applyToOwnOldText(file)
}

/// The old text that the hunks show, with a blank line for each that they do not, must take them.
private func applyToOwnOldText(_ file: FileDiff) {
  guard !file.isBinary, let last = file.hunks.last, last.oldStart < 10_000 else { return }
  var text: [UInt8] = []
  var number = 1
  for hunk in file.hunks {
    let first = hunk.oldCount == 0 ? hunk.oldStart + 1 : hunk.oldStart
    while number < first {
      text.append(10)
      number += 1
    }
    for line in hunk.lines where line.kind != .added {
      text.append(contentsOf: line.bytes)
      if line.endsWithNewline { text.append(10) }
      number += 1
    }
  }
  guard let patched = try? file.applied(to: text) else { return }
  precondition(patched.isExact, "the text that the hunks show does not take them where they say")
  guard let again = FileDiff.comparing(old: text, new: patched.bytes, path: file.path) else {
    return
  }
  precondition(again.additions <= file.additions, "the computed diff is larger than the one given")
  precondition((try? again.applied(to: text))?.bytes == patched.bytes, "the computed diff is wrong")
  var printed = again.printed()
  if let reparsed = try? Diff(parsing: printed) {
    precondition(reparsed.printed() == printed, "a computed diff does not print as it was read")
    precondition(reparsed.files.count == 1, "a computed diff reads as several files")
  } else {
    printed.removeAll()
    preconditionFailure("a computed diff cannot be read")
  }
}
