/// What a program in bubblewrap sees and may do, beside the system's own programs.
struct Enclosure: Sendable {
  struct Mount: Sendable, Hashable {
    /// On this machine.
    var from: String
    /// Inside.
    var to: String
    var isWritable = false
  }
  /// An empty folder of its own that everybody inside may write.
  struct Scratch: Sendable, Hashable {
    var path: String
    /// `nil` where the machine's memory is the only bound.
    var bytes: Int?
  }

  var mounts: [Mount] = []
  /// Empty folders on which something is mounted later.
  var folders: [String] = []
  var scratch = [Scratch(path: "/tmp")]
  /// Mounts `/proc`, of its own processes only.
  var processes = false
  /// Lets a program that root starts become another user. It starts as root then, without any
  /// other right, and becomes that user before it does anything else.
  var changesUser = false
  /// Nothing but the folders meant for it can be written.
  var isSealed = false
  /// Added to `PATH` and `LC_ALL`.
  var environment: [String: String] = [:]
  var workingFolder = "/tmp"
}
