public import ArgumentParser
public import Domain
import Foundation
import Sandbox

extension SandboxImage: ExpressibleByArgument {}

struct SandboxCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "sandbox",
    abstract: "Prepare, list and remove what sandboxed programs find installed.",
    subcommands: [
      SandboxPrepareCommand.self, SandboxListCommand.self, SandboxRemoveCommand.self,
    ])
}

struct SandboxPrepareCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "prepare",
    abstract: "Fetch the packages of an image, in pinned versions, and try them.",
    discussion: """
      Without a name it prepares test, which `stet evaluate` and `stet generate` work in. What is \
      ready is left as it is.
      """)

  @Argument(help: "An image of `stet sandbox list`; may be several.")
  var images: [SandboxImage] = []
  @Flag(help: "Prepare every image.")
  var all = false
  @Flag(help: "Print JSON.")
  var json = false
  @OptionGroup var settingsOptions: SettingsOptions

  func validate() throws {
    if all, !images.isEmpty {
      throw ValidationError("--all prepares every image; leave the names out.")
    }
  }

  func run() async throws {
    let settings = try settingsOptions.read()
    settings.tellWarnings()
    try DataFolder(settings.dataFolder).make()
    let store = Wiring(settings).images
    let wanted = all ? SandboxImage.allCases : images.isEmpty ? [.test] : images
    let line = ProgressLine(terminal: Terminal(environment: settings.environment))
    var prepared: [ImageListing] = []
    for image in wanted where !prepared.contains(where: { $0.definition.image == image }) {
      do {
        defer { line.end() }
        try await store.prepare(image, environment: settings.networkEnvironment) {
          line.show(ImageListingText.progress($0, of: image))
        }
      } catch {
        throw ImageFailure.command(error)
      }
      prepared.append(store.listing(of: image))
    }
    try ImageListingText.print(prepared, json: json)
  }
}

struct SandboxListCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "List the images, what is in them, and what of them is here.")

  @Flag(help: "Print JSON.")
  var json = false
  @OptionGroup var settingsOptions: SettingsOptions

  func run() async throws {
    let settings = try settingsOptions.read()
    try ImageListingText.print(Wiring(settings).images.list(), json: json)
  }
}

struct SandboxRemoveCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "remove", abstract: "Remove the packages of an image from this machine.")

  @Argument(help: "An image of `stet sandbox list`.")
  var image: SandboxImage
  @Flag(help: "Print JSON.")
  var json = false
  @OptionGroup var settingsOptions: SettingsOptions

  func run() async throws {
    let settings = try settingsOptions.read()
    let store = Wiring(settings).images
    if store.definition(of: image).packages.isEmpty {
      throw CommandFailure.misuse(
        "The image \(image.rawValue) is the system's own Python; there is nothing to remove.")
    }
    let removed: Bool
    do {
      removed = try await store.remove(image)
    } catch {
      throw ImageFailure.command(error)
    }
    if json {
      try ImageListingText.print([store.listing(of: image)], json: true)
    } else {
      Output.notes.tell(
        removed
          ? "Removed the image \(image.rawValue)." : "The image \(image.rawValue) is not here.")
    }
  }
}

/// What went wrong with an image, as an exit status.
enum ImageFailure {
  static func command(_ error: ImageError) -> CommandFailure { .failed(error.detail) }
}

extension Wiring {
  /// What sandboxed programs find installed.
  var images: ImageStore { ImageStore(folder: settings.dataFolder + "/images") }
}

/// Images for a person and for programs.
enum ImageListingText {
  private struct Row: Encodable {
    var name: String
    var state: ImageListing.State
    var python: String?
    var version: String?
    var packages: [String: String]
    var size: Int?
    var path: String?

    init(_ listing: ImageListing) {
      let definition = listing.definition
      let python = listing.python ?? definition.newestPython ?? definition.oldestPython
      name = definition.image.rawValue
      state = listing.state
      self.python = listing.prepared?.python
      version = listing.prepared?.version
      packages =
        listing.prepared?.packages
        ?? Dictionary(
          definition.packages(for: python).map { ($0.name, $0.version) },
          uniquingKeysWith: { first, _ in first })
      size = listing.size?.value
      path = listing.prepared?.site
    }

    func encode(to encoder: any Encoder) throws {
      var container = encoder.container(keyedBy: CodingKeys.self)
      try container.encode(name, forKey: .name)
      try container.encode(state, forKey: .state)
      try container.encode(python, forKey: .python)  // null, never absent
      try container.encode(version, forKey: .version)
      try container.encode(packages, forKey: .packages)
      try container.encode(size, forKey: .size)
      try container.encode(path, forKey: .path)
    }
    enum CodingKeys: String, CodingKey {
      case name, state, python, version, packages, size, path
    }
  }

  static func print(_ listings: [ImageListing], json: Bool) throws {
    let rows = listings.map(Row.init)
    guard !json else { return try Output.results.write(JSONText.of(rows)) }
    var table = TextTable(columns: 5)
    for (row, listing) in zip(rows, listings) {
      table.add([
        row.name, row.state.rawValue, row.version.map { "Python \($0)" } ?? "-",
        row.size.map { ModelListing.size($0) } ?? "-", contents(listing),
      ])
    }
    try Output.results.write(table.text)
  }

  /// The packages that were asked for; what these need besides is in the JSON.
  private static func contents(_ listing: ImageListing) -> String {
    let wanted: [String] =
      switch listing.definition.image {
      case .python: []
      case .data: ["numpy", "pandas", "pytest", "hypothesis"]
      case .test: ["pytest", "hypothesis", "ruff", "bandit", "mypy"]
      }
    guard !wanted.isEmpty else { return "the standard library" }
    let packages = Row(listing).packages
    return wanted.map { name in packages[name].map { "\(name) \($0)" } ?? name }
      .joined(separator: ", ")
  }

  static func progress(_ progress: ImageProgress, of image: SandboxImage) -> String {
    switch progress {
    case .waiting: "\(image.rawValue): another process prepares it; waiting"
    case .installing(let count): "\(image.rawValue): fetching \(count) packages"
    case .trying: "\(image.rawValue): trying what was fetched"
    }
  }
}
