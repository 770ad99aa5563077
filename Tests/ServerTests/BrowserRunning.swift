import Foundation

/// Starts `Browser/browse.py` with what is installed here.
enum BrowserRunning {
  struct Told: Decodable {
    /// What the console complained of.
    var errors: [String]
    /// Of each page at 400 px.
    var widest: [String: Int]
    /// Texts whose contrast is too low, by page and scheme.
    var faint: [String]
    /// What a screen reader would stumble over.
    var unnamed: [String]
    var images: Int
    var painted: Int
    var alerts: Int
    var signedInAt: String
    var said: String
    var signedOutAt: String

    enum CodingKeys: String, CodingKey {
      case errors, widest, faint, unnamed, images, painted, alerts, said
      case signedInAt = "signed_in_at"
      case signedOutAt = "signed_out_at"
    }
  }

  static let browser = find(["chromium", "chromium-browser", "google-chrome"])
  static let python = find(["python3"])

  private static func find(_ names: [String]) -> String? {
    let path = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin"
    for name in names {
      for folder in path.split(separator: ":") {
        let place = "\(folder)/\(name)"
        if FileManager.default.isExecutableFile(atPath: place) { return place }
      }
    }
    return nil
  }

  struct Failed: Error { var output: String }

  /// - Parameter folder: for screenshots; `nil`: they are thrown away.
  static func run(
    address: String, token: String, pages: [String], folder: String?
  ) async throws -> Told {
    guard let browser, let python else { throw Failed(output: "nothing to run") }
    let profile = FileManager.default.temporaryDirectory
      .appending(path: "stet-browser-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: profile, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: profile) }
    let process = Process()
    process.executableURL = URL(fileURLWithPath: python)
    let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .appending(path: "Browser/browse.py").path
    process.arguments = [script, browser, profile.path, address, folder ?? ""] + pages
    process.environment = [
      "STET_TOKEN": token, "PATH": "/usr/bin:/bin", "HOME": profile.path, "LANG": "C.UTF-8",
    ]
    let (output, errors) = (Pipe(), Pipe())
    process.standardOutput = output
    process.standardError = errors
    let (text, complaint) = try await withCheckedThrowingContinuation {
      (continuation: CheckedContinuation<(Data, Data), any Error>) in
      // Reading blocks, so it has a thread of its own.
      Thread.detachNewThread {
        do {
          try process.run()
          let text = output.fileHandleForReading.readDataToEndOfFile()
          let complaint = errors.fileHandleForReading.readDataToEndOfFile()
          process.waitUntilExit()
          continuation.resume(returning: (text, complaint))
        } catch {
          continuation.resume(throwing: error)
        }
      }
    }
    guard process.terminationStatus == 0 else {
      throw Failed(output: String(decoding: text + complaint, as: UTF8.self))
    }
    return try JSONDecoder().decode(Told.self, from: text)
  }
}
