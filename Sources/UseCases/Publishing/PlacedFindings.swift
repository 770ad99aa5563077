import Domain

/// What becomes of each finding of a review when it is published.
struct PlacedFindings: Sendable {
  /// Comments of this head: those to be posted now, and those of them that stand already because a
  /// try before this one was cut short.
  var atLines: [Finding] = []
  /// Of `atLines`, what is not on the forge yet.
  var toPost: [Finding] = []
  /// Stand as comments since an earlier head; never posted again.
  var earlier: [Finding] = []
  /// On lines that take no comment, or more than one review may hold: listed in the summary.
  var listed: [Finding] = []
  /// How many somebody asked to be silent about.
  var ignored = 0

  /// A forge takes more, but no reader does; the rest is listed.
  static let mostComments = 50

  init() {}

  /// - Parameters:
  ///   - head: the commit that was reviewed.
  ///   - posted: what stands on the forge already.
  ///   - takesComment: whether the forge takes a comment at the finding's lines.
  init(
    _ findings: [Finding], head: String, posted: [Publication.Posted],
    ignored silenced: [String: String], takesComment: (Finding) -> Bool
  ) {
    let heads = Dictionary(posted.map { ($0.fingerprint, $0.head) }) { _, last in last }
    var places: [Finding] = []
    for finding in findings {
      if silenced[finding.fingerprint] != nil {
        ignored += 1
      } else if let postedOn = heads[finding.fingerprint] {
        if postedOn == head { atLines.append(finding) } else { earlier.append(finding) }
      } else if takesComment(finding) {
        places.append(finding)
      } else {
        listed.append(finding)
      }
    }
    // The most severe ones get the places that there are.
    let room = max(0, Self.mostComments - atLines.count)
    let order = places.indices.sorted {
      (places[$1].severity, $0) < (places[$0].severity, $1)
    }
    let chosen = Set(order.prefix(room))
    for index in places.indices {
      if chosen.contains(index) {
        toPost.append(places[index])
      } else {
        listed.append(places[index])
      }
    }
    atLines += toPost
  }

  /// Everything that speaks against the change; what is ignored does not.
  var standing: [Finding] { atLines + earlier + listed }

  /// The forge refused these places: they are listed instead.
  mutating func list(_ refused: [Finding]) {
    let gone = Set(refused.map(\.fingerprint))
    atLines.removeAll { gone.contains($0.fingerprint) }
    toPost.removeAll { gone.contains($0.fingerprint) }
    listed += refused
  }
}
