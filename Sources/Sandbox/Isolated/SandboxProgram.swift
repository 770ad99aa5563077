import Domain
import Foundation

/// Stet's own Python that runs inside the sandbox, and how it is called.
///
/// The text stands on the command line, so that no file of it has to be readable inside:
/// `python3 -I -S -W ignore -c TEXT ROLE SETTINGS`, where SETTINGS is JSON as `Settings` has it. Its
/// standard input is a unix socket: that of one run, or for a nursery the one on which the sockets
/// of its runs arrive.
struct SandboxProgram: Sendable {
  enum Role: String, Sendable {
    /// Forks a run for each socket that it is passed.
    case nursery
    /// One run in namespaces that were made for it already.
    case oneshot
    /// One run, kept apart from nothing.
    case bare
  }

  struct Settings: Encodable, Sendable {
    /// The folder of the image's packages inside; null where it has none.
    var site: String?
    /// Modules that are imported once.
    var preload: [String]
    /// Folders of control groups inside in which a run may make its own, by controller, such as
    /// `memory`; `unified` for version 2.
    var groups: [String: String]
    /// The working folder of a bare run; null where it makes one itself.
    var folder: String?

    func encode(to encoder: any Encoder) throws {
      var container = encoder.container(keyedBy: CodingKeys.self)
      try container.encode(site, forKey: .site)  // null, never absent
      try container.encode(preload, forKey: .preload)
      try container.encode(groups, forKey: .groups)
      try container.encode(folder, forKey: .folder)
    }

    enum CodingKeys: String, CodingKey { case site, preload, groups, folder }
  }

  static let text = String(decoding: PackageResources.nursery_py, as: UTF8.self)

  static func words(_ role: Role, python: String, settings: Settings) -> [String] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    let written = (try? encoder.encode(settings)).map { String(decoding: $0, as: UTF8.self) }
    return [python, "-I", "-S", "-W", "ignore", "-c", text, role.rawValue, written ?? "{}"]
  }
}
