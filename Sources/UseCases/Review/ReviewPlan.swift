import Domain

/// Which hunks go to the model, riskiest first, and which the budget leaves out.
struct ReviewPlan: Sendable {
  struct Candidate: Sendable {
    let id: HunkID
    let risk: Int
    let estimate: TokenCount
  }

  /// Riskiest file first, hunks of a file together and in order.
  private(set) var chosen: [Candidate]
  var overBudget: [HunkID] {
    left.map(\.id).sorted { ($0.file, $0.hunk) < ($1.file, $1.hunk) }
  }

  /// Riskiest first.
  private var left: [Candidate]
  private var room: TokenCount

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
    chosen = []
    left = ranked
    room = budget
    _ = refill(0)
  }

  /// Takes in more hunks, riskiest first, once a part of the budget turns out not to be spent.
  /// - Returns: those that are new, in the order in which they are sent.
  mutating func refill(_ spared: TokenCount) -> [Candidate] {
    room += spared
    var fresh: [Candidate] = []
    var still: [Candidate] = []
    for candidate in left {
      if candidate.estimate <= room {
        room = room - candidate.estimate
        fresh.append(candidate)
      } else {
        still.append(candidate)
      }
    }
    left = still
    var fileRisk: [Int: Int] = [:]
    for candidate in fresh {
      fileRisk[candidate.id.file] = max(fileRisk[candidate.id.file] ?? 0, candidate.risk)
    }
    fresh.sort {
      (fileRisk[$1.id.file] ?? 0, $0.id.file, $0.id.hunk)
        < (fileRisk[$0.id.file] ?? 0, $1.id.file, $1.id.hunk)
    }
    chosen += fresh
    return fresh
  }
}

extension TokenCount {
  static func <= (a: TokenCount, b: TokenCount) -> Bool { a.value <= b.value }
}
