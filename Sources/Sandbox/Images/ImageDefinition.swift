public import Domain

/// A Python of at least 3.10, as `3.11`.
public struct PythonVersion: Sendable, Hashable, Comparable, CustomStringConvertible {
  public var major: Int
  public var minor: Int

  public init(_ major: Int, _ minor: Int) {
    self.major = major
    self.minor = minor
  }

  /// Reads the first two numbers of `3.11.2` or `3.11`.
  public init?(_ text: some StringProtocol) {
    let numbers = text.split(separator: ".", omittingEmptySubsequences: false).prefix(2)
      .map { part in Int(part.prefix { $0.isASCII && $0.isNumber }) }
    guard numbers.count == 2, let major = numbers[0], let minor = numbers[1] else { return nil }
    self.init(major, minor)
  }

  public static func < (left: Self, right: Self) -> Bool {
    (left.major, left.minor) < (right.major, right.minor)
  }
  public var description: String { "\(major).\(minor)" }
}

/// One package of an image in the one version that was tried, with the SHA-256 of its wheels.
public struct PinnedPackage: Sendable, Hashable {
  /// Newer versions of some packages leave Python 3.10, which Ubuntu 22.04 has, behind.
  public enum Pythons: Sendable, Hashable { case any, before311, from311 }

  /// As the index spells it: lower case, with dashes.
  public var name: String
  public var version: String
  public var pythons: Pythons
  public var sha256: [String]

  public init(_ name: String, _ version: String, _ pythons: Pythons, _ sha256: [String]) {
    self.name = name
    self.version = version
    self.pythons = pythons
    self.sha256 = sha256
  }

  func isFor(_ python: PythonVersion) -> Bool {
    switch pythons {
    case .any: true
    case .before311: python < PythonVersion(3, 11)
    case .from311: python >= PythonVersion(3, 11)
    }
  }

  /// One line of a requirements file that pip takes in its hash-checking mode.
  var requirement: String {
    (["\(name)==\(version)"] + sha256.map { "--hash=sha256:\($0)" }).joined(separator: " ")
  }
}

/// What an image is made of. All of it is data; nothing of the machine it is prepared on.
public struct ImageDefinition: Sendable, Hashable {
  public var image: SandboxImage
  /// The oldest Python that runs Stet's own programs and has wheels of the packages.
  public var oldestPython: PythonVersion
  /// The newest Python that the packages have wheels for; `nil` where it does not matter.
  public var newestPython: PythonVersion?
  /// The whole closure. pip resolves nothing.
  public var packages: [PinnedPackage]
  /// Modules that the nursery imports once, so that each run finds them there.
  public var preload: [String]
  /// What preparing needs on the disk at most, its downloads included.
  public var space: ByteCount

  public init(
    image: SandboxImage, oldestPython: PythonVersion, newestPython: PythonVersion?,
    packages: [PinnedPackage], preload: [String], space: ByteCount
  ) {
    self.image = image
    self.oldestPython = oldestPython
    self.newestPython = newestPython
    self.packages = packages
    self.preload = preload
    self.space = space
  }

  public static func of(_ image: SandboxImage) -> ImageDefinition {
    switch image {
    case .python:
      ImageDefinition(
        image: image, oldestPython: PythonVersion(3, 9), newestPython: nil, packages: [],
        preload: [], space: 0)
    case .data:
      ImageDefinition(
        image: image, oldestPython: PythonVersion(3, 10), newestPython: PythonVersion(3, 14),
        packages: PinnedPackages.data + testRunners, preload: ["numpy", "pandas"],
        space: .mebibytes(420))
    case .test:
      // mypy.main costs the nursery 10 MB and saves each run 0.13 s; bandit's command line would
      // bring in its plug-ins, which it finds by itself in 0.1 s.
      ImageDefinition(
        image: image, oldestPython: PythonVersion(3, 10), newestPython: PythonVersion(3, 14),
        packages: PinnedPackages.test,
        preload: [
          "pytest", "hypothesis", "bandit.core.manager", "bandit.core.config", "mypy.main",
        ],
        space: .mebibytes(350))
    }
  }

  /// What runs tests, from among the packages of the image `test`: tests of code that needs numpy are
  /// written for pytest too.
  private static let testRunners: [PinnedPackage] = {
    let names: Set = [
      "exceptiongroup", "hypothesis", "iniconfig", "packaging", "pluggy", "pygments", "pytest",
      "sortedcontainers", "tomli", "typing-extensions",
    ]
    let there = Set(PinnedPackages.data.map(\.name))
    return PinnedPackages.test.filter { names.contains($0.name) && !there.contains($0.name) }
  }()

  public func packages(for python: PythonVersion) -> [PinnedPackage] {
    packages.filter { $0.isFor(python) }
  }

  func suits(_ python: PythonVersion) -> Bool {
    python >= oldestPython && newestPython.map { python <= $0 } ?? true
  }

  /// `3.10 to 3.14`, or `3.9 or later`.
  public var pythons: String {
    newestPython.map { "\(oldestPython) to \($0)" } ?? "\(oldestPython) or later"
  }
}
