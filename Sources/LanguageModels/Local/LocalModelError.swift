public import Domain

/// Why a local model cannot be had, started or kept running, in terms a caller can act on.
public struct LocalModelError: Error, Sendable, Equatable, CustomStringConvertible {
  public enum Code: String, Sendable, CaseIterable {
    /// The catalogue has no such name.
    case unknownModel = "unknown_model"
    /// The model was never pulled, or only in part.
    case missing
    /// The file is not the one that the catalogue names, or the server cannot read it.
    case damaged
    case diskFull = "disk_full"
    /// Every source was tried and none gave the right bytes.
    case downloadFailed = "download_failed"
    /// A file or folder in the data folder cannot be read or written.
    case storage
    case pythonMissing = "python_missing"
    /// The server program could not be installed.
    case installFailed = "install_failed"
    /// The server did not start, or it stopped and starting it again did not help.
    case serverFailed = "server_failed"
    case outOfMemory = "out_of_memory"
    case cancelled
  }

  public var code: Code
  /// One sentence or two: what is wrong, where, and what to do.
  public var detail: String

  public init(_ code: Code, _ detail: String) {
    self.code = code
    self.detail = detail
  }

  public var description: String { detail }

  /// The same failure as a use case that asked for an answer sees it.
  public var asModelError: ModelError {
    switch code {
    case .cancelled: ModelError(code: .cancelled, detail: detail)
    case .unknownModel: ModelError(code: .rejected, detail: detail)
    default: ModelError(code: .unavailable, detail: detail)
    }
  }
}
