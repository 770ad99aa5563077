import Domain
import Foundation
import Hummingbird
import UseCases

/// `/ui/audit`: who did what, and why.
struct AuditPage {
  struct View {
    struct Row {
      var number: String
      var at: TimeView
      var actor: String
      var action: String
      var place: String
      var placeFilter: String
      var placeLink: String?
      var decidedBy: String?
      var runPlace: String?
      var facts: [Fact]
    }

    struct Fact {
      var name: String
      var value: String
    }

    var place: String
    var isFiltered: Bool
    var entries: [Row]
    var older: String?
    /// The page ended before it was full.
    var isCut: Bool
    var isFirst: Bool
  }

  let ports: ServerPorts
  let links: PageLinks

  @Sendable func list(_ request: Request, _ context: ServerContext) async throws -> Response {
    let query = Query(request)
    let place = (query["place"] ?? "").replacing("+", with: " ")
      .trimmingCharacters(in: .whitespaces)
    guard place.utf8.count <= 300 else {
      throw Problem.fields([.init(field: "place", message: "It is longer than any place.")])
    }
    let before = try query.integer("before", in: 1...Int.max)
    let page = try await ReadAudit(ports.audit).page(
      limit: Paging.rows, before: before.map { Int64($0) }, place: place)
    let now = ports.now()
    let view = View(
      place: PageText.line(place, limit: 300), isFiltered: !place.isEmpty,
      entries: page.entries.map { row($0, now) },
      older: page.next.map {
        "/ui/audit?before=\($0)"
          + (place.isEmpty ? "" : "&place=\(DashboardDoor.encoded(place))")
      }, isCut: !page.isFull, isFirst: before == nil)
    return try PageTemplates.response("audit", view, title: "Audit", context: context)
  }

  private func row(_ entry: AuditEntry, _ now: Date) -> View.Row {
    let event = entry.event
    return View.Row(
      number: "\(entry.number)", at: TimeView(entry.at, now: now),
      actor: PageText.line(event.actor, limit: 100),
      action: PageText.line(event.action, limit: 100),
      place: PageText.line(event.place, limit: 200), placeFilter: PageLinks.audit(event.place),
      placeLink: links.issue(event.place),
      decidedBy: event.decidedBy.isEmpty ? nil : PageText.line(event.decidedBy, limit: 100),
      runPlace: event.run.map(PageLinks.run),
      facts: event.facts.sorted { $0.key < $1.key }.prefix(20).map {
        View.Fact(
          name: PageText.line($0.key, limit: 60), value: PageText.line($0.value, limit: 300))
      })
  }
}
