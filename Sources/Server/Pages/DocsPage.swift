import Domain
import Foundation
import Hummingbird

/// `/docs`: the description of the API as a page.
enum DocsPage {
  static func text(of routes: [Route], version: String) -> String {
    var parts = [
      """
      <main>
      <h1>The API</h1>
      <p>Routes marked with a scope take <code>Authorization: Bearer TOKEN</code>; \
      <code>stet token create</code> makes one. While no token exists, programs of this machine \
      are answered without, unless the server has a public address. Errors are <code>application/problem+json</code>. \
      <a href="/openapi.json">As OpenAPI 3.1.</a> \
      This is Stet \(HTMLText.escaped(version)).</p>
      <h2>Routes</h2>
      """
    ]
    parts += routes.map(section)
    parts.append("<h2>Shapes</h2>")
    for (name, schema) in Schemas.all.sorted(by: { $0.key < $1.key }) {
      parts.append(
        "<h3 id=\"schema-\(HTMLText.escaped(name))\">\(HTMLText.escaped(name))</h3>\n"
          + "<pre>\(HTMLText.escaped(pretty(schema)))</pre>")
    }
    parts.append("<h2>Problems</h2>\n<table>")
    for kind in Problem.Kind.allCases {
      parts.append(
        "<tr id=\"\(kind.rawValue)\"><th scope=\"row\">\(kind.status)</th>"
          + "<td><code>\(kind.rawValue)</code></td><td>\(HTMLText.escaped(kind.title))</td></tr>")
    }
    parts.append("</table>\n</main>")
    return parts.joined(separator: "\n")
  }

  private static func section(_ route: Route) -> String {
    let operation = route.operation
    var lines = [
      "<h3><code>\(route.method.rawValue) \(HTMLText.escaped(route.path))</code></h3>",
      "<p>\(HTMLText.escaped(operation.summary)). \(HTMLText.escaped(operation.detail))",
    ]
    if let scope = route.access.scope {
      lines.append("Scope: <code>\(scope.rawValue)</code>.")
    }
    lines.append("</p>\n<table>")
    for parameter in operation.parameters {
      lines.append(
        row(
          "\(parameter.place.rawValue) <code>\(HTMLText.escaped(parameter.name))</code>",
          parameter.meaning))
    }
    if let body = operation.body { lines.append(row("body", "", link(body))) }
    for result in operation.results {
      lines.append(
        row("\(result.status)", result.meaning, result.schema.map(link) ?? result.contentType))
    }
    let statuses = Set(Description.problems(of: route).map(\.status)).sorted()
    lines.append(row("problems", statuses.map(String.init).joined(separator: ", ")))
    lines.append("</table>")
    return lines.joined(separator: "\n")
  }

  private static func row(_ head: String, _ meaning: String, _ further: String = "") -> String {
    "<tr><th scope=\"row\">\(head)</th><td>\(HTMLText.escaped(meaning)) \(further)</td></tr>"
  }

  private static func link(_ schema: String) -> String {
    "<a href=\"#schema-\(schema)\">\(schema)</a>"
  }

  private static func pretty(_ value: JSONValue) -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    return (try? encoder.encode(value)).map { String(decoding: $0, as: UTF8.self) } ?? ""
  }
}
