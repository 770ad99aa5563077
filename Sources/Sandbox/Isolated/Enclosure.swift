/// What a program in bubblewrap sees and may do, beside the system's own programs.
struct Enclosure: Sendable {
  struct Mount: Sendable, Hashable {
    /// On this machine.
    var from: String
    /// Inside.
    var to: String
    var isWritable = false
  }

  enum User: Sendable, Hashable {
    /// This one, in a user namespace, without any capability.
    case same
    /// Root starts it with the right to become another user, which it gives up before it does
    /// anything else; for anybody else it is nobody in a user namespace.
    /// - mounts: whether it may mount folders first.
    case unprivileged(mounts: Bool)
  }

  var user = User.same
  var mounts: [Mount] = []
  /// Empty folders on which something is mounted later.
  var folders: [String] = []
  /// Empty folders of its own that can be written, of so many bytes at most; `nil` is half of the
  /// machine's memory.
  var scratch: [String: Int?] = ["/tmp": nil]
  /// Mounts `/proc`, of its own processes only.
  var processes = false
  /// The program itself is process 1 inside, to which nothing within can send a signal.
  var isFirst = false
  /// Nothing but what is mounted to be written can be.
  var isSealed = false
  var workingFolder = "/tmp"
}
