public import Domain

/// An image that programs can be run in.
public struct PreparedImage: Sendable, Hashable {
  public var image: SandboxImage
  /// Absolute, in `/usr`: an interpreter that every user of the machine may read and run.
  public var python: String
  /// Such as `3.11.2`; of the image `python`, which nobody prepared, only `3.11`.
  public var version: String
  /// Where the packages lie on this machine, absolute; `nil` where the image has none. The sandbox
  /// shows it at `/image/site`.
  public var site: String?
  public var packages: [String: String]
  /// Modules that the nursery imports once.
  public var preload: [String]
  /// Which preparation it is: another once it was removed and prepared again, even where all else
  /// is the same. Empty where nothing was prepared.
  public var preparation: String

  public init(
    image: SandboxImage, python: String, version: String, site: String?,
    packages: [String: String], preload: [String], preparation: String = ""
  ) {
    self.image = image
    self.python = python
    self.version = version
    self.site = site
    self.packages = packages
    self.preload = preload
    self.preparation = preparation
  }
}

/// What became of one image on this machine.
public struct ImageListing: Sendable, Hashable {
  public enum State: String, Sendable, Hashable, Codable {
    case ready
    case absent
    /// Prepared by another version of Stet, or for a Python that is gone: prepare it again.
    case outdated
    /// Nothing can be prepared: no Python of the machine suits.
    case unavailable
  }
  public var definition: ImageDefinition
  public var state: State
  public var prepared: PreparedImage?
  /// Of the system's Python that the image is, or would be, prepared for.
  public var python: PythonVersion?
  /// Bytes on the disk; `nil` where nothing lies there.
  public var size: ByteCount?
}

/// Why an image could not be prepared.
public struct ImageError: Error, Sendable, Equatable {
  public enum Code: String, Sendable {
    /// No suitable Python in `/usr/bin` or `/usr/local/bin`.
    case noPython = "no_python"
    case noPip = "no_pip"
    /// The package index could not be reached.
    case network
    /// The index has other bytes than those pinned, or no wheel for this machine.
    case packages
    case diskFull = "disk_full"
    /// The folder of the images cannot be written or read.
    case storage
    /// pip, or the import of what it installed, failed in another way.
    case failed
    case cancelled
  }
  public var code: Code
  /// A sentence or two for a user, without a secret.
  public var detail: String

  public init(code: Code, detail: String) {
    self.code = code
    self.detail = detail
  }
}

/// What preparing an image tells the one who waits for it.
public enum ImageProgress: Sendable, Hashable {
  /// Another process prepares the same image.
  case waiting
  case installing(packages: Int)
  /// Importing the modules inside the sandbox, to see that they work.
  case trying
}
