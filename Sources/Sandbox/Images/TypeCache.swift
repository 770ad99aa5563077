import Domain
import Foundation

/// What mypy makes of the standard library's stubs, so that no run has to read them anew: two thirds
/// of what mypy costs.
///
/// It lies beside the packages, where a run can read it and not write; each run works on a copy of
/// its own. mypy takes of it what was made by the same version with the same options of the same
/// stubs, and makes the rest anew, so without it, or with an old one, a run is slower and no other.
struct TypeCache: Sendable {
  /// In the folder of the packages.
  static let folder = "stet-mypy-cache"

  /// Those of `lint_types.py` that mypy compares before it takes anything from a cache.
  static let options = [
    "--config-file=", "--ignore-missing-imports", "--check-untyped-defs", "--strict-equality",
    "--extra-checks", "--disable-error-code=import-untyped",
    "--disable-error-code=annotation-unchecked",
  ]

  /// What programs import most, with all that these import.
  static let modules = [
    "abc", "argparse", "array", "ast", "asyncio", "base64", "bisect", "calendar", "cmath",
    "collections.abc", "concurrent.futures", "configparser", "contextlib", "contextvars", "copy",
    "csv", "ctypes", "dataclasses", "datetime", "decimal", "difflib", "email.message", "enum",
    "fnmatch", "fractions", "functools", "getpass", "glob", "gzip", "hashlib", "heapq", "hmac",
    "html", "http.client", "http.server", "importlib", "inspect", "io", "ipaddress", "itertools",
    "json", "logging.handlers", "math", "mimetypes", "multiprocessing", "operator", "os",
    "pathlib", "pickle", "platform", "pprint", "queue", "random", "re", "secrets", "select",
    "shlex", "shutil", "signal", "smtplib", "socket", "sqlite3", "ssl", "stat", "statistics",
    "string", "struct", "subprocess", "sys", "tarfile", "tempfile", "textwrap", "threading",
    "time", "timeit", "traceback", "types", "typing", "typing_extensions", "unicodedata",
    "unittest.mock", "urllib.parse", "urllib.request", "uuid", "warnings", "weakref",
    "xml.etree.ElementTree", "zipfile", "zlib",
  ]

  /// Its arguments are the options, `--`, and the modules.
  static let program = """
    import io, os, sys
    sys.path.append("/image/site")
    from mypy import main
    middle = sys.argv.index("--")
    os.chdir("/tmp")
    with open("stet_modules.py", "w") as file:
        file.writelines("import %s\\n" % name for name in sys.argv[middle + 1:])
    told = io.StringIO()
    try:
        main.main(
            args=sys.argv[1:middle] + ["--cache-dir=/cache", "stet_modules.py"],
            stdout=told, stderr=told, clean_exit=True)
    except SystemExit as stop:
        sys.exit(stop.code)
    """

  let python: String
  /// The packages, with mypy among them. Shown to mypy where runs see them, for it remembers places.
  let site: String
  let environment: [String: String]

  /// Runs mypy in the sandbox. What comes of it is there whole or not at all.
  func make() async {
    let place = "\(site)/\(Self.folder)"
    do {
      try FileManager.default.createDirectory(
        atPath: place, withIntermediateDirectories: true)
    } catch {
      return
    }
    let enclosure = Enclosure(mounts: [
      .init(from: site, to: "/image/site"),
      .init(from: place, to: "/cache", isWritable: true),
    ])
    if let words = Isolation(environment: environment).words(enclosure) {
      let command =
        words + [python, "-I", "-S", "-B", "-c", Self.program] + Self.options + ["--"]
        + Self.modules
      let result = try? await CommandRunner().run(
        Command(
          command[0], Array(command.dropFirst()), workingFolder: "/", timeout: .seconds(300)))
      if result?.succeeded == true { return }
    }
    try? FileManager.default.removeItem(atPath: place)
  }
}
