import Domain

/// Which files are reviewed, and why the others are set aside.
struct ReviewSelection: Sendable {
  /// Indices into the diff's files.
  let kept: [Int]
  let setAside: [(file: Int, reason: SkipReason)]

  /// More than this in one file is data, whatever its name; to take it apart into lines would cost
  /// many times its size in memory.
  static let largestFile = ByteCount.mebibytes(8)

  init(_ diff: Diff, policy: ReviewPolicy) {
    let selection = FileSelection(policy: policy)
    var kept: [Int] = []
    var setAside: [(file: Int, reason: SkipReason)] = []
    for (index, file) in diff.files.enumerated() {
      if let reason = selection.skipReason(for: file) {
        setAside.append((index, reason))
      } else if file.hunks.isEmpty {
        setAside.append((index, .noTextChange))
      } else if file.hunks.reduce(0, { $0 + $1.byteCount.value }) > Self.largestFile.value {
        setAside.append((index, .tooLarge))
      } else {
        kept.append(index)
      }
    }
    self.kept = kept
    self.setAside = setAside
  }

  func hunks(_ diff: Diff) -> [HunkID] {
    kept.flatMap { file in (1...diff.files[file].hunks.count).map { HunkID(file: file, hunk: $0) } }
  }

  func builtInFindings(_ diff: Diff) -> [Finding] {
    BuiltInRules.findings(in: Diff(files: kept.map { diff.files[$0] }))
  }

  /// Every hunk of the diff is counted once as reviewed or stands in the ledger.
  func coverage(_ diff: Diff, _ ledger: [HunkID: SkipReason]) -> Coverage {
    var skipped = setAside.map {
      SkippedPart(path: diff.files[$0.file].path.description, hunk: nil, reason: $0.reason)
    }
    let missed = ledger.sorted { ($0.key.file, $0.key.hunk) < ($1.key.file, $1.key.hunk) }
    skipped += missed.map {
      SkippedPart(
        path: diff.files[$0.key.file].path.description, hunk: $0.key.hunk, reason: $0.value)
    }
    return Coverage(
      files: diff.files.count, hunks: diff.files.reduce(0) { $0 + $1.hunks.count },
      hunksReviewed: kept.reduce(0) { $0 + diff.files[$1].hunks.count } - ledger.count,
      skipped: skipped)
  }
}

extension Coverage {
  /// With files of which there was no text to look at.
  func adding(leftOut paths: [String]) -> Coverage {
    var coverage = self
    coverage.files += paths.count
    coverage.skipped += paths.map { SkippedPart(path: $0, hunk: nil, reason: .tooLarge) }
    return coverage
  }
}

extension String {
  var withoutFinalCR: String { utf8.last == 13 ? String(dropLast()) : self }
}
