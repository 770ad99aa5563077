import Domain
import Foundation
import Hummingbird
import Mustache

/// The pages' templates, compiled in. They hold no code, and all that they are given is escaped,
/// save `main` of the layout and the plots of a report, which are made here.
enum PageTemplates {
  /// Every template; a name is the file's.
  private static let sources: [String: [UInt8]] = [
    "layout": PackageResources.layout_mustache, "overview": PackageResources.overview_mustache,
    "runs": PackageResources.runs_mustache, "run": PackageResources.run_mustache,
    "runrow": PackageResources.runrow_mustache, "jobs": PackageResources.jobs_mustache,
    "issues": PackageResources.issues_mustache, "audit": PackageResources.audit_mustache,
    "reports": PackageResources.reports_mustache, "report": PackageResources.report_mustache,
    "signin": PackageResources.signin_mustache, "problem": PackageResources.problem_mustache,
    "hop": PackageResources.hop_mustache,
  ]

  static let style = String(decoding: PackageResources.dashboard_css, as: UTF8.self)
  /// Changes with the style, so that a browser may keep it for long.
  static let stylePlace = "/ui/style.css?v=" + TokenText.hash(style).prefix(12)

  static let contentType = "text/html; charset=utf-8"
  static let policy =
    "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; "
    + "frame-ancestors 'none'; base-uri 'none'"

  /// - Throws: where a template has a mistake, which a test would have found.
  static func library() throws -> MustacheLibrary {
    MustacheContentTypes.register(ScalarHTML(), named: ScalarHTML.name)
    let pragma = "{{% CONTENT_TYPE:\(ScalarHTML.name)}}"
    return MustacheLibrary(
      templates: try sources.mapValues {
        try MustacheTemplate(string: pragma + String(decoding: $0, as: UTF8.self))
      })
  }

  private static let shared = Result { try library() }

  /// - Parameters:
  ///   - view: a struct; an absent optional is looked for in what stands around it, so that no two
  ///     of them share a name.
  ///   - context: `nil` where nobody is known yet.
  static func response(
    _ template: String, _ view: some Any, title: String, context: ServerContext? = nil,
    status: Int = 200
  ) throws -> Response {
    let frame = FrameView(title: title, context: context)
    let library = try shared.get()
    guard let main = library.render(Framed(page: view, frame: frame), withTemplate: template),
      let page = library.render(
        Framed(page: MainView(main: main), frame: frame), withTemplate: "layout")
    else { throw Problem(.failed, "There is no template \(template).") }
    return response(html: page, status: status)
  }

  static func response(html: String, status: Int) -> Response {
    var response = Answer.text(html, contentType: contentType, status: status)
    response.headers.set("Content-Security-Policy", policy)
    // A form whose page has no referrer would not say where it comes from.
    response.headers.set("Referrer-Policy", "same-origin")
    return response
  }
}

/// The library's own way goes by grapheme: see `HTMLText`.
struct ScalarHTML: MustacheContentType {
  static let name = "STET"

  func escapeText(_ text: String) -> String { HTMLText.escaped(text) }
}

struct Framed<Page> {
  var page: Page
  var frame: FrameView
}

struct MainView { var main: String }

/// What stands around every page.
struct FrameView {
  struct Item {
    var name: String
    var place: String
    var isHere: Bool
  }

  var title: String
  var style = PageTemplates.stylePlace
  var items: [Item] = []
  /// Who looks, in words; `nil` where nobody is known.
  var who: String?
  var maySignOut = false
  var mayWrite = false
  var mayAdminister = false
  /// What forms hold.
  var csrf = ""
  var said: String?
  var version = ""

  init(title: String, context: ServerContext?) {
    self.title = title
    guard let context else { return }
    version = context.dashboard?.version ?? ""
    guard let visit = context.visit else { return }
    items = Self.places.map { name, place in
      Item(name: name, place: place, isHere: context.here == place)
    }
    let scope = visit.caller.scope?.rawValue ?? "none"
    let name = PageText.line(visit.name ?? visit.caller.actor, limit: 60)
    who = visit.caller == .local ? "This machine, without a token" : "\(name), \(scope)"
    maySignOut = visit.session != nil
    mayWrite = visit.may(.write)
    mayAdminister = visit.may(.admin)
    if let bound = visit.formsOf {
      csrf = context.dashboard?.sessions.formToken(of: bound) ?? ""
    }
    said = context.said.flatMap { Self.sentences[$0] }
  }

  private static let places = [
    ("Overview", "/"), ("Runs", "/ui/runs"), ("Jobs", "/ui/jobs"), ("Issues", "/ui/issues"),
    ("Reports", "/ui/reports"), ("Audit", "/ui/audit"),
  ]

  /// What is said after a form was taken, by the word in `?said=`.
  static let sentences = [
    "confirmed": "Confirmed. A job sets the labels now.",
    "rejected": "Rejected. A job takes the proposal back now; it counts against these labels.",
    "already": "Somebody's word on these labels is being followed already.",
    "settled": "These labels wait for no word any more: they were set, dropped or replaced.",
    "retried": "The job runs again.",
    "cancelled": "The job was cancelled.",
    "stopping": "The job runs, and was asked to stop.",
  ]
}
