/// What a look at one part of the surroundings found.
struct DoctorFinding: Sendable, Equatable {
  enum State: String, Sendable, Encodable {
    case ok
    /// Something optional is not there: one feature less, nothing broken.
    case absent
    /// Something that is needed does not work.
    case broken
  }

  var state: State
  /// What is there.
  var detail: String
  /// What to do, where something is to be done.
  var advice: String?

  static func ok(_ detail: String) -> Self { Self(state: .ok, detail: detail, advice: nil) }
  static func absent(_ detail: String, _ advice: String?) -> Self {
    Self(state: .absent, detail: detail, advice: advice)
  }
  static func broken(_ detail: String, _ advice: String) -> Self {
    Self(state: .broken, detail: detail, advice: advice)
  }
}

/// One part that `stet doctor` looks at.
struct DoctorCheck: Sendable {
  var part: String
  var look: @Sendable () async -> DoctorFinding

  init(_ part: String, _ look: @escaping @Sendable () async -> DoctorFinding) {
    self.part = part
    self.look = look
  }
}

/// The findings of all checks, in the order of the checks.
struct DoctorReport: Sendable {
  struct Line: Sendable, Encodable, Equatable {
    var part: String
    var state: DoctorFinding.State
    var detail: String
    var advice: String?

    func encode(to encoder: any Encoder) throws {
      var container = encoder.container(keyedBy: CodingKeys.self)
      try container.encode(part, forKey: .part)
      try container.encode(state, forKey: .state)
      try container.encode(detail, forKey: .detail)
      try container.encode(advice, forKey: .advice)  // null, never absent
    }
    enum CodingKeys: String, CodingKey { case part, state, detail, advice }
  }

  var lines: [Line]

  /// Looks at everything at once, for a server that does not answer should not delay the rest.
  init(of checks: [DoctorCheck]) async {
    lines = await withTaskGroup(of: (Int, Line).self) { group in
      for (place, check) in checks.enumerated() {
        group.addTask {
          let found = await check.look()
          return (
            place,
            Line(
              part: check.part, state: found.state, detail: found.detail, advice: found.advice)
          )
        }
      }
      var found: [(Int, Line)] = []
      for await line in group { found.append(line) }
      return found.sorted { $0.0 < $1.0 }.map(\.1)
    }
  }

  var isBroken: Bool { lines.contains { $0.state == .broken } }

  func text(_ terminal: Terminal) -> String {
    let width = lines.map(\.part.count).max() ?? 0
    var text = ""
    for line in lines {
      let (mark, style): (String, Terminal.Style) =
        switch line.state {
        case .ok: ("ok     ", .green)
        case .absent: ("absent ", .yellow)
        case .broken: ("broken ", .red)
        }
      let pad = String(repeating: " ", count: width - line.part.count + 2)
      text += terminal.styled(mark, style) + " " + line.part + pad + TextTable.plain(line.detail)
      text += "\n"
      if let advice = line.advice {
        text += String(repeating: " ", count: width + 10) + "→ " + TextTable.plain(advice) + "\n"
      }
    }
    return text
  }
}
