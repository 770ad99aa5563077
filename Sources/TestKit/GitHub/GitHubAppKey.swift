import Crypto
import CryptoExtras
public import Foundation

/// A GitHub App's key pair, made at run time so that no key stands in the repository.
public struct GitHubAppKey: Sendable {
  public let privatePEM: String
  public let publicPEM: String

  public init() throws {
    let key = try _RSA.Signing.PrivateKey(keySize: .bits2048)
    privatePEM = key.pemRepresentation
    publicPEM = key.publicKey.pemRepresentation
  }

  /// A token as an App signs it.
  /// - Parameters: seconds from `now`.
  public func jwt(
    app: Int, now: Date = Date(), issued: TimeInterval = -60, expires: TimeInterval = 540
  ) throws -> String {
    func encoded(_ text: String) -> String { Self.base64URL(Data(text.utf8)) }
    let time = now.timeIntervalSince1970
    let signed =
      encoded("{\"alg\":\"RS256\",\"typ\":\"JWT\"}") + "."
      + encoded("{\"iat\":\(Int(time + issued)),\"exp\":\(Int(time + expires)),\"iss\":\"\(app)\"}")
    let key = try _RSA.Signing.PrivateKey(pemRepresentation: privatePEM)
    let signature = try key.signature(
      for: SHA256.hash(data: Data(signed.utf8)), padding: .insecurePKCS1v1_5)
    return signed + "." + Self.base64URL(signature.rawRepresentation)
  }

  private static func base64URL(_ data: Data) -> String {
    data.base64EncodedString().replacingOccurrences(of: "+", with: "-")
      .replacingOccurrences(of: "/", with: "_").replacingOccurrences(of: "=", with: "")
  }
}
