import Domain
import JWTKit

/// A GitHub App's private key: signs the short tokens by which the App shows who it is.
struct AppKey: Sendable {
  let id: String
  private let key: Insecure.RSA.PrivateKey

  /// - Throws: `.unauthorized` for what is no RSA private key of 2048 bits or more; the text itself
  ///   is never repeated.
  init(id: String, pem: String) throws(ForgeError) {
    guard !id.isEmpty else {
      throw ForgeError(
        code: .unauthorized,
        detail: "The GitHub App has no id: set its App id or client id, as its settings page shows."
      )
    }
    self.id = id
    // Environment variables often carry the line breaks as `\n`.
    let text = pem.contains("\n") ? pem : pem.replacing("\\n", with: "\n")
    do { key = try Insecure.RSA.PrivateKey(pem: text.trimmingWhitespace) } catch {
      throw ForgeError(
        code: .unauthorized,
        detail: "The private key of the GitHub App cannot be read: it must be the whole PEM file "
          + "that GitHub gave, an RSA key of at least 2048 bits between its BEGIN and END lines.")
    }
  }

  private struct Claims: JWTPayload {
    var iss: String
    // Whole seconds: GitHub refuses fractions.
    var iat: Int
    var exp: Int

    func verify(using algorithm: some JWTAlgorithm) throws {}
  }

  /// A token that GitHub takes from a minute before `time`, against small differences of clocks,
  /// for the ten minutes that it allows.
  /// - Parameter time: seconds since 1970.
  func token(at time: Double) async throws(ForgeError) -> String {
    let start = Int(time) - 60
    do {
      let keys = await JWTKeyCollection().add(rsa: key, digestAlgorithm: .sha256)
      return try await keys.sign(Claims(iss: id, iat: start, exp: start + 600))
    } catch {
      throw ForgeError(
        code: .unauthorized, detail: "The private key of the GitHub App cannot sign.")
    }
  }
}

extension String {
  fileprivate var trimmingWhitespace: String {
    var text = self[...]
    while text.first?.isWhitespace == true { text.removeFirst() }
    while text.last?.isWhitespace == true { text.removeLast() }
    return String(text)
  }
}
