import Domain
import Foundation

/// Stet's own Python that runs inside the sandbox, and how it is called.
///
/// The text stands on the command line, so that no file of it has to be readable inside. What its
/// words and its configuration mean is told at the top of `nursery.py`.
struct SandboxProgram: Sendable {
  enum Role: String, Sendable {
    /// Forks a run for each socket that it is passed.
    case nursery
    /// One run, whose socket is its standard input.
    case oneshot
  }

  struct Configuration: Encodable, Sendable {
    /// The folder of the image's packages inside.
    var site: String?
    /// Modules that are imported once; those that most programs use, where empty.
    var preload: [String] = []
    /// Whom it becomes where root starts it.
    var uid: UInt32?
    /// `given` where the working folder is mounted already.
    var work: String?
    /// Whether bubblewrap could not bound the folders that it mounted.
    var unsized: Bool?
    /// Folders of control groups inside, by controller.
    var groups: [String: String] = [:]
  }

  static let text = parts.map { String(decoding: $0, as: UTF8.self) }.joined(separator: "\n")

  private static let parts: [[UInt8]] = [
    PackageResources.seccomp_py, PackageResources.confinement_py,
    PackageResources.control_group_py, PackageResources.judged_py, PackageResources.collection_py,
    PackageResources.request_py, PackageResources.tree_py, PackageResources.run_socket_py,
    PackageResources.warden_py, PackageResources.nursery_py,
  ]

  static func words(
    _ role: Role, python: String, configuration: Configuration, isBare: Bool = false
  ) throws(SandboxError) -> [String] {
    let written = String(decoding: try JSONText.encoded(configuration), as: UTF8.self)
    return [python, "-I", "-S", "-W", "ignore", "-c", text, role.rawValue, written]
      + (isBare ? ["bare"] : [])
  }
}
