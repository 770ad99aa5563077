extension MergeQueue {
  /// Why a pull request is not merging, in one sentence.
  public func why(_ number: Int) -> String {
    guard let entry = entry(number) else { return "#\(number) is not in the queue of \(branch)." }
    let frozen = freeze.map { "; merges into \(branch) are frozen: \($0)" } ?? ""
    if merging?.number == number { return "#\(number) is being merged into \(branch)." }
    guard let index = batches.firstIndex(where: { $0.numbers.contains(number) }) else {
      if let part = parts.firstIndex(where: { $0.contains(number) }) {
        return
          "#\(number) was in a batch that failed and is tried again in a smaller one, "
          + "\(part + 1) of \(parts.count)\(frozen)."
      }
      let raise =
        entry.raised == entry.priority
        ? ""
        : ", which counts as \(entry.raised.rawValue) since \(entry.overtaken) later ones went "
          + "before it"
      let before = waiting.prefix { $0.number != number }.count + batches.flatMap(\.numbers).count
      return
        "#\(number) waits in the queue of \(branch) with priority \(entry.priority.rawValue)"
        + raise + ", \(before) before it\(frozen)."
    }
    let batch = batches[index]
    let others = batch.numbers.filter { $0 != number }.map { "#\($0)" }
    let company = others.isEmpty ? "" : " together with \(Wording.list(others))"
    let upon =
      index == 0 ? "" : ", upon \(index) batch\(index == 1 ? "" : "es") that must be merged first"
    switch batch.state {
    case .building: return "#\(number)\(company) is being put on a trial branch\(upon)\(frozen)."
    case .testing:
      return "#\(number)\(company) waits for the checks of its trial branch\(upon)\(frozen)."
    case .passed:
      let cause =
        frozen.isEmpty
        ? index == 0 ? " for the merges before it" : " for the batches before it"
        : ":\(frozen.dropFirst())"
      return "#\(number)\(company) passed its trial and waits\(cause)."
    case .failed(let reason):
      return
        "#\(number)\(company) failed its trial (\(reason))\(upon): it is tried again when they are."
    }
  }
}
