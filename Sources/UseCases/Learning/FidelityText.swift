public import Domain
import Foundation

/// How near a likeness comes, for a terminal, and as a page to read side by side.
public enum FidelityText {
  public static func plain(_ fidelity: Fidelity) -> String {
    var lines = [
      "\(fidelity.reviewer) in \(fidelity.repository): \(fidelity.training) examples, "
        + "\(fidelity.heldOut) held out (later, of other pull requests)"
    ]
    lines.append("where they speak, by the neighbours alone: \(places(fidelity.foreseen))")
    if let model = fidelity.model, fidelity.measured > 0 {
      let voice = fidelity.adapter.map { "\(model) with the adapter \($0)" } ?? model
      lines.append("asked: \(voice), about \(fidelity.measured) held-out hunks")
      lines.append("where they speak, as asked: \(places(fidelity.places))")
    }
    if let about = fidelity.about {
      lines.append("what about: cosine \(number(about)) where both speak")
    }
    if let nearest = fidelity.nearest {
      lines.append("nearest example: cosine \(number(nearest)) on average")
    }
    if let theirs = fidelity.theirManner { lines.append("their manner: \(manner(theirs))") }
    if let its = fidelity.itsManner { lines.append("its manner: \(manner(its))") }
    return lines.joined(separator: "\n") + "\n"
  }

  static func places(_ places: Fidelity.Places) -> String {
    let shares = [
      places.precision.map { "precision \(number($0))" },
      places.recall.map { "recall \(number($0))" },
    ].compactMap { $0 }.joined(separator: ", ")
    let counts =
      "both \(places.both), only the likeness \(places.likenessAlone), only they "
      + "\(places.personAlone), neither \(places.neither)"
    return shares.isEmpty ? counts : "\(shares) (\(counts))"
  }

  static func manner(_ manner: Fidelity.Manner) -> String {
    "\(number(manner.length)) words, questions \(manner.questions.percent)%, code "
      + "\(manner.code.percent)%, hedged \(manner.hedged.percent)%, exclamations "
      + "\(manner.exclamations.percent)% (of \(manner.comments))"
  }

  public static func number(_ value: Double) -> String {
    let hundredths = Int((value * 100).rounded())
    let rest = abs(hundredths) % 100
    return "\(hundredths < 0 ? "-" : "")\(abs(hundredths) / 100).\(rest < 10 ? "0" : "")\(rest)"
  }

  /// A page of its own: no script, nothing from elsewhere. It holds the person's words: it is for
  /// those who may read them.
  public static func page(_ fidelity: Fidelity) -> String {
    let title = "A likeness of \(fidelity.reviewer) in \(fidelity.repository)"
    let rows = fidelity.pairs.map(row).joined(separator: "\n")
    let figures = plain(fidelity).split(separator: "\n").map { "<li>\(HTMLText.escaped($0))</li>" }
      .joined(separator: "\n")
    return """
      <!doctype html>
      <html lang="en">
      <head>
      <meta charset="utf-8">
      <meta http-equiv="Content-Security-Policy" content="default-src 'none'; \
      style-src 'unsafe-inline'">
      <meta name="viewport" content="width=device-width, initial-scale=1">
      <title>\(HTMLText.escaped(title))</title>
      <style>
      body { font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 70rem; \
      padding: 0 1rem; color: #1b1b1b; background: #fff }
      table { border-collapse: collapse; width: 100% }
      th, td { text-align: left; vertical-align: top; padding: .5rem; border-top: 1px solid #888 }
      pre { overflow-x: auto; margin: 0; font-size: .85em; max-width: 32rem }
      .silent { color: #595959; font-style: italic }
      @media (prefers-color-scheme: dark) { body { color: #eee; background: #161616 } \
      .silent { color: #aaa } }
      </style>
      </head>
      <body>
      <h1>\(HTMLText.escaped(title))</h1>
      <p>On later comments that it was not shown. The words on the left are the person's own.</p>
      <ul>
      \(figures)
      </ul>
      <table>
      <thead><tr><th scope="col">Where</th><th scope="col">They wrote</th>\
      <th scope="col">The likeness says</th></tr></thead>
      <tbody>
      \(rows)
      </tbody>
      </table>
      </body>
      </html>

      """
  }

  private static func row(_ pair: Fidelity.Pair) -> String {
    func said(_ text: String?) -> String {
      text.map { HTMLText.escaped($0) } ?? "<span class=\"silent\">silence</span>"
    }
    let line = pair.line.map { ":\($0)" } ?? ""
    let near = pair.likeness.map { "<br>cosine \(number($0))" } ?? ""
    return """
      <tr><td>#\(pair.pullRequest) \(HTMLText.escaped(pair.path))\(line)\
      <pre>\(HTMLText.escaped(pair.hunk))</pre></td><td>\(said(pair.theirs))</td>\
      <td>\(said(pair.said))<br>\(pair.confidence.percent)% sure\(near)</td></tr>
      """
  }
}
