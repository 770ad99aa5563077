import Crypto
import Domain
import Foundation
import Hummingbird

/// Pages of plain HTML that fetch nothing and run nothing.
enum Page {
  static func response(title: String, body: String) -> Response {
    var response = Answer.text(
      """
      <!doctype html>
      <html lang="en">
      <head>
      <meta charset="utf-8">
      <meta name="viewport" content="width=device-width, initial-scale=1">
      <title>\(HTMLText.escaped(title)) · Stet</title>
      <style>\(style)</style>
      </head>
      <body>
      \(body)
      </body>
      </html>

      """, contentType: "text/html; charset=utf-8")
    response.headers.set("Content-Security-Policy", policy)
    return response
  }

  /// Nothing but the page's own style, by its hash.
  static let policy: String = {
    let hash = Data(SHA256.hash(data: Data(style.utf8))).base64EncodedString()
    return "default-src 'none'; style-src 'sha256-\(hash)'; base-uri 'none'; form-action 'none'; "
      + "frame-ancestors 'none'"
  }()

  private static let style = """
    :root { color-scheme: light dark; }
    body { font: 16px/1.5 system-ui, sans-serif; margin: 0; }
    main { max-width: 52rem; margin: 0 auto; padding: 2rem 1rem; }
    h2 { margin-top: 2.5rem; } h3 { margin: 2rem 0 0; }
    code, pre { font: 0.9em/1.4 ui-monospace, monospace; }
    pre { overflow-x: auto; padding: 0.75rem; border: 1px solid #8886; border-radius: 4px; }
    table { border-collapse: collapse; } th { text-align: left; }
    th, td { padding: 0.15rem 1rem 0.15rem 0; vertical-align: top; }
    """
}
