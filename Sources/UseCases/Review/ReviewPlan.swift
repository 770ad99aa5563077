import Domain

/// Which hunks go to the model, riskiest first, and which the budget leaves out.
struct ReviewPlan: Sendable {
  struct Candidate: Sendable {
    let id: HunkID
    let risk: Int
    let estimate: TokenCount
  }

  /// Riskiest file first, hunks of a file together and in order.
  let chosen: [Candidate]
  let overBudget: [HunkID]

  /// - Parameters:
  ///   - files: indices of the files that selection kept.
  ///   - overhead: what a hunk costs beside its own lines.
  /// - Complexity: one pass over the changed lines, then a sort of the hunks.
  init(_ diff: Diff, files: [Int], budget: TokenCount, overhead: TokenCount) {
    var candidates: [Candidate] = []
    for file in files {
      let fileDiff = diff.files[file]
      let language = Language(path: fileDiff.path)
      for (index, hunk) in fileDiff.hunks.enumerated() {
        var added: [String] = []
        var removed: [String] = []
        var bytes = 0
        var lines = 0
        for line in hunk.lines {
          bytes += line.bytes.count
          lines += 1
          switch line.kind {
          case .added: if added.count < 200 { added.append(line.text) }
          case .removed: if removed.count < 200 { removed.append(line.text) }
          case .context: break
          }
        }
        candidates.append(
          Candidate(
            id: HunkID(file: file, hunk: index + 1),
            risk: HunkRisk.score(
              path: fileDiff.path, language: language, added: added, removed: removed),
            estimate: TokenCount(bytes / 3 + lines * 5) + overhead))
      }
    }
    let ranked = candidates.sorted {
      ($1.risk, $0.id.file, $0.id.hunk) < ($0.risk, $1.id.file, $1.id.hunk)
    }
    var spent: TokenCount = 0
    var chosen: [Candidate] = []
    var left: [HunkID] = []
    for candidate in ranked {
      if spent + candidate.estimate <= budget {
        spent += candidate.estimate
        chosen.append(candidate)
      } else {
        left.append(candidate.id)
      }
    }
    var fileRisk: [Int: Int] = [:]
    for candidate in chosen {
      fileRisk[candidate.id.file] = max(fileRisk[candidate.id.file] ?? 0, candidate.risk)
    }
    self.chosen = chosen.sorted {
      (fileRisk[$1.id.file] ?? 0, $0.id.file, $0.id.hunk)
        < (fileRisk[$0.id.file] ?? 0, $1.id.file, $1.id.hunk)
    }
    overBudget = left.sorted { ($0.file, $0.hunk) < ($1.file, $1.hunk) }
  }
}

extension TokenCount {
  static func <= (a: TokenCount, b: TokenCount) -> Bool { a.value <= b.value }
}
